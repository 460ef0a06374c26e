// Package stack keeps Stacks live.
//
// Every pass has four beats: observe the world, decide in core/plan without
// touching it, act through a driver, report. A pass never waits for health, for
// a dependency or for a person: it says what it found and returns, and an event
// wakes it. Only report writes status, so a pass may stop anywhere and the user
// still learns why.
package stack

import (
	"context"
	"errors"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/inventory"
	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/controller/target"
	"github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/observe"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Reconciler moves Stacks closer to what Git asks for.
type Reconciler struct {
	Client      client.Client
	Fleet       *fleet.Fleet
	Refs        *refs.Store
	Connections *target.Connections
	Inventory   *inventory.Store
	Render      stack.Renderer
	// Key makes digests of Secrets useless to whoever does not hold it.
	Key []byte
	// AllowRemote lets kustomizations fetch remote bases and resources.
	AllowRemote bool
	Report      *report.Reporter
	Metrics     *Metrics
	Tracer      *observe.Tracer
	Causes      *observe.Causes
	Log         *slog.Logger
	// History keeps what happened; it never makes a pass wait.
	History store.Recorder
	// Parallel is how many objects of one stage are applied at once.
	Parallel int

	// Modules runs root modules; nil where none are.
	Modules *Modules

	rules rules
	drift ledgers
	told  told
	desks desks
}

// reconcile moves one Stack a step closer to what Git asks for.
func (r *Reconciler) reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	defer r.Report.Pass()()
	unit := lockstep.Unit{Namespace: req.Namespace, Name: req.Name}
	s := &v1alpha1.Stack{}
	if err := r.Client.Get(ctx, req.NamespacedName, s); err != nil {
		if !apierrors.IsNotFound(err) {
			return reconcile.Result{}, err
		}
		r.forget(unit)
		return reconcile.Result{}, nil
	}
	s, lapse := stack.InForce(r.Report.Latest(s).(*v1alpha1.Stack), time.Now())
	p := newPass(s)
	p.lapse = lapse
	ctx, cancel := bounded(ctx, s)
	defer cancel()
	if !s.DeletionTimestamp.IsZero() {
		return r.finalize(ctx, p)
	}
	r.Fleet.Link(unit, linksOf(s))
	if s.Spec.Pause != nil {
		return r.report(ctx, p, v1alpha1.Paused(s.Spec.Pause), nil)
	}
	if ring := r.Fleet.Cycle(unit); ring != nil {
		return r.fail(ctx, p, cyclic(ring))
	}

	if s.Spec.Terraform != nil {
		return r.module(ctx, p)
	}

	if err := r.observe(ctx, p); err != nil {
		return r.fail(ctx, p, err)
	}
	if p.rolls() {
		return r.roll(ctx, p)
	}
	if p.plan.Empty() {
		if !p.judged {
			r.due(p)
		}
		return r.rest(ctx, p)
	}
	// Held is asked of the plan, not of the spec: a gate that was open when the
	// plan was made may since have closed.
	if gate, held := p.held(); held {
		r.holds(p, gate)
		return r.report(ctx, p, v1alpha1.Held(gate.Name, gate.Reason+"; "+gate.Hint), nil)
	}
	if dep, why, blocked := r.Fleet.Blocker(unit); blocked {
		return r.report(ctx, p, v1alpha1.WaitingFor("stack "+dep.String()+", "+why), nil)
	}

	if r.due(p); p.plan.Empty() {
		return r.rest(ctx, p)
	}
	if err := r.act(ctx, p); err != nil {
		return r.fail(ctx, p, err)
	}
	return r.settled(ctx, p)
}

// rest is a pass that has nothing to do on the Target.
func (r *Reconciler) rest(ctx context.Context, p *pass) (reconcile.Result, error) {
	if err := r.keep(ctx, p); err != nil {
		return r.fail(ctx, p, err)
	}
	return r.settled(ctx, p)
}

func (r *Reconciler) forget(unit lockstep.Unit) {
	r.letGo(unit)
	r.Fleet.Forget(unit)
}

// letGo forgets what was known of a Stack that is gone, or is another replica's.
func (r *Reconciler) letGo(unit lockstep.Unit) {
	r.rules.forget(unit)
	r.drift.forget(unit)
	r.told.forget(unit)
	r.desks.forget(unit)
	r.Metrics.drift.now(unit, nil)
	r.Metrics.leaves(unit)
	r.Refs.Release(userOf(unit))
}

// stale is how soon a pass is repeated whose write was refused because the cache
// had not caught up.
const stale = 100 * time.Millisecond

// fail reports err. A Source or Target that was only not looked at yet, as at
// every start, is nobody's trouble: it wakes its Stacks when it has been, and a
// thousand statuses that say so would be a thousand writes.
func (r *Reconciler) fail(ctx context.Context, p *pass, err error) (reconcile.Result, error) {
	r.Log.DebugContext(ctx, "pass ended early", "stack", p.unit.String(), "err", err)
	if apierrors.IsConflict(err) || errors.Is(err, errOvertaken) {
		return reconcile.Result{RequeueAfter: stale}, nil
	}
	if what, unknown := unknownInput(err); unknown {
		return r.report(ctx, p, v1alpha1.WaitingFor("an input: "+what), nil)
	}
	if errors.Is(err, fault.KindWaiting) {
		r.Fleet.Set(p.unit, fleet.State{Why: fault.As(err).What})
		return reconcile.Result{}, nil
	}
	return r.report(ctx, p, report.Fault(err), err)
}

func cyclic(ring []lockstep.Unit) error {
	return fault.Invalid("its dependencies form a cycle: %s", graph.Print(ring)).
		WithHint("remove one of these spec.dependsOn")
}

func linksOf(s *v1alpha1.Stack) fleet.Links {
	return fleet.Links{
		Sources:      stack.SourcesOf(s),
		Dependencies: stack.DependenciesOf(s),
		Target:       stack.TargetOf(s),
		Pin:          s.Spec.Source.Revision,
		Deaf:         s.Spec.Sync.Drift == v1alpha1.DriftIgnore,
	}
}

func userOf(u lockstep.Unit) refs.User {
	return refs.User{Kind: "Stack", Namespace: u.Namespace, Name: u.Name}
}
