package stack

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// finalize deals with the objects of a deleted Stack as its deletion policy says
// and then lets it go.
func (r *Reconciler) finalize(ctx context.Context, p *pass) (reconcile.Result, error) {
	if !controllerutil.ContainsFinalizer(p.stack, v1alpha1.Finalizer) {
		return reconcile.Result{}, nil
	}
	// Not ready from now on, whoever depends on it.
	r.Fleet.Set(p.unit, fleet.State{Why: "it is being deleted"})
	if p.stack.Spec.Terraform != nil {
		if done, res, err := r.destroy(ctx, p); err != nil || !done {
			return res, err
		}
		return r.letFree(ctx, p)
	}
	if endsWithHooks(p) {
		if done, res, err := r.rollDown(ctx, p); err != nil || !done {
			return res, err
		}
		// What hooks left behind goes with the Stack.
		p.run, p.outcomes = nil, nil
	}
	left, err := r.tearDown(ctx, p)
	if err != nil {
		err = fault.As(err).At("deleting the objects of stack %s", p.unit)
		return r.report(ctx, p, report.Fault(err), err)
	}
	if left > 0 && p.stack.Spec.Sync.Deletion == v1alpha1.DeletionWait {
		// The watch wakes this unit as its objects go.
		return r.report(ctx, p, v1alpha1.Deleting(counted(left, "object")+" still to go"), nil)
	}
	if err := r.dropRecords(ctx, p); err != nil {
		err = fault.As(err).WithHint("to let the stack go without touching anything on its target, pause it: lockstep pause")
		return r.report(ctx, p, report.Fault(err), err)
	}
	return r.letFree(ctx, p)
}

// letFree takes the finalizer off: the API then lets the Stack go.
func (r *Reconciler) letFree(ctx context.Context, p *pass) (reconcile.Result, error) {
	next := p.stack.DeepCopy()
	controllerutil.RemoveFinalizer(next, v1alpha1.Finalizer)
	if err := r.Client.Patch(ctx, next, client.MergeFromWithOptions(p.stack, client.MergeFromWithOptimisticLock{})); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	r.keepEnd(p)
	r.Report.Forget(p.stack.UID)
	return reconcile.Result{}, nil
}

// tearDown deletes or orphans, and returns how many objects are left to wait
// for. A paused Stack leaves everything as it is: that is what paused means.
func (r *Reconciler) tearDown(ctx context.Context, p *pass) (left int, err error) {
	if p.stack.Spec.Pause != nil {
		return 0, nil
	}
	if none, err := r.neverApplied(ctx, p); err != nil || none {
		return 0, err
	}
	if p.driver, err = r.lookup(nil).Driver(ctx, stack.TargetOf(p.stack)); err != nil {
		return 0, fault.As(err).WithHint("to let the stack go without touching its objects, pause it: lockstep pause")
	}
	if err := r.look(ctx, p, nil); err != nil {
		return 0, err
	}
	if err := p.live.Unseen; err != nil {
		// After a crash the stack may have objects of that kind although its status
		// does not say so. To let it go would leave them behind.
		return 0, fault.As(err).WithHint("it may have objects of this kind; to let it go without touching its objects, pause it: lockstep pause")
	}
	if p.plan, err = r.tearDownPlan(p); err != nil {
		return 0, err
	}
	actor := stack.ActorOf(p.stack)
	r.uninstalling(ctx, p)
	for _, stage := range p.plan.Stages {
		p.outcomes = append(p.outcomes, r.stage(ctx, p, actor, stage)...)
	}
	r.Metrics.applied(p.outcomes)
	if err := failures(p.outcomes); err != nil {
		return 0, err
	}
	if err := r.look(ctx, p, nil); err != nil {
		return 0, err
	}
	for _, o := range p.live.Objects {
		if o.Unit == p.unit && o.Managed && o.Terminating {
			left++
		}
	}
	return left, nil
}

// neverApplied says whether nothing was ever applied to the Stack's Target, this
// Stack's objects included: then a Target that does not exist, or never answered,
// is no reason to keep it.
func (r *Reconciler) neverApplied(ctx context.Context, p *pass) (bool, error) {
	if len(stack.KindsOf(p.stack)) > 0 {
		return false, nil
	}
	kinds, err := r.Inventory.Kinds(ctx, stack.TargetOf(p.stack))
	return len(kinds) == 0, err
}

func (r *Reconciler) tearDownPlan(p *pass) (plan.Plan, error) {
	if p.stack.Spec.Sync.Deletion == v1alpha1.DeletionOrphan {
		return orphanAll(p.unit, p.live), nil
	}
	return plan.Make(plan.Facts{
		Unit:   p.unit,
		Target: stack.TargetOf(p.stack),
		Live:   p.live,
		Policy: plan.Policy{Prune: true, AllowEmpty: true, Deleting: true},
		Key:    r.Key,
	})
}

// orphanAll takes the marks off everything and leaves it.
func orphanAll(unit lockstep.Unit, live lockstep.Live) plan.Plan {
	stage := plan.Stage{Name: "orphan"}
	for _, o := range live.Objects {
		if o.Unit == unit {
			stage.Steps = append(stage.Steps, plan.Step{Key: o.Key, Verb: lockstep.Orphan, UID: o.UID, Reason: "the stack is deleted and leaves its objects"})
		}
	}
	if len(stage.Steps) == 0 {
		return plan.Plan{}
	}
	return plan.Plan{Unit: unit, Stages: []plan.Stage{stage}}
}
