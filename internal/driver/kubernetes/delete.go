package kubernetes

import (
	"context"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// remove deletes an object that is ours.
func (c *Cluster) remove(ctx context.Context, w write, out *lockstep.Outcome) error {
	known, err := c.known(ctx, w)
	if err != nil {
		return err
	}
	if known == nil {
		out.Result = lockstep.Unchanged
		return nil
	}
	if err := w.mayLetGo(known); err != nil {
		return err
	}
	uid := w.step.UID
	if uid == "" {
		uid = known.uid
	}
	if known.uid != uid {
		return fault.Conflict("it was deleted and created anew since the plan was made").WithHint("a new plan looks at the new object")
	}
	if known.terminating {
		out.Result = lockstep.Unchanged
		return nil
	}
	err = c.delete(ctx, w, uid)
	switch {
	case apierrors.IsNotFound(err):
		c.view.gone(w.key, uid, endOfTime)
		out.Result = lockstep.Unchanged
		return nil
	case apierrors.IsConflict(err):
		return fault.Conflict("it was deleted and created anew since the plan was made").Because(err)
	case err != nil:
		return c.explain(ctx, err, w.attempt("delete"))
	}
	out.Result = lockstep.Done
	c.settleDeletion(ctx, w, uid)
	return nil
}

// settleDeletion makes the next Observe see the deletion. A finalizer may hold
// the object; then the watch brings it as terminating and later its end.
func (c *Cluster) settleDeletion(ctx context.Context, w write, uid string) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for {
		r, moved := c.view.next(w.key)
		if r == nil || r.uid != uid || r.terminating {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// known returns the record of the step's object, reading an object that no
// watch shows; nil when there is none.
func (c *Cluster) known(ctx context.Context, w write) (*record, error) {
	if r := c.view.get(w.key); r != nil {
		return r, nil
	}
	tree, err := c.read(ctx, w.as, w.at, w.key)
	if err != nil {
		return nil, c.explain(ctx, err, w.attempt("get"))
	}
	if tree == nil {
		return nil, nil
	}
	return newRecord(tree), nil
}

// mayLetGo refuses objects that are not ours to delete or to orphan.
func (w write) mayLetGo(r *record) error {
	if !r.managed {
		return fault.Conflict("Lockstep never applied it; its marks were copied from another object").
			WithHint("delete it yourself if nobody needs it")
	}
	if r.unit == w.unit {
		return nil
	}
	if r.unit == (lockstep.Unit{}) {
		return fault.Conflict("the label and annotations that mark it as an object of Stack %q are gone", w.unit).
			WithHint("delete it yourself if nobody needs it")
	}
	return w.ownedByOther(r.unit)
}

// orphan takes our marks and our ownership off an object and leaves it alone.
func (c *Cluster) orphan(ctx context.Context, w write, out *lockstep.Outcome) error {
	for try := 1; ; try++ {
		tree, err := c.read(ctx, w.as, w.at, w.key)
		if err != nil {
			return c.explain(ctx, err, w.attempt("get"))
		}
		if tree == nil {
			out.Result = lockstep.Unchanged
			return nil
		}
		r := newRecord(tree)
		if !r.managed && r.unit == (lockstep.Unit{}) {
			out.Result = lockstep.Unchanged
			return nil
		}
		if err := w.mayLetGo(r); err != nil {
			return err
		}
		_, err = c.jsonPatch(ctx, w.as, w.at, w.key, unmark(tree))
		if err == nil {
			c.view.gone(w.key, r.uid, endOfTime)
			out.Result = lockstep.Done
			return nil
		}
		if !apierrors.IsConflict(err) || try == takeoverTries {
			return c.explain(ctx, err, w.attempt("patch"))
		}
	}
}

// unmark is the patch that makes an object nobody's.
func unmark(tree map[string]any) []operation {
	u := unstructured.Unstructured{Object: tree}
	var ops []operation
	remove := func(field string, m map[string]string, names ...string) {
		for _, n := range names {
			if _, ok := m[n]; ok {
				ops = append(ops, operation{Op: "remove", Path: "/metadata/" + field + "/" + strings.ReplaceAll(n, "/", "~1")})
			}
		}
	}
	remove("labels", u.GetLabels(), v1alpha1.LabelStack)
	remove("annotations", u.GetAnnotations(), v1alpha1.AnnotationUnit, v1alpha1.AnnotationDigest)

	entries := slices.DeleteFunc(u.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == v1alpha1.FieldManager
	})
	if len(entries) == 0 {
		// An empty list means "leave them as they are"; one empty entry clears them.
		entries = []metav1.ManagedFieldsEntry{{}}
	}
	return append(ops,
		operation{Op: "replace", Path: "/metadata/managedFields", Value: entries},
		operation{Op: "replace", Path: "/metadata/resourceVersion", Value: u.GetResourceVersion()},
	)
}
