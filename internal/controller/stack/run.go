package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// rollout is what a pass knows of a release that takes several passes.
type rollout struct {
	program run.Program
	action  hook.Action
	request string
	record  run.Record
	// carried are the stages of the plan that this pass has carried out.
	carried map[int]bool
	waits   string
	again   time.Duration
	begun   bool // the state machine was asked
}

// rolls says whether the release of p's content takes more than this pass, or
// tests are asked for.
func (p *pass) rolls() bool { return p.run != nil }

// underWay says whether the run that is wanted has begun.
func (p *pass) underWay() bool {
	r := p.before.Status.Run
	return r != nil && !run.State(r.State).Ended() && r.Key == p.memo.Key
}

// releasing says whether the memo's content is still to be released in stages.
func releasing(p *pass) bool { return p.memo.Staged && p.before.Status.Key != p.memo.Key }

// testsAsked says whether somebody wants the tests to run and they have not.
func (p *pass) testsAsked() bool {
	asked := p.before.Annotations[v1alpha1.AnnotationTestAt]
	r := p.before.Status.Run
	return asked != "" && (r == nil || r.Request != asked || r.Action == hook.Testing.String() && !run.State(r.State).Ended())
}

// plot finds out whether p is a pass of a longer release.
func (p *pass) plot(program run.Program) {
	ro := &rollout{program: program, record: stack.RecordOf(p.before.Status.Run), carried: map[int]bool{}}
	ro.request = ro.record.Request
	switch {
	case releasing(p):
		ro.action = stack.ActionOf(p.before)
	case p.testsAsked():
		ro.action, ro.request = hook.Testing, p.before.Annotations[v1alpha1.AnnotationTestAt]
	case !p.stack.DeletionTimestamp.IsZero():
	default:
		return
	}
	p.run = ro
}

// roll carries a release of several passes as far as it goes now.
func (r *Reconciler) roll(ctx context.Context, p *pass) (reconcile.Result, error) {
	if !p.underWay() && p.run.action != hook.Testing {
		if gate, held := p.held(); held {
			return r.report(ctx, p, v1alpha1.Held(gate.Name, gate.Reason+"; "+gate.Hint), nil)
		}
		if dep, why, blocked := r.Fleet.Blocker(p.unit); blocked {
			return r.report(ctx, p, v1alpha1.WaitingFor("stack "+dep.String()+", "+why), nil)
		}
	}
	applied := stack.Applied(p.before, p.memo.Key)
	if applied && !p.plan.Empty() {
		r.due(p) // it is drift, and may be somebody's who keeps coming back
	}
	seen := driftSeen(p)
	if err := r.carry(ctx, p); err != nil {
		return r.fail(ctx, p, err)
	}
	if applied && p.outcomes != nil {
		r.carried(p, seen)
	}
	return r.rolled(ctx, p)
}

// maxTurns bounds what one pass does of a release: each turn is a hook or a wave.
const maxTurns = 1000

// carry asks the state machine what to do and does it, until there is nothing to
// do now.
func (r *Reconciler) carry(ctx context.Context, p *pass) (err error) {
	ctx, b := r.begin(ctx, beatApply)
	defer func() { r.end(b, err) }()
	if err := r.intend(ctx, p); err != nil {
		return err
	}
	if p.stack.DeletionTimestamp.IsZero() {
		if err := r.ensureNamespace(ctx, p, stack.ActorOf(p.stack)); err != nil {
			return err
		}
	}
	for range maxTurns {
		// Between two turns is where a newer commit may take over.
		if p.superseded = r.yields(ctx, p); p.superseded {
			return nil
		}
		d := run.Next(p.input(time.Now()))
		p.run.record, p.run.waits, p.run.again, p.run.begun = d.Record, d.Waits, d.Again, true
		p.note()
		acted, err := r.turn(ctx, p, d)
		if err != nil || !acted {
			return err
		}
		if err := r.look(ctx, p, nil); err != nil {
			return err
		}
	}
	return nil
}

// turn does what was decided; acted says whether that was anything.
func (r *Reconciler) turn(ctx context.Context, p *pass, d run.Decision) (acted bool, err error) {
	switch {
	case len(d.Create) > 0:
		return true, r.start(ctx, p, d.Create)
	case len(d.Delete) > 0:
		// That a hook ended is kept before its object goes: once both are lost, it
		// looks as if somebody had deleted it while it ran.
		if d.Ended {
			if err := r.persist(ctx, p); err != nil {
				return false, err
			}
		}
		return true, r.clean(ctx, p, d.Delete)
	case d.Apply:
		if p.run.action == hook.Delete {
			// What hooks left behind goes as well; that they ended has to be known after
			// a crash.
			if err := r.persist(ctx, p); err != nil {
				return false, err
			}
		}
		r.applyWaves(ctx, p, d)
		return p.broken == nil || !run.Passing(p.broken), nil
	}
	return false, nil
}

// start creates hooks. What is about to be created is recorded before, so that
// a crash in between does not create it twice.
func (r *Reconciler) start(ctx context.Context, p *pass, list []run.Creation) error {
	if err := r.persist(ctx, p); err != nil {
		return err
	}
	steps := make([]plan.Step, len(list))
	for i, c := range list {
		steps[i] = c.Step
	}
	outcomes := r.stage(ctx, p, stack.ActorOf(p.stack), plan.Stage{Name: stageHooks, Steps: steps})
	r.Metrics.applied(outcomes)
	now := time.Now()
	var passing []error
	for i, o := range outcomes {
		p.run.record.Begun(list[i].Index, o.Err, now)
		if o.Err != nil && run.Passing(o.Err) {
			passing = append(passing, o.Err)
		}
		if o.Err == nil {
			p.stack.Status.Run.Done.Hooks++
		}
	}
	p.note()
	return fault.Join(passing...)
}

// clean deletes objects of hooks.
func (r *Reconciler) clean(ctx context.Context, p *pass, steps []plan.Step) error {
	actor := stack.ActorOf(p.stack)
	var errs []error
	for _, s := range steps {
		o := applyOne(ctx, p.driver, actor, s)
		errs = append(errs, o.Err)
	}
	return fault.Join(errs...)
}

// applyWaves carries out the stages of the plan up to a wave.
func (r *Reconciler) applyWaves(ctx context.Context, p *pass, d run.Decision) {
	actor := stack.ActorOf(p.stack)
	for i, s := range p.plan.Stages {
		if p.run.carried[i] || s.Deletes() && !d.All || !s.Deletes() && !d.All && s.Wave > d.UpTo {
			continue
		}
		if p.superseded = r.yields(ctx, p); p.superseded {
			return
		}
		p.run.carried[i] = true
		outcomes := r.stage(ctx, p, actor, s)
		p.outcomes = append(p.outcomes, outcomes...)
		p.times.Applied = time.Now()
		p.broken = fault.Join(p.broken, failures(outcomes))
		r.Metrics.applied(outcomes)
		count(&p.stack.Status.Run.Done, outcomes)
		p.remember(outcomes)
	}
}

// remember keeps which of the applied objects may be gone before the release is
// done, having run.
func (p *pass) remember(outcomes []lockstep.Outcome) {
	passing := map[lockstep.Key]bool{}
	for _, w := range p.memo.Wants {
		passing[w.Key] = w.Passing
	}
	for _, o := range outcomes {
		if o.Result != lockstep.Failed && passing[o.Key] && !p.ran(o.Key) {
			p.stack.Status.Run.Ran = append(p.stack.Status.Run.Ran, o.Key.String())
		}
	}
}

// ran says whether the run has applied an object that may be gone by now.
func (p *pass) ran(k lockstep.Key) bool {
	r := p.stack.Status.Run
	return r != nil && r.Key == p.memo.Key && slices.Contains(r.Ran, k.String())
}

func count(c *v1alpha1.RunCounts, outcomes []lockstep.Outcome) {
	for _, o := range outcomes {
		if o.Result != lockstep.Done {
			continue
		}
		switch o.Verb {
		case lockstep.Create:
			c.Created++
		case lockstep.Update:
			c.Changed++
		case lockstep.Replace:
			c.Replaced++
		case lockstep.Delete:
			c.Deleted++
		}
	}
}

// note puts the record into the status that will be reported.
func (p *pass) note() {
	p.stack.Status.Run = stack.RunOf(p.run.record, p.stack.Status.Run)
}

// persist writes the record now. Somebody else's write in between is a conflict:
// then another pass decides anew.
func (r *Reconciler) persist(ctx context.Context, p *pass) error {
	if equality.Semantic.DeepEqual(p.before.Status.Run, p.stack.Status.Run) {
		return nil
	}
	next := p.before.DeepCopy()
	next.Status.Run = p.stack.Status.Run.DeepCopy()
	next, err := r.Report.Record(ctx, p.before, next)
	if err != nil {
		if apierrors.IsConflict(err) {
			return err
		}
		return fault.Unavailable("how far the release is could not be recorded: %s", err).Because(err)
	}
	p.before = next
	p.stack.ObjectMeta = next.ObjectMeta
	return nil
}

// input is what the next step depends on.
func (p *pass) input(now time.Time) run.Input {
	in := run.Input{
		Program: p.run.program, Record: p.run.record, Action: p.run.action, Content: p.memo.Key, Request: p.run.request,
		Digest: p.plan.Digest, Tests: p.stack.Spec.Sync.Tests, Live: p.live, Unit: p.unit, Waves: p.waves(),
		Nudged:   p.requested() || p.before.Status.ObservedGeneration != p.stack.Generation,
		Timeout:  p.stack.Spec.Sync.Timeout.Duration,
		RetryMax: p.stack.Spec.Sync.RetryMax.Duration,
		Now:      now,
	}
	if p.broken != nil && !run.Passing(p.broken) {
		in.Refused = p.broken
	}
	for i, s := range p.plan.Stages {
		if s.Deletes() && !p.run.carried[i] {
			in.Deletions += len(s.Steps)
		}
	}
	for _, o := range p.live.Objects {
		if id, _ := hook.Running(o); o.Unit == p.unit && o.Managed && o.Terminating && id == "" {
			in.Left++
		}
	}
	return in
}

// waves says how far each wave of what is kept live is.
func (p *pass) waves() []run.Wave {
	by := map[int]*run.Wave{}
	of := func(n int) *run.Wave {
		if by[n] == nil {
			by[n] = &run.Wave{Number: n}
		}
		return by[n]
	}
	for i, s := range p.plan.Stages {
		if !s.Deletes() && !p.run.carried[i] {
			of(s.Wave).Steps += len(s.Steps)
		}
	}
	live := make(map[lockstep.Key]lockstep.LiveObject, len(p.live.Objects))
	for _, o := range p.live.Objects {
		live[o.Key] = o
	}
	for _, w := range p.wants() {
		if w.Alone {
			continue
		}
		wave := of(w.Wave)
		if why := unready(w.Key, live); why != "" && wave.Unready == "" {
			wave.Unready = why
		}
	}
	return sortedWaves(by)
}

func unready(k lockstep.Key, live map[lockstep.Key]lockstep.LiveObject) string {
	o, there := live[k]
	switch {
	case !there:
		return k.Short() + " is not on the target"
	case o.Health.Status <= lockstep.Suspended:
		return ""
	case o.Health.Message != "":
		return k.Short() + ": " + o.Health.Message
	}
	return k.Short() + " is " + o.Health.Status.String()
}

// rolled reports how far the release is.
func (r *Reconciler) rolled(ctx context.Context, p *pass) (reconcile.Result, error) {
	rec := p.run.record
	var res reconcile.Result
	var err error
	switch {
	case p.superseded:
		return r.report(ctx, p, v1alpha1.Progressing("a newer commit takes over"), nil)
	case p.run.action == hook.Testing, rec.State == run.Succeeded:
		res, err = r.settled(ctx, p)
	case p.broken != nil && rec.State != run.Failed:
		return r.report(ctx, p, report.Fault(p.broken), p.broken)
	case rec.State == run.Failed:
		res, err = r.report(ctx, p, v1alpha1.ReleaseFailed(failedRun(rec)), nil)
	default:
		res, err = r.report(ctx, p, v1alpha1.Progressing(fmt.Sprintf("%s: waits for %s", rec.State, p.run.waits)), nil)
	}
	return p.run.soon(res), err
}

// soon comes again when time itself changes what is to be done.
func (r *rollout) soon(res reconcile.Result) reconcile.Result {
	if r.again > 0 && (res.RequeueAfter == 0 || res.RequeueAfter > r.again) {
		// A little later, so that time is really up then.
		res.RequeueAfter = r.again + 50*time.Millisecond
	}
	return res
}

func failedRun(rec run.Record) string {
	s := fmt.Sprintf("the %s failed in %s: %s", rec.Action, rec.FailedIn, rec.Message)
	if rec.Attempt > 1 {
		s += fmt.Sprintf(" (attempt %d)", rec.Attempt)
	}
	return s
}

// chronicle keeps the release of a run in the history: one entry, however many
// passes and attempts it takes.
func (p *pass) chronicle() {
	s := &p.stack.Status
	if s.Run == nil || !p.run.begun || p.run.action == hook.Testing || p.run.action == hook.Delete {
		return
	}
	now := s.Run.Since
	if s.Run.Release == 0 {
		p.enter(now.Time)
	}
	if len(s.History) == 0 || s.History[0].ID != s.Run.Release {
		return
	}
	head := &s.History[0]
	if sum := summary(s.Run.Done); sum != "" {
		head.Summary = sum
	}
	head.Outcome, head.Message, head.FinishedAt = outcomeProgressing, "", nil
	switch run.State(s.Run.State) {
	case run.Succeeded:
		head.Outcome, head.FinishedAt = outcomeSucceeded, &now
	case run.Failed:
		head.Outcome, head.Message, head.FinishedAt = outcomeFailed, s.Run.Message, &now
	}
}

// enter begins the entry in the history, or takes up that of the attempt before.
func (p *pass) enter(now time.Time) {
	s := &p.stack.Status
	before := p.first.Status.Run
	if s.Run.Attempt > 1 && before != nil && before.Release != 0 {
		s.Run.Release = before.Release
		return
	}
	if len(s.History) > 0 && s.History[0].Outcome == outcomeProgressing {
		head := &s.History[0]
		at := metav1.NewTime(now)
		head.Outcome, head.FinishedAt = outcomeSuperseded, &at
	}
	s.Release++
	s.Run.Release = s.Release
	rev := p.memo.Revision
	entry := v1alpha1.Release{
		ID: s.Release, Revision: rev.Commit, Subject: rev.Subject, Author: rev.Author,
		Digest: s.Run.Plan, Summary: "nothing to change", Cause: p.cause(),
		Outcome: outcomeProgressing, StartedAt: s.Run.StartedAt,
	}
	s.Begin(entry)
}

// summary says what a run did so far.
func summary(c v1alpha1.RunCounts) string {
	var parts []string
	for _, n := range []struct {
		n    int32
		word string
	}{{c.Created, "created"}, {c.Changed, "changed"}, {c.Replaced, "replaced"}, {c.Deleted, "deleted"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.word))
		}
	}
	if c.Hooks > 0 {
		parts = append(parts, counted(int(c.Hooks), "hook")+" run")
	}
	return strings.Join(parts, ", ")
}

func sortedWaves(by map[int]*run.Wave) []run.Wave {
	out := make([]run.Wave, 0, len(by))
	for _, n := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[n])
	}
	return out
}
