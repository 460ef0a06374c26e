package kubernetes

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// begin creates the object of a hook. It must not exist before: an apply to the
// object of an earlier run would change nothing, and the hook would not run.
func (c *Cluster) begin(ctx context.Context, w write, known *record, out *lockstep.Outcome) error {
	want := w.step.Desired.Annotation(hook.RunMark)
	if known == nil {
		// Another tool's object has no mark of ours, so no watch shows it.
		live, err := c.read(ctx, w.as, w.at, w.key)
		if err != nil {
			return c.explain(ctx, err, w.attempt("get"))
		}
		if live != nil {
			known = newRecord(live)
		}
	}
	if known != nil {
		if w.another(known) {
			return w.ownedByOther(known.unit)
		}
		if known.annotations[hook.RunMark] == want {
			out.Result = lockstep.Unchanged // before a crash
			return nil
		}
		if err := c.makeWay(ctx, &w, known); err != nil {
			return err
		}
	}
	a, err := c.patch(ctx, w, byForce)
	if err != nil {
		return c.explain(ctx, err, w.attempt("patch"))
	}
	return c.accept(ctx, w, nil, a, out)
}

// makeWay deletes what has the name of a hook's object.
func (c *Cluster) makeWay(ctx context.Context, w *write, old *record) error {
	if !old.terminating {
		if err := c.delete(ctx, *w, old.uid); err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return c.explain(ctx, err, w.attempt("delete"))
		}
	}
	w.step.UID = old.uid
	return c.awaitGone(ctx, *w)
}

// once creates an object unless there is one. One that is there gets our marks
// and nothing else, so that it is known from then on.
func (c *Cluster) once(ctx context.Context, w write, out *lockstep.Outcome) error {
	live, err := c.read(ctx, w.as, w.at, w.key)
	if err != nil {
		return c.explain(ctx, err, w.attempt("get"))
	}
	if live != nil {
		other := newRecord(live)
		if w.another(other) {
			return w.ownedByOther(other.unit)
		}
		if w.body, err = w.marks(); err != nil {
			return err
		}
		out.Note = "was there already and stays as it is"
	}
	a, err := c.patch(ctx, w, byForce)
	if err != nil {
		return c.explain(ctx, err, w.attempt("patch"))
	}
	return c.accept(ctx, w, nil, a, out)
}

// marks is the body of an apply that says whose the object is, and no more.
func (w write) marks() ([]byte, error) {
	bare := w
	meta := map[string]any{"name": w.key.Name}
	if w.key.Namespace != "" {
		meta["namespace"] = w.key.Namespace
	}
	bare.step.Desired = lockstep.Object{Tree: map[string]any{
		"apiVersion": w.step.Desired.APIVersion(), "kind": w.key.Kind, "metadata": meta,
	}}
	return bare.encode()
}
