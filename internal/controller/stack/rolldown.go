package stack

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// endsWithHooks says whether hooks run when p's Stack is deleted. Where nothing is
// deleted, none do.
func endsWithHooks(p *pass) bool {
	s := p.stack
	return s.Status.DeleteHooks > 0 && s.Spec.Pause == nil && s.Spec.Sync.Deletion != v1alpha1.DeletionOrphan
}

// rollDown deletes a Stack that has hooks for that: some before its objects go,
// some after. It is done when the Stack may go.
func (r *Reconciler) rollDown(ctx context.Context, p *pass) (done bool, res reconcile.Result, err error) {
	if rec := stack.RecordOf(p.before.Status.Run); rec.Action == hook.Delete && rec.State == run.Gone {
		return true, res, nil
	}
	r.Fleet.Link(p.unit, linksOf(p.stack)) // its Source has to wake it
	if err := r.plotEnd(ctx, p); err != nil {
		if errors.Is(err, fault.KindWaiting) {
			return false, res, nil
		}
		f := fault.As(err)
		err = fault.New(f.Kind, "%s, and its deletion has to run %s", f.Error(), counted(int(p.stack.Status.DeleteHooks), "hook")).Because(err).
			WithHint("to let the stack go without hooks and leave its objects alone, pause it: lockstep pause; spec.sync.deletion: orphan does so and takes the marks off")
		res, err = r.report(ctx, p, report.Fault(err), err)
		return false, res, err
	}
	if err := r.carry(ctx, p); err != nil {
		res, err = r.fail(ctx, p, err)
		return false, res, err
	}
	rec := p.run.record
	switch rec.State {
	case run.Gone:
		// Before the objects of the last hooks go, which say that they ran.
		if err := r.persist(ctx, p); err != nil {
			res, err = r.fail(ctx, p, err)
			return false, res, err
		}
		return true, res, nil
	case run.Failed:
		res, err = r.report(ctx, p, v1alpha1.ReleaseFailed(failedRun(rec)), nil)
	default:
		res, err = r.report(ctx, p, v1alpha1.Deleting(fmt.Sprintf("%s: waits for %s", rec.State, p.run.waits)), nil)
	}
	return false, p.run.soon(res), err
}

// plotEnd finds out which hooks there are, from Git, and what is to be deleted.
func (r *Reconciler) plotEnd(ctx context.Context, p *pass) error {
	if err := r.render(ctx, p); err != nil {
		return err
	}
	if err := p.live.Unseen; err != nil {
		return err
	}
	p.broken = nil // what could not be applied any more does not matter
	p.run.action, p.run.request = hook.Delete, p.run.record.Request
	var err error
	p.plan, err = r.tearDownPlan(p)
	return err
}
