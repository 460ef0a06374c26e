package source

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// hints remember which Sources somebody announced a push to.
type hints struct {
	mu sync.Mutex
	of map[lockstep.Unit]bool
}

// Hint notes that a push to name was announced to this replica.
func (r *Reconciler) Hint(name lockstep.Unit) {
	r.hints.mu.Lock()
	defer r.hints.mu.Unlock()
	if r.hints.of == nil {
		r.hints.of = map[lockstep.Unit]bool{}
	}
	r.hints.of[name] = true
}

func (h *hints) take(name lockstep.Unit) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	hinted := h.of[name]
	delete(h.of, name)
	return hinted
}

// follow looks at a Source that another replica polls and reports on. It fetches
// when that one's status names a commit that is not here, when a push was announced
// to this replica, or when a Stack here needs it for the first time; so the remote
// is not asked once for each replica at each interval.
func (r *Reconciler) follow(ctx context.Context, name lockstep.Unit, src *v1alpha1.Source, hinted bool) (reconcile.Result, error) {
	used := r.Fleet.Uses(name)
	switch {
	case src.Spec.Suspend:
		if used {
			r.keep(ctx, name, src)
		}
		return reconcile.Result{}, nil
	case !used && hinted:
		return reconcile.Result{}, r.pass(ctx, src)
	case !used:
		return reconcile.Result{}, nil
	case !hinted && r.Fleet.Newest(name) != "" && r.Fleet.Newest(name) == src.Status.Revision:
		return reconcile.Result{}, nil
	}
	snap, err := r.fetch(ctx, name, src)
	if err != nil {
		r.Fleet.Fail(name, located(fault.As(err).At("source %s", name), src))
		return reconcile.Result{RequeueAfter: r.again(src)}, nil
	}
	if commit := snap.Revision().Commit; hinted && commit != src.Status.Revision {
		return reconcile.Result{}, r.pass(ctx, src)
	}
	return reconcile.Result{}, nil
}

// pass tells the replica that keeps the Source, by the annotation with which
// people ask for the same.
func (r *Reconciler) pass(ctx context.Context, src *v1alpha1.Source) error {
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcileAt, time.Now().UTC().Format(time.RFC3339Nano))
	return client.IgnoreNotFound(r.Client.Patch(ctx, src.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch))))
}

// again is the pause before a follower tries once more. The one who keeps the
// Source tries as well, and its success comes by the status.
func (r *Reconciler) again(src *v1alpha1.Source) time.Duration {
	d := max(src.Spec.Interval.Duration, 15*time.Second)
	return d + rand.N(d/5)
}

// Refresh makes sure that what is known of name is not older than what any other
// replica may have gone by. Where the remote does not answer, the commit in the
// Source's status has to be the one that is here; else nothing counts as known.
func (r *Reconciler) Refresh(ctx context.Context, src *v1alpha1.Source) {
	name := lockstep.Unit{Namespace: src.Namespace, Name: src.Name}
	if r.Fleet.Newest(name) == "" || src.Spec.Suspend {
		return
	}
	_, err := r.fetch(ctx, name, src)
	if err == nil || r.Fleet.Newest(name) == src.Status.Revision {
		return
	}
	r.Fleet.Distrust(name, located(fault.As(err).At("source %s", name), src))
}
