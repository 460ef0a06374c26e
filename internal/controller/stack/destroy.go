package stack

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/runs"
)

// destroy deals with what the module of a deleted Stack has made, and says whether the
// Stack may go. Unless it was asked to destroy it, all of it stays.
//
// A destruction is planned, read, approved and carried out like any other plan.
func (r *Reconciler) destroy(ctx context.Context, p *pass) (done bool, res reconcile.Result, err error) {
	asked := p.stack.Spec.Terraform.DestroyOnDeletion && p.stack.Spec.Pause == nil
	if !asked || r.Modules == nil {
		if r.Modules != nil && !r.stopped(p) {
			res, err = r.report(ctx, p, v1alpha1.Deleting("a run of the tool is being stopped"), nil)
			return false, res, err
		}
		return true, reconcile.Result{}, nil
	}
	if busy, res, err := r.busy(ctx, p); busy {
		return false, res, err
	}
	if user, there := r.Fleet.Dependent(p.unit); there {
		res, err = r.report(ctx, p, v1alpha1.WaitingFor("stack "+user.String()+" to be deleted, which depends on it"), nil)
		return false, res, err
	}
	m, err := r.resolveModule(ctx, p)
	if err != nil {
		err = fault.As(err).WithHint("to let the stack go without destroying anything, set spec.terraform.destroyOnDeletion to false")
		res, err = r.fail(ctx, p, err)
		return false, res, err
	}
	m.Key = "destroy:" + m.Key
	p.module = &m
	r.desks.at(p.unit, m.Key).destroying = true
	if err := r.sit(ctx, p); err != nil {
		res, err = r.fail(ctx, p, err)
		return false, res, err
	}
	d := p.desk
	switch {
	case d.applied != nil:
		res, err = r.carriedOut(ctx, p)
		return p.broken == nil && err == nil, res, err
	case d.paused(time.Now()):
		p.again = max(time.Until(d.until), time.Second)
		res, err = r.reportModule(ctx, p, report.Fault(d.failed), d.failed)
	case d.proposal != nil:
		res, err = r.proposed(ctx, p)
	case d.proved:
		return true, reconcile.Result{}, nil
	default:
		res, err = r.launch(ctx, p, intentDestroy)
	}
	return false, res, err
}

// stopped asks the run of a Stack that goes to stop, and says whether it has.
func (r *Reconciler) stopped(p *pass) bool {
	r.Modules.Runs.Cancel(p.unit, errGone)
	run, there := r.Modules.Runs.Find(p.unit)
	return !there || run.State == runs.Ended
}

var errGone = fault.Unavailable("the stack was deleted")
