package terraform

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/tfplan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/terraform/keeper"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Apply implements driver.Planner.
func (d *Driver) Apply(ctx context.Context, job driver.Job, p driver.Proposal, tell func(driver.Event)) (driver.Applied, error) {
	out, err := d.apply(ctx, job, p, tell)
	return out, named(err, job)
}

func (d *Driver) apply(ctx context.Context, job driver.Job, p driver.Proposal, tell func(driver.Event)) (driver.Applied, error) {
	plan, err := d.open(p)
	if err != nil {
		return driver.Applied{}, err
	}
	if err := plainName("the ID of the run", job.ID); err != nil {
		return driver.Applied{}, err
	}
	a := application{driver: d, job: job, proposal: p, plan: plan, tell: tell, tally: newTally(p.Set)}
	a.dir = filepath.Join(d.opts.Dir, "runs", job.ID, "apply")
	run, state, err := keeper.Look(a.dir)
	if err != nil {
		return driver.Applied{}, fault.Internal(err)
	}
	if state == keeper.Absent {
		return a.begin(ctx)
	}
	// This is the same run, begun by a process that is no more.
	res, err := run.Wait(ctx, a.event)
	if err != nil {
		return a.lost(ctx, err)
	}
	w, err := d.ready(context.WithoutCancel(ctx), job, silent)
	if err != nil {
		return a.outcomes(nil, res), err
	}
	defer w.leave()
	return a.ended(ctx, w, res)
}

// open decrypts what was saved of a proposal, and refuses what is none that may be
// carried out.
func (d *Driver) open(p driver.Proposal) (saved, error) {
	var plan saved
	if p.Set.Errored || len(p.Artifact) == 0 {
		return plan, fault.Invalid("the plan was not finished, so it cannot be carried out").WithHint("plan again")
	}
	if p.Set.Digest() != p.Digest {
		return plan, fault.Conflict("the plan is not the one that its digest names").WithHint("plan again")
	}
	data, err := keeper.Open(d.artifact, p.Artifact, forArtifact)
	if err == nil {
		err = json.Unmarshal(data, &plan)
	}
	if err != nil {
		return plan, fault.Conflict("the saved plan cannot be opened with the key of this installation").
			WithHint("plan again; the key or the data directory was changed").Because(err)
	}
	return plan, nil
}

// application is one proposal being carried out.
type application struct {
	driver   *Driver
	job      driver.Job
	proposal driver.Proposal
	plan     saved
	dir      string
	tell     func(driver.Event)
	tally    *tally
}

func (a *application) event(e keeper.Event) {
	a.tally.note(e)
	if ev, ok := shown("apply", e); ok {
		a.tell(ev)
	}
}

func (a *application) begin(ctx context.Context) (driver.Applied, error) {
	w, err := a.driver.ready(ctx, a.job, a.tell, a.plan.Secrets...)
	if err != nil {
		return driver.Applied{}, err
	}
	defer w.leave()
	if subtle.ConstantTimeCompare([]byte(w.tool.sum), []byte(a.plan.Tool)) != 1 {
		return driver.Applied{}, fault.Conflict("the plan was made by another binary than %s %s, which is there now", w.tool.name, w.tool.version).WithHint("plan again")
	}
	planFile := filepath.Join(a.dir, "tfplan")
	if err := a.layOut(w, planFile); err != nil {
		return driver.Applied{}, fault.Internal(err)
	}
	args := []string{"apply", "-json", "-input=false", "-no-color", "-lock-timeout=" + strconv.Itoa(a.job.LockTimeoutSeconds) + "s"}
	if a.job.Parallelism > 0 {
		args = append(args, "-parallelism="+strconv.Itoa(a.job.Parallelism))
	}
	order := w.order("apply", append(args, planFile), 0)
	order.Remove = append(order.Remove, planFile)
	run, err := keeper.Begin(order, w.lock)
	if err != nil {
		_ = os.RemoveAll(a.dir) // nothing began
		return driver.Applied{}, fault.New(fault.KindInternal, "%s could not be started", w.tool.name).Because(err)
	}
	res, err := run.Wait(ctx, a.event)
	if err != nil {
		return a.lost(ctx, err)
	}
	if err := w.writeVars(); err != nil { // the keeper has removed them
		return a.outcomes(nil, res), fault.Internal(err)
	}
	return a.ended(ctx, w, res)
}

func (a *application) layOut(w *work, planFile string) error {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return err
	}
	if len(a.plan.Lock) > 0 {
		if err := os.WriteFile(filepath.Join(w.module(), lockFile), a.plan.Lock, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(planFile, a.plan.Plan, 0o600)
}

// lost is for a run of which nobody can say how it ended.
func (a *application) lost(ctx context.Context, err error) (driver.Applied, error) {
	if !errors.Is(err, keeper.ErrLost) {
		return driver.Applied{}, fault.Internal(err)
	}
	// The system has asked the tool to stop; it saves the state and releases the lock.
	for tool := keeper.Tool(a.driver.toolFile(a.job)); tool.Alive() && ctx.Err() == nil; {
		time.Sleep(100 * time.Millisecond)
	}
	_ = os.Remove(filepath.Join(a.dir, "tfplan")) // nobody is left to do it
	return a.outcomes(nil, keeper.Result{Exit: -1}), fault.New(fault.KindInternal, "the process that carried out the plan was ended from outside; part of the plan may have been done").
		WithHint("plan again: the state has what was saved before the end. A resource that was being created at that moment may exist without being in it").Because(err)
}

// ended makes of a result what the caller gets.
func (a *application) ended(ctx context.Context, w *work, res keeper.Result) (driver.Applied, error) {
	after := context.WithoutCancel(ctx) // also who was told to stop is told how it ended
	report, err := res.Report(w.key())
	if err != nil {
		return a.outcomes(nil, res), fault.Internal(err)
	}
	red := w.redactor.With(a.plan.Secrets...)
	if res.Exit != 0 || len(report.Diagnostics) > 0 {
		red = red.With(w.stateSecrets(after)...) // what a provider made up since may be in its words
	}
	out := a.outcomes(nil, res)
	unsaved := w.pushUnsaved(after, a.dir, res)
	state, stateErr := w.state(after)
	if stateErr == nil {
		out.Outputs, out.State, out.Resources = state.outputs, state.ref, state.resources
	}
	notes, faults := w.judge(after, report, res, red)
	tellNotes(a.tell, "apply", notes)
	out.Outcomes = a.outcomes(notes, res).Outcomes
	if unsaved != nil {
		return out, unsaved
	}
	if res.Exit == 0 {
		return out, stateErr
	}
	return out, a.failed(ctx, res, report, faults, state, stateErr == nil, red)
}

// failed says why a proposal was not carried out as a whole.
func (a *application) failed(ctx context.Context, res keeper.Result, report keeper.Report, faults error, now stateFile, known bool, red *tfplan.Redactor) error {
	planned := a.proposal.Set.State
	switch {
	// Before anything else: nothing began, because the state is not the one that was
	// planned on. That the tool refuses it for this is in words only; that it is so, is not.
	case !a.tally.began && known && planned.Lineage != "" && now.ref.Lineage != "" && now.ref.Lineage != planned.Lineage:
		return fault.Conflict("the state was exchanged for another one since the plan was made; nothing was changed").
			WithHint("look at what became of the state before planning again")
	case !a.tally.began && known && now.ref != planned:
		return fault.Conflict("the state has moved on since the plan was made, from serial %d to %d; nothing was changed", planned.Serial, now.ref.Serial).WithHint("plan again")
	case res.Signal != 0:
		return fault.New(fault.KindInternal, "the tool was ended by %s while it carried out the plan; part of it may have been done, and the state may still be locked", syscall.Signal(res.Signal)).
			WithHint("plan again; a resource that was being created may exist without being in the state, and the lock has to be taken off by hand if nobody holds it")
	case res.Stopped && ctx.Err() != nil:
		return fault.Timeout("carrying out the plan was stopped on the way; the state has what was done, and the lock was released").
			WithHint("plan again to see what is left").Because(ctx.Err())
	case faults != nil:
		return faults
	}
	return crashed(res, report, red)
}
