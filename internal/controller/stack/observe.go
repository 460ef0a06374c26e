package stack

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/controller/target"
	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/runs"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// pass is what one pass knows.
type pass struct {
	unit   lockstep.Unit
	stack  *v1alpha1.Stack // status is filled in by report
	before *v1alpha1.Stack // as read
	start  time.Time

	driver driver.Driver
	memo   fleet.Memo
	rules  *health.Rules
	live   lockstep.Live
	looked bool // live is what the driver said
	plan   plan.Plan
	// broken are objects that cannot be planned or were not applied; the others
	// went on.
	broken   error
	outcomes []lockstep.Outcome
	// superseded: a newer commit came while this pass was under way.
	superseded bool
	// run is set for a pass of a release that takes several.
	run *rollout
	// draft is Helm's record of what this pass rendered, where one is kept.
	draft []byte
	// lapse is when the pause or hold in force runs out; zero without one.
	lapse time.Time
	// module, desk and tool are set for a Stack with a root module: what is asked for,
	// what lies open, and the run of the tool that is under way.
	module *stack.Module
	desk   *desk
	tool   *runs.Run
	// pending: it is not known yet whether there is anything to do.
	pending bool
	// findings say what may be lost by the plan.
	findings []risk.Finding
	// outputs that were handed on, and the approval that was used up, by this pass.
	outputs map[string]driver.Output
	// consent is the approval that the plan goes ahead under; consumed the one that this
	// pass used up.
	consent, consumed string
	// first is before as the pass found it: it may write on its way.
	first *v1alpha1.Stack

	// judged: drift, alone and again say what there is of drift now.
	judged bool
	drift  []lockstep.Drift
	alone  int           // objects that an annotation takes out of our hands
	again  time.Duration // until the first drift that waits is due; 0 for none
	healed []plan.Step
	// times are when the beats ended, for the record.
	times store.Times
}

func newPass(s *v1alpha1.Stack) *pass {
	// The cache's object is shared; report changes its own copy.
	return &pass{unit: stack.UnitOf(s), stack: s.DeepCopy(), before: s, first: s, start: time.Now()}
}

// requested says whether somebody asked for a pass now.
func (p *pass) requested() bool {
	return p.before.Annotations[v1alpha1.AnnotationReconcileAt] != p.before.Status.LastHandledReconcileAt
}

// wants are the wants that have to be on the target. A Job that was applied, ran
// and went away as it asked for is not among them.
func (p *pass) wants() []plan.Want {
	if p.rolls() {
		return plan.RemainingOf(p.memo.Wants, p.live, p.ran)
	}
	applied := p.outcomes != nil && p.broken == nil
	if !applied && !stack.Carried(p.before, p.memo.Key) {
		return p.memo.Wants
	}
	return plan.Remaining(p.memo.Wants, p.live)
}

// held returns the first gate that is closed.
func (p *pass) held() (plan.Gate, bool) {
	if gate, held := p.plan.Held(); held {
		return gate, true
	}
	if p.stack.Spec.Sync.Mode == v1alpha1.SyncManual && !p.requested() && !p.underWay() {
		return plan.Gate{
			Name:   "manual sync",
			Reason: p.plan.Sentence(),
			Hint:   "read it with: lockstep plan " + p.unit.String() + "; apply it with: lockstep reconcile " + p.unit.String(),
		}, true
	}
	return plan.Gate{}, false
}

// observe finds out what Git asks for and what is live, and plans.
//
// A Stack whose last render still holds, and whose live objects are what that
// render came to, is done without rendering: the memory of identities and
// digests is enough to know. So is one whose drift was decided to be left.
func (r *Reconciler) observe(ctx context.Context, p *pass) error {
	var err error
	if p.rules, err = r.rules.of(p.stack); err != nil {
		return err
	}
	memo, fresh := r.Fleet.Memo(p.unit, p.stack.Generation)
	if fresh && !p.requested() && !memo.Expired(time.Now()) {
		if memo.Err != nil {
			r.Metrics.recalled.Inc()
			return memo.Err
		}
		done, err := r.recall(ctx, p, memo)
		if err != nil || done {
			r.Metrics.recalled.Inc()
			return err
		}
	}
	r.Metrics.forgotten.Inc()
	return r.render(ctx, p)
}

// recall says whether live is what memo came to.
func (r *Reconciler) recall(ctx context.Context, p *pass, memo fleet.Memo) (bool, error) {
	var err error
	if p.driver, err = r.lookup(nil).Driver(ctx, stack.TargetOf(p.stack)); err != nil {
		return false, err
	}
	p.memo = memo
	if err = r.look(ctx, p, nil); err != nil {
		return false, err
	}
	if releasing(p) || p.testsAsked() {
		return false, nil
	}
	return r.asleep(p), nil
}

// look asks the driver what is live.
func (r *Reconciler) look(ctx context.Context, p *pass, desired []lockstep.Object) (err error) {
	ctx, b := r.begin(ctx, beatObserve)
	defer func() { r.end(b, err) }()
	kinds := stack.KindsOf(p.stack)
	for _, w := range p.memo.Wants {
		kinds = append(kinds, w.Key.GroupKind())
	}
	kinds = append(kinds, p.memo.HookKinds...)
	others, err := r.Inventory.Kinds(ctx, stack.TargetOf(p.stack))
	if err != nil {
		return err
	}
	p.live, err = p.driver.Observe(ctx, driver.Query{Unit: p.unit, Kinds: kinds, Others: others, Desired: desired, Health: p.rules})
	p.looked = err == nil
	return err
}

// render renders, observes and plans.
func (r *Reconciler) render(ctx context.Context, p *pass) error {
	session := r.Refs.Begin(userOf(p.unit))
	lookup := r.lookup(session)
	engine := stack.Engine{Lookup: lookup, Render: r.Render, Key: r.Key, AllowRemote: r.AllowRemote}
	in, err := r.resolve(ctx, lookup, p)
	session.End()
	if err != nil {
		return err
	}
	commit := in.Snapshot.Revision().Commit
	engine.Follow = r.follow(p.unit, commit)
	rendered, err := r.desired(ctx, engine, in)
	if err != nil && r.Fleet.Overtaken(p.unit, commit, rendered.Reads) {
		return errOvertaken
	}
	if err != nil {
		r.remember(p, in, rendered, err)
		return err
	}
	p.driver, p.draft = in.Driver, rendered.Record
	p.times.Rendered = time.Now()
	program := run.NewProgram(rendered.Hooks)
	p.memo = memoOf(rendered, r.Key)
	if err := r.look(ctx, p, rendered.Objects); err != nil {
		return err
	}
	in.Carried = stack.Carried(p.before, rendered.Key) || stack.Applied(p.before, rendered.Key)
	in.Ran = stack.Ran(p.before, rendered.Key)
	in.Hooks = stack.HooksDue(p.before, rendered.Key, program, r.Key)
	p.plan, p.broken = r.decide(ctx, engine, in, rendered.Objects, p.live)
	p.times.Planned = time.Now()
	r.remember(p, in, rendered, nil)
	p.plot(program)
	r.guard(ctx, p)
	return nil
}

// memoOf is what is remembered of the objects and hooks of a render.
func memoOf(rendered stack.Rendered, key []byte) fleet.Memo {
	program := run.NewProgram(rendered.Hooks)
	m := fleet.Memo{Wants: plan.Wants(rendered.Objects, key), HookKinds: program.Kinds(), DeleteHooks: program.Deletes()}
	m.Staged = stack.Staged(m.Wants, program)
	return m
}

// remember keeps what a render came to. A mistake in Git is remembered as well:
// commits that do not touch what was read would only find it again.
func (r *Reconciler) remember(p *pass, in stack.Inputs, rendered stack.Rendered, err error) {
	if err != nil && !lasting(rendered.Kind, err) {
		return
	}
	var until time.Time
	if errors.Is(err, worker.ErrDeadline) {
		until = time.Now().Add(tooLong)
	}
	rev := in.Snapshot.Revision()
	p.memo = fleet.Memo{
		Generation: p.stack.Generation,
		Key:        rendered.Key,
		Commit:     rev.Commit,
		Revision:   rev,
		Fetched:    r.Fleet.Fetched(stack.SourceOf(p.stack), rev.Commit),
		Renderer:   rendered.Kind,
		Reads:      rendered.Reads,
		Wants:      p.memo.Wants,
		Staged:     p.memo.Staged,
		HookKinds:  p.memo.HookKinds, DeleteHooks: p.memo.DeleteHooks,
		Err: err, Until: until,
	}
	r.Fleet.Remember(p.unit, p.memo)
}

// lookup finds what specs name: Sources and Targets in memory, Secrets and
// ConfigMaps through their watches.
type lookup struct {
	*refs.Session
	fleet       *fleet.Fleet
	connections *target.Connections
	client      client.Client
}

func (r *Reconciler) lookup(session *refs.Session) lookup {
	return lookup{Session: session, fleet: r.Fleet, connections: r.Connections, client: r.Client}
}

func (l lookup) Snapshot(ctx context.Context, src lockstep.Unit, commit string) (source.Snapshot, error) {
	snap, err := l.fleet.Snapshot(src, commit)
	if errors.Is(err, fault.KindWaiting) && l.absent(ctx, src, &v1alpha1.Source{}) {
		return nil, fault.NotFound("source %q does not exist", src).WithHint("create it, or correct spec.source.name")
	}
	return snap, err
}

func (l lookup) Driver(ctx context.Context, ref lockstep.TargetRef) (driver.Driver, error) {
	d, err := l.connections.Driver(ctx, ref)
	if errors.Is(err, fault.KindNotFound) && !l.absent(ctx, lockstep.Unit(ref), &v1alpha1.Target{}) {
		return nil, fault.Waiting("target %q has not been connected yet", ref)
	}
	return d, err
}

// absent asks the cache, which costs no request.
func (l lookup) absent(ctx context.Context, name lockstep.Unit, into client.Object) bool {
	err := l.client.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, into)
	return apierrors.IsNotFound(err)
}

// tooLong is for how long a render is not tried again that ran for too long. It
// would take as long again, unless the machine was busy with something else.
const tooLong = 30 * time.Minute

// lasting says whether rendering the same tree again ends in the same mistake. A
// chart that is not found may be published meanwhile; a file that is not found is
// missing in Git.
func lasting(kind render.Kind, err error) bool {
	for _, f := range fault.All(err) {
		if errors.Is(f, worker.ErrDeadline) {
			continue
		}
		missing := f.Kind == fault.KindNotFound && kind != render.Helm
		if !missing && f.Kind.Consequence().Retry != fault.OnEvent {
			return false
		}
	}
	return true
}
