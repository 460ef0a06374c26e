package source

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/observe"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// Reconcile is one look at the remote, in the trace of the webhook that asked for
// it if one did.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	name := lockstep.Unit{Namespace: req.Namespace, Name: req.Name}
	ctx, span := r.Tracer.After(ctx, r.Causes.Take(name), "fetch")
	span.Set("lockstep.source.namespace", req.Namespace)
	span.Set("lockstep.source.name", req.Name)
	res, err := r.reconcile(ctx, req)
	span.End(err)
	return res, err
}

// brought says, before anybody is woken by it, which fetch found snap.
func (r *Reconciler) brought(ctx context.Context, name lockstep.Unit, snap source.Snapshot) {
	span := observe.Current(ctx)
	if !span.On() {
		return
	}
	rev := snap.Revision()
	span.Set("lockstep.revision", rev.Commit)
	span.Set("lockstep.ref", rev.Ref)
	r.Causes.Brought(name, rev.Commit, span.Cause())
}
