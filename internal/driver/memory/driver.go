package memory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Driver is a driver.Driver for a World.
type Driver struct {
	world    *World
	onChange func(driver.Change)
	closed   bool // guarded by world.mu
}

var _ driver.Driver = (*Driver)(nil)

// Connect returns a Driver for w. onChange may be nil.
func Connect(w *World, onChange func(driver.Change)) *Driver {
	d := &Driver{world: w, onChange: onChange}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drivers[d] = true
	return d
}

// Close disconnects d.
func (d *Driver) Close() {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.closed = true
	delete(d.world.drivers, d)
}

// ready says why no call can be made; world.mu is held.
func (d *Driver) ready(ctx context.Context) error {
	if d.closed {
		return fault.Unavailable("the connection was closed")
	}
	if ctx.Err() != nil {
		return fault.Timeout("it took longer than allowed").Because(ctx.Err())
	}
	if d.world.outage != nil {
		f := *d.world.outage
		return &f
	}
	return nil
}

// Capabilities implements driver.Driver.
func (d *Driver) Capabilities(ctx context.Context) (driver.Capabilities, error) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	if err := d.ready(ctx); err != nil {
		return driver.Capabilities{}, err
	}
	c := driver.Capabilities{
		KubeVersion: "v1.36.3",
		APIVersions: []string{"apps/v1", "batch/v1", "v1"},
		Namespaced:  map[lockstep.GroupKind]bool{},
	}
	for _, k := range []string{"ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim", "Pod"} {
		c.Namespaced[lockstep.GroupKind{Kind: k}] = true
	}
	for _, k := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		c.Namespaced[lockstep.GroupKind{Group: "apps", Kind: k}] = true
	}
	for _, k := range []string{"Job", "CronJob"} {
		c.Namespaced[lockstep.GroupKind{Group: "batch", Kind: k}] = true
	}
	for _, k := range []string{"Namespace", "PersistentVolume", "Node"} {
		c.Namespaced[lockstep.GroupKind{Kind: k}] = false
	}
	for gk := range d.world.served {
		c.Namespaced[gk] = true
	}
	return c, nil
}

// Observe implements driver.Driver.
func (d *Driver) Observe(ctx context.Context, q driver.Query) (lockstep.Live, error) {
	w := d.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := d.ready(ctx); err != nil {
		return lockstep.Live{}, err
	}
	w.rules[q.Unit] = q.Health
	kinds := map[lockstep.GroupKind]bool{}
	for _, gk := range q.Kinds {
		kinds[gk] = true
	}
	asked := map[lockstep.Key]bool{}
	for _, o := range q.Desired {
		kinds[o.Key().GroupKind()] = true
		asked[o.Key()] = true
	}
	var live lockstep.Live
	for gk := range kinds {
		if !w.serves(gk) {
			live.MissingKinds = append(live.MissingKinds, gk)
		}
	}
	slices.SortFunc(live.MissingKinds, func(a, b lockstep.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	for key, o := range w.objects {
		u := o.unit()
		if u == q.Unit || asked[key] && u != (lockstep.Unit{}) {
			live.Objects = append(live.Objects, w.project(o))
		}
	}
	slices.SortFunc(live.Objects, func(a, b lockstep.LiveObject) int { return a.Key.Compare(b.Key) })
	return live, nil
}

// Apply implements driver.Driver.
func (d *Driver) Apply(ctx context.Context, as driver.Actor, step plan.Step) lockstep.Outcome {
	out := lockstep.Outcome{Key: step.Key, Verb: step.Verb}
	w := d.world
	w.mu.Lock()
	old := w.objects[step.Key]
	result, err := d.carryOut(ctx, as, step)
	told := func() {}
	if err == nil && result == lockstep.Done {
		w.writes++
		told = w.tell(d, old, w.objects[step.Key])
	}
	w.mu.Unlock()
	told()
	out.Result = result
	if err != nil {
		out.Result, out.Err = lockstep.Failed, fault.As(err).At("%s", step.Key)
	}
	return out
}

func (d *Driver) carryOut(ctx context.Context, as driver.Actor, step plan.Step) (lockstep.Result, error) {
	w := d.world
	if err := d.ready(ctx); err != nil {
		return lockstep.Failed, err
	}
	if f := w.refusal[step.Key]; f != nil {
		again := *f
		return lockstep.Failed, &again
	}
	switch step.Verb {
	case lockstep.Create, lockstep.Update:
		return w.apply(as.Unit, step)
	case lockstep.Replace:
		if err := w.mayApply(as.Unit, step.Key); err != nil {
			return lockstep.Failed, err
		}
		delete(w.objects, step.Key)
		return w.apply(as.Unit, step)
	case lockstep.Delete:
		return w.remove(as.Unit, step)
	case lockstep.Orphan:
		return w.orphan(as.Unit, step)
	}
	return lockstep.Failed, fault.New(fault.KindInternal, "a plan has a step with the unknown verb %q", step.Verb)
}

func (w *World) mayApply(u lockstep.Unit, key lockstep.Key) error {
	o := w.objects[key]
	if o == nil || o.applied == nil || o.unit() == u || o.unit() == (lockstep.Unit{}) {
		return nil
	}
	return fault.Conflict("it belongs to Stack %q", o.unit()).WithHint("remove it from one of the two Stacks")
}

func (w *World) apply(u lockstep.Unit, step plan.Step) (lockstep.Result, error) {
	if !w.serves(step.Key.GroupKind()) {
		return lockstep.Failed, fault.NotFound("the target does not know the kind %q", step.Key.GroupKind())
	}
	if err := w.mayApply(u, step.Key); err != nil {
		return lockstep.Failed, err
	}
	want := marked(step, u)
	if def := (lockstep.Object{Tree: want}); step.Key.Kind == "CustomResourceDefinition" {
		w.define(def)
	}
	old := w.objects[step.Key]
	if old == nil {
		o := w.add(lockstep.Object{Tree: want})
		o.applied = clone(want)
		return lockstep.Done, nil
	}
	tree := clone(old.tree)
	drop(tree, old.applied, want)
	merge(tree, want)
	changed := len(differences(old.tree, tree)) > 0 || old.applied == nil
	o := *old
	o.tree, o.applied, o.touched = tree, want, nil
	if changed {
		o.rv = w.next()
	}
	w.objects[step.Key] = &o
	if !changed {
		return lockstep.Unchanged, nil
	}
	return lockstep.Done, nil
}

// define serves the kind of a CustomResourceDefinition.
func (w *World) define(o lockstep.Object) {
	spec, _ := o.Tree["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	group, _ := spec["group"].(string)
	kind, _ := names["kind"].(string)
	w.served[lockstep.GroupKind{Group: group, Kind: kind}] = true
}

func (w *World) mayLetGo(u lockstep.Unit, o *object) error {
	if o.applied == nil {
		return fault.Conflict("Lockstep never applied it; its marks were copied from another object")
	}
	if o.unit() != u {
		return fault.Conflict("it belongs to Stack %q", o.unit())
	}
	return nil
}

func (w *World) remove(u lockstep.Unit, step plan.Step) (lockstep.Result, error) {
	o := w.objects[step.Key]
	if o == nil {
		return lockstep.Unchanged, nil
	}
	if err := w.mayLetGo(u, o); err != nil {
		return lockstep.Failed, err
	}
	if step.UID != "" && step.UID != o.uid {
		return lockstep.Failed, fault.Conflict("it was deleted and created anew since the plan was made")
	}
	delete(w.objects, step.Key)
	return lockstep.Done, nil
}

func (w *World) orphan(u lockstep.Unit, step plan.Step) (lockstep.Result, error) {
	old := w.objects[step.Key]
	if old == nil || old.applied == nil && old.unit() == (lockstep.Unit{}) {
		return lockstep.Unchanged, nil
	}
	if err := w.mayLetGo(u, old); err != nil {
		return lockstep.Failed, err
	}
	o := *old
	o.tree = clone(old.tree)
	meta, _ := o.tree["metadata"].(map[string]any)
	for field, names := range map[string][]string{
		"labels":      {v1alpha1.LabelStack},
		"annotations": {v1alpha1.AnnotationUnit, v1alpha1.AnnotationDigest},
	} {
		m, _ := meta[field].(map[string]any)
		for _, n := range names {
			delete(m, n)
		}
	}
	o.applied, o.touched, o.rv = nil, nil, w.next()
	w.objects[step.Key] = &o
	return lockstep.Done, nil
}

// marked returns the step's object with our marks.
func marked(step plan.Step, u lockstep.Unit) map[string]any {
	tree := diff.WithoutStringData(step.Desired.Clone()).Tree
	meta, _ := tree["metadata"].(map[string]any)
	set := func(field, name, value string) {
		m, _ := meta[field].(map[string]any)
		if m == nil {
			m = map[string]any{}
		}
		m[name] = value
		meta[field] = m
	}
	set("labels", v1alpha1.LabelStack, v1alpha1.StackLabelValue(u))
	set("annotations", v1alpha1.AnnotationUnit, u.String())
	set("annotations", v1alpha1.AnnotationDigest, step.Digest)
	return tree
}

// drop removes from tree what was applied before and is not wanted any more.
func drop(tree, applied, want map[string]any) {
	for k, was := range applied {
		now, still := want[k]
		below, isMap := tree[k].(map[string]any)
		if wasMap, ok := was.(map[string]any); ok && isMap {
			nowMap, _ := now.(map[string]any)
			drop(below, wasMap, nowMap)
			if !still && len(below) == 0 {
				delete(tree, k)
			}
			continue
		}
		if !still {
			delete(tree, k)
		}
	}
}

// merge puts want over tree.
func merge(tree, want map[string]any) {
	for k, v := range want {
		from, isMap := v.(map[string]any)
		into, both := tree[k].(map[string]any)
		if isMap && both {
			merge(into, from)
			continue
		}
		tree[k] = lockstep.CloneTree(v)
	}
}

// project is what Observe says of o; w.mu is held.
func (w *World) project(o *object) lockstep.LiveObject {
	d := lockstep.Object{Tree: o.tree}
	l := lockstep.LiveObject{
		Key: o.key, Version: d.Version(), UID: o.uid, ResourceVersion: o.rv,
		Unit: o.unit(), Managed: o.applied != nil,
		Digest: d.Annotation(v1alpha1.AnnotationDigest),
		Health: w.healthOf(o),
	}
	meta, _ := o.tree["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	for k, v := range annotations {
		s, isText := v.(string)
		if !isText || k == v1alpha1.AnnotationUnit || k == v1alpha1.AnnotationDigest || !strings.HasPrefix(k, "lockstep.dev/") {
			continue
		}
		if l.Annotations == nil {
			l.Annotations = map[string]string{}
		}
		l.Annotations[k] = s
	}
	if o.applied == nil {
		return l
	}
	l.Owned, _ = owned(o.applied, o.tree, "", o.touched).(map[string]any)
	tidy(l.Owned)
	l.Drift = w.drift(o)
	return l
}

// owned is the part of live that applied asked for and nobody has touched.
func owned(applied, live any, at string, touched map[string]string) any {
	a, isMap := applied.(map[string]any)
	l, both := live.(map[string]any)
	if !isMap || !both {
		return live
	}
	out := map[string]any{}
	for k, v := range a {
		below := join(at, k)
		now, there := l[k]
		if !there || touched[below] != "" {
			continue
		}
		out[k] = owned(v, now, below, touched)
	}
	return out
}

// tidy leaves out identity and our own marks.
func tidy(tree map[string]any) {
	delete(tree, "apiVersion")
	delete(tree, "kind")
	meta, _ := tree["metadata"].(map[string]any)
	delete(meta, "name")
	delete(meta, "namespace")
	for _, field := range []string{"labels", "annotations"} {
		m, _ := meta[field].(map[string]any)
		maps.DeleteFunc(m, func(k string, _ any) bool { return strings.HasPrefix(k, "lockstep.dev/") })
	}
}

func (w *World) drift(o *object) []lockstep.FieldChange {
	var out []lockstep.FieldChange
	for _, c := range diff.Changes(o.applied, overlap(o.tree, o.applied), diff.Digester{}) {
		c.Manager = o.touched[c.Path]
		out = append(out, c)
	}
	return out
}

// overlap is the part of live that applied has a say in.
func overlap(live, applied map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range applied {
		now, there := live[k]
		if !there {
			continue
		}
		a, isMap := v.(map[string]any)
		l, both := now.(map[string]any)
		if isMap && both {
			now = overlap(l, a)
		}
		out[k] = now
	}
	return out
}

func (w *World) healthOf(o *object) lockstep.Health {
	if h, ok := w.health[o.key]; ok {
		return h
	}
	return w.rules[o.unit()].Of(o.tree)
}
