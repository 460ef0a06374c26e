package stack

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/runs"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Modules is what Stacks with a root module need besides.
type Modules struct {
	Planner driver.Planner
	Collect stack.Collector
	Runs    *runs.Manager
	// Keeper keeps states; nil where none are kept here.
	Keeper StateKeeper
	// Shelf is where others find outputs and plans.
	Shelf Shelf
	// Holder is this replica, for the record of a run.
	Holder string
}

// StateKeeper keeps the states of modules.
type StateKeeper interface {
	// Backend is where the run with this ID reads and writes the state of u's workspace;
	// writes says whether it may.
	Backend(u lockstep.Unit, workspace, run string, writes bool) (driver.Backend, error)
	// Trouble is why the run's last lock or write was refused; nil if none was. The tools
	// repeat a number and no reason.
	Trouble(run string) error
	// Revoke ends what Backend granted.
	Revoke(run string)
}

// Shelf keeps what others read of a Stack.
type Shelf interface {
	HandOn(ctx context.Context, s *v1alpha1.Stack, outputs map[string]driver.Output) error
	Keep(ctx context.Context, s *v1alpha1.Stack, p shelf.Plan) error
	Kept(ctx context.Context, u lockstep.Unit) (shelf.Plan, bool, error)
}

// What a run is for, as statuses, metrics and IDs say it.
const (
	intentPlan    = "plan"
	intentApply   = "apply"
	intentDestroy = "destroy"
	intentDrift   = "drift"
)

// module is a pass of a Stack with a root module. What the tool does takes longer than
// a pass may, so a pass starts a run, or takes up how one ended.
func (r *Reconciler) module(ctx context.Context, p *pass) (reconcile.Result, error) {
	if r.Modules == nil {
		return r.fail(ctx, p, fault.Invalid("spec.terraform is set, and this server runs no modules").WithHint("start it without --no-terraform"))
	}
	if done, res, err := r.busy(ctx, p); done {
		return res, err
	}
	m, err := r.resolveModule(ctx, p)
	if err != nil {
		return r.fail(ctx, p, err)
	}
	p.module = &m
	if err := r.sit(ctx, p); err != nil {
		return r.fail(ctx, p, err)
	}
	d := p.desk
	if p.requested() {
		d.ask(p.stack.Annotations[v1alpha1.AnnotationReconcileAt])
	}
	if d.applied != nil {
		return r.carriedOut(ctx, p)
	}
	if d.paused(time.Now()) {
		p.again = max(time.Until(d.until), time.Second)
		return r.reportModule(ctx, p, report.Fault(d.failed), d.failed)
	}
	switch {
	case d.proposal != nil:
		return r.proposed(ctx, p)
	case d.proved || p.rests():
		return r.standing(ctx, p)
	}
	return r.launch(ctx, p, intentPlan)
}

// planning is what a plan is made for.
func (p *pass) planning() string {
	if p.desk.destroying {
		return intentDestroy
	}
	return intentPlan
}

// busy reports a run that has not ended. One that plans what nobody asks for any
// more is stopped; one that applies never is.
func (r *Reconciler) busy(ctx context.Context, p *pass) (bool, reconcile.Result, error) {
	run, there := r.Modules.Runs.Find(p.unit)
	if !there || run.State == runs.Ended {
		return false, reconcile.Result{}, nil
	}
	if run.Intent != intentApply && r.Fleet.Stale(p.unit) {
		r.Modules.Runs.Cancel(p.unit, errOvertaken)
	}
	p.pending, p.tool = true, &run
	res, err := r.reportModule(ctx, p, v1alpha1.Progressing(sentenceOf(run)), nil)
	return true, res, err
}

// resolveModule collects what Git and the spec ask for. What was collected before is
// remembered by what it read, as a render is.
func (r *Reconciler) resolveModule(ctx context.Context, p *pass) (stack.Module, error) {
	session := r.Refs.Begin(userOf(p.unit))
	engine := stack.Engine{Lookup: r.lookup(session), Key: r.Key}
	ctx, b := r.begin(ctx, beatRender)
	m, err := engine.Module(ctx, p.stack, r.Modules.Collect)
	r.end(b, err)
	session.End()
	memo := fleet.Memo{
		Generation: p.stack.Generation, Key: m.Key, Commit: m.Revision.Commit, Revision: m.Revision, Renderer: stack.KindTerraform, Reads: m.Reads,
	}
	if err != nil && !lasting(stack.KindTerraform, err) {
		return m, err
	}
	memo.Err = err
	p.memo, p.times.Rendered = memo, time.Now()
	r.Fleet.Remember(p.unit, memo)
	return m, err
}

// sit puts the unit's desk before p, with what was kept of it before a restart and what
// the newest run came to.
func (r *Reconciler) sit(ctx context.Context, p *pass) error {
	p.desk = r.desks.at(p.unit, p.module.Key)
	if d := p.desk; !d.opened {
		if p.before.Status.Plan != nil {
			kept, there, err := r.Modules.Shelf.Kept(ctx, p.unit)
			if err != nil {
				return err
			}
			if there {
				d.recall(kept)
			}
		}
		d.opened = true
	}
	r.takeUp(p)
	return nil
}

// takeUp puts on the desk how the newest run ended, if nobody has yet.
func (r *Reconciler) takeUp(p *pass) {
	run, there := r.Modules.Runs.Find(p.unit)
	if !there || run.State != runs.Ended {
		return
	}
	r.Modules.Runs.Drop(p.unit, run.ID)
	if k := r.Modules.Keeper; k != nil {
		if run.Err != nil {
			run.Err = fault.Join(run.Err, k.Trouble(run.ID))
		}
		k.Revoke(run.ID)
	}
	if run.Err == nil {
		// One that failed is kept: it may hold a state that could not be saved.
		if err := r.Modules.Planner.Discard(run.ID); err != nil {
			r.Log.Warn("what is kept of a run cannot be removed", "stack", p.unit.String(), "run", run.ID, "error", err)
		}
	}
	p.desk.take(run, p.module.Key, time.Now(), p.stack.Spec.Sync.RetryMax.Duration)
	p.times.Planned = p.desk.planned
}

// rests says whether what is asked for was carried out, and it is not yet time to look
// for what others did.
func (p *pass) rests() bool {
	return p.before.Status.Key == p.module.Key && !p.desk.asked && len(p.desk.drift) == 0
}

// driftDue is when the world is to be compared with the state next; zero for never.
func (p *pass) driftDue() time.Time {
	every := p.stack.Spec.Terraform.Drift.Interval.Duration
	if every <= 0 || p.stack.Spec.Sync.Drift == v1alpha1.DriftIgnore {
		return time.Time{}
	}
	last := p.desk.looked
	if t := p.before.Status.Terraform; t != nil && t.DriftCheckedAt != nil && t.DriftCheckedAt.After(last) {
		last = t.DriftCheckedAt.Time
	}
	if last.IsZero() {
		return time.Now()
	}
	// Each Stack has a moment of its own, so that a thousand do not look at once.
	h := fnv.New32a()
	h.Write([]byte(p.stack.UID))
	return last.Add(every + time.Duration(float64(every)/10*float64(h.Sum32())/(1<<32)))
}

// standing reports a module that is as it should be, and looks for drift when that is
// due.
func (r *Reconciler) standing(ctx context.Context, p *pass) (reconcile.Result, error) {
	d := p.desk
	if due := p.driftDue(); !due.IsZero() {
		left := time.Until(due)
		if left <= 0 {
			return r.launch(ctx, p, intentDrift)
		}
		p.again = left
	}
	if err := r.handOn(ctx, p); err != nil {
		return r.fail(ctx, p, err)
	}
	d.asked = false
	p.found()
	v := v1alpha1.Standing(revisionOf(p).Short(), p.resources())
	return r.reportModule(ctx, p, onHold(p, v), nil)
}

// proposed decides about a plan that lies on the desk: it waits, or is carried out.
func (r *Reconciler) proposed(ctx context.Context, p *pass) (reconcile.Result, error) {
	d := p.desk
	p.plan = d.proposal.Set.Plan(p.unit, stack.TargetOf(p.stack), p.memo.Revision)
	p.found()
	if due := p.driftDue(); !due.IsZero() {
		p.again = max(time.Until(due), time.Second)
		if !time.Now().Before(due) {
			// What was read an hour ago may not be what would be done now.
			return r.launch(ctx, p, p.planning())
		}
	}
	verdict := r.decideModule(ctx, p)
	if gate, there := verdict.PlanGate(); there {
		p.plan.Gates = append(p.plan.Gates, gate)
	}
	if !verdict.Open {
		d.asked = false
		if err := r.shelve(ctx, p); err != nil {
			return r.fail(ctx, p, err)
		}
		return r.reportModule(ctx, p, v1alpha1.Held(verdict.Gate, verdict.Reason+"; "+verdict.Hint), nil)
	}
	// What goes does not wait for what it was built on, which goes after it.
	if dep, why, blocked := r.Fleet.Blocker(p.unit); blocked && !d.destroying {
		return r.reportModule(ctx, p, v1alpha1.WaitingFor("stack "+dep.String()+", "+why), nil)
	}
	if err := r.hold(ctx, p); err != nil {
		return r.fail(ctx, p, err)
	}
	if d.approved == nil || verdict.Uses != d.consent {
		d.approved = &d.proposal.Set
	}
	d.consent = verdict.Uses
	// Used up before it is used: a crash must not let it open a second plan.
	p.consumed = verdict.Uses
	if d.proposal.Artifact == nil {
		// It was kept over a restart, and the tool's own plan was not: what is planned
		// now goes ahead if it does no more.
		return r.launch(ctx, p, p.planning())
	}
	return r.launch(ctx, p, intentApply)
}

// shelve keeps the proposal where people find it, once.
func (r *Reconciler) shelve(ctx context.Context, p *pass) error {
	d := p.desk
	if d.shelved == d.proposal.Digest {
		return nil
	}
	err := r.Modules.Shelf.Keep(ctx, p.stack, shelf.Plan{
		Key: p.module.Key, Digest: d.proposal.Digest, Set: d.proposal.Set, Findings: p.findings, Commit: p.memo.Revision.Commit,
		Tool: d.proposal.ToolVersion, Planned: d.planned, Destroys: d.destroying,
	})
	if err == nil {
		d.shelved, d.known = d.proposal.Digest, &d.proposal.Set
	}
	return err
}

// launch begins a run, or reports that it could not be.
func (r *Reconciler) launch(ctx context.Context, p *pass, intent string) (reconcile.Result, error) {
	id := runID(p, intent)
	job := p.module.Job
	job.ID = id
	if p.module.Kept {
		if r.Modules.Keeper == nil {
			return r.fail(ctx, p, fault.Invalid("the module configures no backend, and this server keeps no states").WithHint("configure a backend, or let the server keep states"))
		}
		b, err := r.Modules.Keeper.Backend(p.unit, job.Workspace, id, intent != intentDrift)
		if err != nil {
			return r.fail(ctx, p, err)
		}
		job.Backend = &b
	}
	proposal := p.desk.proposal
	planner := r.Modules.Planner
	do := func(ctx context.Context, tell func(driver.Event)) (runs.Result, error) {
		switch intent {
		case intentApply:
			a, err := planner.Apply(ctx, job, *proposal, tell)
			return runs.Result{Applied: a}, err
		case intentDestroy:
			got, err := planner.Plan(ctx, job, driver.IntentDestroy, tell)
			return runs.Result{Proposal: got}, err
		case intentDrift:
			got, err := planner.Plan(ctx, job, driver.IntentDrift, tell)
			return runs.Result{Proposal: got}, err
		}
		got, err := planner.Plan(ctx, job, driver.IntentApply, tell)
		return runs.Result{Proposal: got}, err
	}
	p.pending = true
	if !r.Modules.Runs.Start(runs.Job{
		Unit: p.unit, ID: id, Intent: intent, Group: p.module.Group, Timeout: p.stack.Spec.Terraform.Timeout.Duration, Do: do,
	}) {
		return r.fail(ctx, p, fault.Unavailable("the server is stopping"))
	}
	run, _ := r.Modules.Runs.Find(p.unit)
	p.tool = &run
	return r.reportModule(ctx, p, v1alpha1.Progressing(sentenceOf(run)), nil)
}

// carriedOut records how an apply ended.
func (r *Reconciler) carriedOut(ctx context.Context, p *pass) (reconcile.Result, error) {
	d := p.desk
	applied, carried := d.applied, d.carried
	d.applied, d.carried = nil, nil
	p.times.Planned, p.times.Applied = d.planned, time.Now()
	if carried != nil {
		p.plan = carried.Set.Plan(p.unit, stack.TargetOf(p.stack), p.memo.Revision)
	}
	p.start = d.began
	p.outcomes = outcomesOf(applied, carried)
	r.Metrics.applied(p.outcomes)
	p.broken = failures(p.outcomes)
	if p.broken == nil {
		p.broken = d.failed
	}
	if p.broken == nil {
		d.proved, d.approved, d.drift, d.looked, d.asked = true, nil, nil, time.Now(), false
	}
	if err := r.handOn(ctx, p); err != nil && p.broken == nil {
		p.broken = err
	}
	p.found()
	if p.broken != nil {
		if d.failed == nil {
			d.fail(runs.Run{Err: p.broken, Intent: intentApply}, time.Now(), p.stack.Spec.Sync.RetryMax.Duration)
		}
		p.again = max(time.Until(d.until), time.Second)
		return r.reportModule(ctx, p, report.Fault(p.broken), p.broken)
	}
	if due := p.driftDue(); !due.IsZero() {
		p.again = max(time.Until(due), time.Second)
	}
	return r.reportModule(ctx, p, onHold(p, v1alpha1.Standing(p.memo.Revision.Short(), p.resources())), nil)
}

// handOn writes the outputs that were seen to where others find them.
func (r *Reconciler) handOn(ctx context.Context, p *pass) error {
	d := p.desk
	if d.outputs == nil {
		return nil
	}
	if err := r.Modules.Shelf.HandOn(ctx, p.stack, d.outputs); err != nil {
		return err
	}
	p.outputs, d.outputs = d.outputs, nil
	return nil
}

// reportModule reports with what only a module has.
func (r *Reconciler) reportModule(ctx context.Context, p *pass, v v1alpha1.Verdict, err error) (reconcile.Result, error) {
	t := p.stack.Status.Terraform
	if t == nil {
		t = &v1alpha1.TerraformStatus{}
	}
	t = t.DeepCopy()
	t.Run = nil
	if run := p.tool; run != nil && run.State != runs.Ended {
		t.Run = &v1alpha1.TerraformRun{ID: run.ID, Intent: run.Intent, Holder: r.Modules.Holder, StartedAt: metav1.NewTime(run.Queued)}
	}
	if d := p.desk; d != nil {
		d.tell(t)
		if d.tool != "" {
			t.Tool = p.module.Job.Tool.Name + " " + d.tool
		}
	}
	if p.outputs != nil {
		t.Outputs = nil
		for name := range p.outputs {
			t.Outputs = append(t.Outputs, name)
		}
		slices.Sort(t.Outputs)
	}
	p.stack.Status.Terraform = t
	return r.report(ctx, p, v, err)
}

// tell writes what is known of the state into a status.
func (d *desk) tell(t *v1alpha1.TerraformStatus) {
	if d.state.Lineage != "" {
		t.Lineage, t.Serial = d.state.Lineage, d.state.Serial
	}
	if !d.looked.IsZero() {
		at := metav1.NewTime(d.looked.Truncate(time.Second))
		if t.DriftCheckedAt == nil || t.DriftCheckedAt.Before(&at) {
			t.DriftCheckedAt = &at
		}
	}
}

// resources is how many the state knows.
func (p *pass) resources() int {
	if n := p.desk.objects; n > 0 {
		return n
	}
	return int(p.before.Status.Objects)
}

// found takes over what the newest look at the world found, if there was one.
func (p *pass) found() {
	if !p.desk.looked.IsZero() {
		p.judged, p.drift = true, p.desk.drifts()
	}
}

// drifts are the desk's drift as every Stack's is told.
func (d *desk) drifts() []lockstep.Drift {
	var out []lockstep.Drift
	for _, c := range d.drift {
		if c.Action == change.Delete {
			out = append(out, lockstep.Drift{Object: c.Key(), FirstSeen: d.looked, State: lockstep.DriftReported, Next: "proposed"})
			continue
		}
		for _, f := range c.Fields {
			// The tool tells it from what it had left to what it found.
			out = append(out, lockstep.Drift{Object: c.Key(), Field: f.Path, Git: f.From, Live: f.To, FirstSeen: d.looked, State: lockstep.DriftReported, Next: "proposed"})
		}
	}
	return out
}

// outcomesOf are outcomes as every release has them.
func outcomesOf(a *driver.Applied, carried *driver.Proposal) []lockstep.Outcome {
	verbs := map[string]change.Change{}
	if carried != nil {
		for _, c := range carried.Set.Changes {
			verbs[c.Address] = c
		}
	}
	out := make([]lockstep.Outcome, 0, len(a.Outcomes))
	for _, o := range a.Outcomes {
		c, known := verbs[o.Address]
		if !known {
			c = change.Change{Address: o.Address, Action: o.Action}
		}
		out = append(out, lockstep.Outcome{Key: c.Key(), Verb: c.Verb(), Result: o.Result, Err: o.Err})
	}
	return out
}

// runID names a run: what for, of what content, whose, and which.
func runID(p *pass, intent string) string {
	return fmt.Sprintf("%s.%s.%s.%x", intent, shortKey(p.module.Key), p.stack.UID, time.Now().UnixMilli())
}

// idOf is the part of a run's ID that names the content.
func idOf(id string) string {
	parts := strings.Split(id, ".")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

func shortKey(key string) string {
	_, hex, found := strings.Cut(key, ":")
	if !found {
		hex = key
	}
	return hex[:min(len(hex), 16)]
}

var doing = map[string]string{intentPlan: "planning", intentApply: "applying", intentDestroy: "planning to destroy", intentDrift: "looking for drift"}

func sentenceOf(r runs.Run) string {
	what := doing[r.Intent]
	if r.State == runs.Queued {
		return what + " as soon as it is its turn"
	}
	if a := r.Last.Address; a != "" && r.Intent == intentApply {
		return what + ", at " + a
	}
	return what
}

// unknownInput says whether all that is wrong is that an input has no value yet.
func unknownInput(err error) (string, bool) {
	if !errors.Is(err, stack.ErrUnknown) {
		return "", false
	}
	var parts []string
	for _, f := range fault.All(err) {
		if !errors.Is(f, stack.ErrUnknown) {
			return "", false
		}
		parts = append(parts, f.What)
	}
	return strings.Join(parts, "; "), true
}
