package stack

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"golang.org/x/sync/errgroup"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/observe"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// act carries out the plan, stage by stage, the steps of one stage in parallel.
//
// One object that fails does not hold up the others, except deletions: nothing
// is deleted in a pass in which something could not be applied, because what
// fails may be the very thing that takes over from what would go.
func (r *Reconciler) act(ctx context.Context, p *pass) (err error) {
	ctx, b := r.begin(ctx, beatApply)
	defer func() { r.end(b, err) }()
	if err := r.intend(ctx, p); err != nil {
		return err
	}
	actor, seen := stack.ActorOf(p.stack), driftSeen(p)
	if err := r.ensureNamespace(ctx, p, actor); err != nil {
		return err
	}
	for _, stage := range p.plan.Stages {
		// Between stages is where a newer commit may take over: everything applied
		// so far is whole, and the next pass starts from what is live.
		if p.superseded = r.yields(ctx, p); p.superseded {
			break
		}
		p.outcomes = append(p.outcomes, r.stage(ctx, p, actor, stage)...)
	}
	p.times.Applied = time.Now()
	r.Metrics.applied(p.outcomes)
	r.carried(p, seen)
	p.broken = fault.Join(p.broken, failures(p.outcomes))
	// What is live is known without asking: the driver has seen its own answers.
	return r.look(ctx, p, nil)
}

func (r *Reconciler) stage(ctx context.Context, p *pass, actor driver.Actor, stage plan.Stage) []lockstep.Outcome {
	ctx, span := observe.Start(ctx, "apply stage")
	defer span.End(nil)
	span.Set("lockstep.stage", stage.Name)
	out := make([]lockstep.Outcome, len(stage.Steps))
	failed := p.broken != nil || failures(p.outcomes) != nil
	var g errgroup.Group
	var yielded atomic.Bool
	g.SetLimit(max(r.Parallel, 1))
	for i, step := range stage.Steps {
		if failed && step.Verb == lockstep.Delete {
			out[i] = lockstep.Outcome{Key: step.Key, Verb: step.Verb, Result: lockstep.Skipped, Note: "not deleted because other objects failed"}
			continue
		}
		g.Go(func() error {
			// A stage of thousands is not waited for either; its order is of no matter.
			if step.Desired.Tree != nil && stage.Name != stageHooks && r.yields(ctx, p) {
				yielded.Store(true)
				out[i] = lockstep.Outcome{Key: step.Key, Verb: step.Verb, Result: lockstep.Skipped, Note: "left to a newer commit"}
				return nil
			}
			out[i] = applyOne(ctx, p.driver, actor, step)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil; results are in out
	p.superseded = p.superseded || yielded.Load()
	return out
}

// intend makes sure, before the first write, that the Stack's deletion has to
// come by here, and that the kinds are on record which it is about to have objects
// of. With the mark on every object this is the inventory
// (docs/adr/0005-inventory.md): a crash at any point later leaks nothing. Nearly
// always both are so already, and it costs nothing.
func (r *Reconciler) intend(ctx context.Context, p *pass) error {
	var kinds []lockstep.GroupKind
	for _, s := range p.plan.Steps() {
		if gk := s.Key.GroupKind(); s.Desired.Tree != nil && !slices.Contains(kinds, gk) {
			kinds = append(kinds, gk)
		}
	}
	if p.rolls() {
		kinds = append(kinds, p.run.program.Kinds()...)
	}
	if err := r.Inventory.Add(ctx, stack.TargetOf(p.stack), kinds); err != nil {
		return err
	}
	return r.hold(ctx, p)
}

// keep makes sure that a Stack whose objects are all as they should be is still
// held: somebody may have replaced it whole.
func (r *Reconciler) keep(ctx context.Context, p *pass) error {
	if len(stack.KindsLive(p.unit, p.live)) == 0 {
		return nil
	}
	return r.hold(ctx, p)
}

// hold adds the finalizer. The API does that itself when a Stack is created, where
// it can (deploy/admission); this is for where it cannot, and for Stacks that are
// older than that.
func (r *Reconciler) hold(ctx context.Context, p *pass) error {
	if controllerutil.ContainsFinalizer(p.stack, v1alpha1.Finalizer) {
		return nil
	}
	next := p.stack.DeepCopy()
	controllerutil.AddFinalizer(next, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(p.stack, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, next, patch); err != nil {
		if apierrors.IsConflict(err) {
			return err
		}
		return fault.Unavailable("the finalizer could not be set before applying: %s", err).Because(err)
	}
	r.Report.Wrote(next)
	// The answer is newer than the cache; what report compares with stays as read,
	// apart from what was just written.
	p.stack.ObjectMeta = next.ObjectMeta
	p.before = p.before.DeepCopy()
	p.before.ObjectMeta = next.ObjectMeta
	return nil
}

// namespacer is a driver of Targets that have namespaces.
type namespacer interface {
	EnsureNamespace(ctx context.Context, as driver.Actor, name string) error
}

// ensureNamespace creates the target namespace if the Stack asks for that. It is
// nobody's object: no mark, never pruned.
func (r *Reconciler) ensureNamespace(ctx context.Context, p *pass, actor driver.Actor) error {
	if !p.stack.Spec.Target.CreateNamespace {
		return nil
	}
	d, ok := p.driver.(namespacer)
	name := stack.NamespaceOf(p.stack)
	own := slices.ContainsFunc(p.memo.Wants, func(w plan.Want) bool {
		return w.Key == lockstep.Key{Kind: "Namespace", Name: name}
	})
	if !ok || own {
		return nil
	}
	return d.EnsureNamespace(ctx, actor, name)
}

func failures(outcomes []lockstep.Outcome) error {
	var errs []error
	for _, o := range outcomes {
		errs = append(errs, o.Err)
	}
	return fault.Join(errs...)
}
