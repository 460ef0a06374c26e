package kubernetes

import (
	"context"
	"encoding/json"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// write is one step on its way to the API.
type write struct {
	unit lockstep.Unit
	as   identity
	step plan.Step
	key  lockstep.Key
	at   mapping
	body []byte
}

// Apply carries out one step.
func (c *Cluster) Apply(ctx context.Context, as driver.Actor, step plan.Step) lockstep.Outcome {
	out := lockstep.Outcome{Key: step.Key, Verb: step.Verb, Result: lockstep.Failed}
	w := write{unit: as.Unit, as: identityOf(as), step: step, key: step.Key}
	if err := c.carryOut(ctx, &w, &out); err != nil {
		out.Result = lockstep.Failed
		out.Err = w.placed(err)
	}
	return out
}

func (c *Cluster) carryOut(ctx context.Context, w *write, out *lockstep.Outcome) error {
	if err := c.closed(); err != nil {
		return err
	}
	if err := c.locate(ctx, w); err != nil {
		if removes(w.step.Verb) && fault.KindOf(err) == fault.KindNotFound {
			out.Result = lockstep.Unchanged // its kind went, and it with it
			return nil
		}
		return err
	}
	unlock := c.locks.lock(w.key)
	defer unlock()
	c.view.beginWrite(w.key)
	err := c.write(ctx, *w, out)
	result := out.Result
	if err != nil {
		result = lockstep.Failed
	}
	c.notify(c.view.endWrite(w.key, result))
	return err
}

func (c *Cluster) write(ctx context.Context, w write, out *lockstep.Outcome) error {
	switch w.step.Verb {
	case lockstep.Create, lockstep.Update:
		return c.apply(ctx, w, out)
	case lockstep.Replace:
		return c.replace(ctx, w, out)
	case lockstep.Delete:
		return c.remove(ctx, w, out)
	case lockstep.Orphan:
		return c.orphan(ctx, w, out)
	}
	return fault.New(fault.KindInternal, "a plan has a step with the unknown verb %q", w.step.Verb)
}

func removes(v lockstep.Verb) bool { return v == lockstep.Delete || v == lockstep.Orphan }

// locate finds where the step's kind is served and makes sure that it is
// watched: only a watch tells whose an object is before it is written to.
func (c *Cluster) locate(ctx context.Context, w *write) error {
	version := w.step.Desired.Version()
	found, _, err := c.resolve(ctx, map[lockstep.GroupKind]string{w.key.GroupKind(): version})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fault.NotFound("the API at %s does not know the kind %q", c.host, w.key.GroupKind()).
			WithHint("is its CustomResourceDefinition in this Stack, or in one that it depends on?")
	}
	w.at = found[0]
	if version != "" && w.at.resource.Version != version {
		return fault.NotFound("the API at %s serves %q as %s, not as %s", c.host, w.key.GroupKind(),
			w.at.resource.GroupVersion(), w.step.Desired.APIVersion()).
			WithHint("change apiVersion to %s", w.at.resource.GroupVersion())
	}
	return c.watch(ctx, found)
}

// place names the object as a person would look it up.
func (w write) place() string {
	if w.step.Desired.Tree != nil {
		return place(w.step.Desired)
	}
	return w.key.String()
}

// placed says of which object an error is.
func (w write) placed(err error) error { return fault.As(err).At("%s", w.place()) }

func (w write) attempt(verb string) attempt {
	return attempt{doing: verb, as: w.as, access: w.at.access(verb, w.key), origin: w.step.Desired.Origin}
}

// apply brings the object to what the step asks for: one PATCH, unless there is
// something to take over or to replace.
func (c *Cluster) apply(ctx context.Context, w write, out *lockstep.Outcome) (err error) {
	if w.body, err = w.encode(); err != nil {
		return err
	}
	known := c.view.get(w.key)
	if w.another(known) {
		return w.ownedByOther(known.unit)
	}
	if w.step.Fresh {
		return c.begin(ctx, w, known, out)
	}
	if w.step.Once && known == nil {
		return c.once(ctx, w, out)
	}

	var a answer
	if known != nil && known.managed {
		a, err = c.patch(ctx, w, byForce)
	}
	if known == nil || !known.managed {
		a, err = c.claim(ctx, w, out)
	}
	if apierrors.IsInvalid(err) {
		return c.refused(ctx, w, out, err)
	}
	if failed(err) {
		return c.misshapen(ctx, w, err)
	}
	if err != nil {
		return c.explain(ctx, err, w.attempt("patch"))
	}
	return c.accept(ctx, w, known, a, out)
}

// accept takes the API's answer in.
func (c *Cluster) accept(ctx context.Context, w write, known *record, a answer, out *lockstep.Outcome) error {
	if !c.view.answered(a.tree) {
		c.look(ctx, w, a.tree)
	}
	out.Result = lockstep.Done
	if known != nil && known.rv == newRecordVersion(a.tree) {
		out.Result = lockstep.Unchanged
	}
	if isDefinition(w.key) {
		return c.established(ctx, w)
	}
	return nil
}

// look reads an object that somebody changed while we were applying it. That it
// could not be read is not the apply's fault: its next event tells.
func (c *Cluster) look(ctx context.Context, w write, applied map[string]any) {
	was := newRecord(applied)
	was.base = was.owned
	tree, err := c.read(ctx, identity{}, w.at, w.key)
	if err != nil || tree == nil {
		c.log.Info("cannot read back", "object", w.key.String(), "err", err)
		return
	}
	c.notify(c.view.looked(tree, was))
}

func newRecordVersion(tree map[string]any) string {
	meta, _ := tree["metadata"].(map[string]any)
	rv, _ := meta["resourceVersion"].(string)
	return rv
}

// another says whether an object belongs to another unit: its mark says so, and
// that we applied it proves the mark.
func (w write) another(r *record) bool {
	return r != nil && r.managed && r.unit != w.unit && r.unit != (lockstep.Unit{})
}

func (w write) ownedByOther(u lockstep.Unit) error {
	return fault.Conflict("it belongs to Stack %q", u).
		WithHint("remove it from one of the two Stacks")
}

// serverMeta are fields of metadata that an apply must not carry.
var serverMeta = []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}

// encode returns the step's object with our marks, ready to be sent. It is done
// once per step, however often it is sent.
func (w write) encode() ([]byte, error) {
	if w.key.Name == "" {
		return nil, fault.Invalid("an object without metadata.name cannot be kept").
			WithHint("generateName makes a new object at every apply; give it a name")
	}
	tree := maps.Clone(diff.WithoutStringData(w.step.Desired).Tree)
	meta := cloneMap(tree["metadata"])
	for _, f := range serverMeta {
		delete(meta, f)
	}
	labels, annotations := cloneMap(meta["labels"]), cloneMap(meta["annotations"])
	labels[v1alpha1.LabelStack] = v1alpha1.StackLabelValue(w.unit)
	annotations[v1alpha1.AnnotationUnit] = w.unit.String()
	annotations[v1alpha1.AnnotationDigest] = w.step.Digest
	meta["labels"], meta["annotations"] = labels, annotations
	tree["metadata"] = meta
	body, err := json.Marshal(tree)
	if err != nil {
		return nil, fault.Invalid("it cannot be written as JSON: %v", err).Because(err)
	}
	return body, nil
}

// cloneMap returns a copy of v if it is a map, else an empty one.
func cloneMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	out := make(map[string]any, len(m)+2)
	maps.Copy(out, m)
	return out
}
