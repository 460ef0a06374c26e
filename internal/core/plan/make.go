package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/order"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Make decides what should happen to a unit.
//
// An object that cannot be planned for, because another unit has it or the
// Target does not know its kind, gives a fault and no step. The plan returned
// beside the error holds every other object's step and may be carried out: one
// bad object does not hold up the others.
func Make(f Facts) (Plan, error) {
	m, err := newMaker(f)
	if err != nil {
		return Plan{}, err
	}
	for _, o := range m.desired {
		m.decide(o)
	}
	m.prune()
	p := Plan{
		Unit: f.Unit, Target: f.Target, Revision: f.Revision,
		Stages: m.stages(), Hooks: f.Hooks, Unchanged: m.unchanged, Drifted: m.drifted, Spared: m.spared, Alone: m.alone, Notes: m.notes,
		Gates: m.gates(),
	}
	p.Digest = p.digest()
	return p, fault.Join(m.errs...)
}

// maker collects the parts of a plan while the objects are gone through in
// order of their keys.
type maker struct {
	Facts
	digester diff.Digester
	ignore   *diff.Ignore
	desired  []lockstep.Object // sorted, unique
	asked    map[lockstep.Key]bool
	live     map[lockstep.Key]lockstep.LiveObject
	unknown  map[lockstep.GroupKind]bool

	applies   []Step
	deletes   []Step
	unchanged int
	drifted   []Drifted
	spared    []Drifted
	alone     []lockstep.Key
	notes     []Note
	errs      []error
}

func newMaker(f Facts) (*maker, error) {
	rules := make([]diff.Rule, len(f.Policy.Ignore))
	for i, r := range f.Policy.Ignore {
		rules[i] = diff.Rule{
			Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name,
			JSONPointers: r.JSONPointers, JQPaths: r.JQPaths, Managers: r.Managers,
			Source: fmt.Sprintf("spec.ignoreDifferences[%d]", i),
		}
	}
	ignore, err := diff.CompileIgnore(rules)
	if err != nil {
		return nil, err
	}
	m := &maker{
		Facts: f, digester: diff.Digester{Key: f.Key}, ignore: ignore,
		asked: make(map[lockstep.Key]bool, len(f.Desired)),
		live:  make(map[lockstep.Key]lockstep.LiveObject, len(f.Live.Objects)),
	}
	for _, o := range f.Live.Objects {
		m.live[o.Key] = o
	}
	m.sortDesired()
	m.unknown = unknownKinds(f.Live.MissingKinds, m.desired)
	return m, nil
}

// sortDesired puts the objects in order and refuses all but the first of those
// that are one object twice.
func (m *maker) sortDesired() {
	sorted := slices.Clone(m.Facts.Desired)
	slices.SortFunc(sorted, func(a, b lockstep.Object) int {
		if c := a.Key().Compare(b.Key()); c != 0 {
			return c
		}
		if c := strings.Compare(a.Origin.File, b.Origin.File); c != 0 {
			return c
		}
		if c := a.Origin.Line - b.Origin.Line; c != 0 {
			return c
		}
		return strings.Compare(m.digester.Object(a), m.digester.Object(b))
	})
	var first lockstep.Object
	for _, o := range sorted {
		k := o.Key()
		if m.asked[k] {
			m.errs = append(m.errs, fault.Invalid("%s is there twice: %s and %s", k, origin(first), origin(o)).
				At("%s", place(o)).WithHint("remove one of the two, or give it another name"))
			continue
		}
		m.asked[k], first = true, o
		m.desired = append(m.desired, o)
	}
}

func origin(o lockstep.Object) string {
	if s := o.Origin.String(); s != "" {
		return s
	}
	return "the render"
}

// place is where a person finds the object: "Deployment.apps/web/api, web.yaml:3".
func place(o lockstep.Object) string {
	if s := o.Origin.String(); s != "" {
		return o.Key().String() + ", " + s
	}
	return o.Key().String()
}

// unknownKinds leaves out the kinds that the same render defines: their
// definitions are applied in a stage before them.
func unknownKinds(missing []lockstep.GroupKind, desired []lockstep.Object) map[lockstep.GroupKind]bool {
	out := make(map[lockstep.GroupKind]bool, len(missing))
	for _, k := range missing {
		out[k] = true
	}
	if len(out) == 0 {
		return out
	}
	for _, o := range desired {
		if k, ok := defines(o); ok {
			delete(out, k)
		}
	}
	return out
}

// defines returns the kind that a CustomResourceDefinition is about.
func defines(o lockstep.Object) (lockstep.GroupKind, bool) {
	if o.Kind() != "CustomResourceDefinition" {
		return lockstep.GroupKind{}, false
	}
	spec, _ := o.Tree["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	group, _ := spec["group"].(string)
	kind, ok := names["kind"].(string)
	return lockstep.GroupKind{Group: group, Kind: kind}, ok
}

// decide finds the step, if any, for one desired object.
func (m *maker) decide(o lockstep.Object) {
	k := o.Key()
	role, err := hook.Of(o)
	if err != nil {
		m.errs = append(m.errs, err)
		return
	}
	live, exists := m.live[k]
	g := m.guard(o, live)
	if why := role.Options.LeftAlone; why != "" {
		g.alone = why
	}
	if g.alone != "" {
		m.leaveAlone(k, g)
		return
	}
	if m.unknown[k.GroupKind()] && !role.Options.LateKind {
		m.errs = append(m.errs, unknownKind(o))
		return
	}
	if exists && live.Unit != (lockstep.Unit{}) && live.Unit != m.Unit {
		m.errs = append(m.errs, m.taken(o, live))
		return
	}
	m.remark(k, g)
	gone := !exists || live.Terminating
	if gone && (m.Carried || slices.Contains(m.Ran, k.String())) && passing(o) { // a Job that removed itself
		m.unchanged++
		m.notes = append(m.notes, Note{Key: k, Text: "ran and went away by itself: spec.ttlSecondsAfterFinished"})
		return
	}
	step := Step{
		Key: k, Desired: o, Digest: m.digester.Object(o), Wave: role.Wave,
		Replace:     m.Policy.Replace || role.Options.Replace,
		Once:        role.Options.IfAbsent,
		Unvalidated: role.Options.Unvalidated,
	}
	switch {
	case exists && isHook(live) && !live.Terminating:
		step.UID, step.Verb, step.Reason = live.UID, lockstep.Update, "was a hook's; is kept live from now on"
	case exists && step.Once && !live.Terminating:
		m.unchanged++
		return
	case !gone:
		m.compare(step, live, g)
		return
	default:
		heals, create := m.missing(k, g)
		if !create {
			return
		}
		step.Verb, step.Heals = lockstep.Create, heals
		step.Reason = m.absent(live, heals, k.GroupKind())
	}
	m.applies = append(m.applies, step)
}

func (m *maker) absent(live lockstep.LiveObject, heals bool, kind lockstep.GroupKind) string {
	switch {
	case m.unknown[kind]:
		return "is not there yet, nor is its kind"
	case live.Terminating:
		// Applying to an object that is going away would be lost with it.
		return "is being deleted; will be created again"
	case heals:
		return "is gone from the target"
	}
	return "is not there yet"
}

func unknownKind(o lockstep.Object) error {
	k := o.Key().GroupKind()
	return fault.Invalid("the target does not know kind %q in %q", k.Kind, o.APIVersion()).At("%s", place(o)).
		WithHint("check apiVersion and kind; if it is a custom resource, its CustomResourceDefinition must be in this Stack or in one that it depends on")
}

func (m *maker) taken(o lockstep.Object, live lockstep.LiveObject) error {
	return fault.Conflict("%s belongs to stack %q, so stack %q does not touch it", o.Key(), live.Unit, m.Unit).At("%s", place(o)).
		WithHint("to move it, remove it from %s with pruning off or the annotation lockstep.dev/prune: disabled, and give it up there; or rename it here", live.Unit)
}

// compare finds the step for an object that exists and is ours or nobody's.
func (m *maker) compare(step Step, live lockstep.LiveObject, g guard) {
	ignored := m.ignore.For(step.Key, step.Desired.Tree, live.Owned)
	ignored = g.spare(ignored, step.Desired.Tree, live.Owned)
	v := m.judge(step.Key, live.Drift, ignored, g)
	step.UID, step.Verb = live.UID, lockstep.Update
	if live.Owned != nil {
		step.Desired = ignored.Yield(step.Desired, live.Owned, live.Drift)
	}
	switch {
	case live.Digest == "" || !live.Managed:
		step.Reason = "exists already and was never applied by us: takes it over"
		step.Changes = m.changes(step.Desired, live, ignored)
	case live.Digest != step.Digest:
		step.Changes = m.changes(step.Desired, live, ignored)
		step.Reason = inGit(step.Changes, live)
	case len(v.heal) > 0:
		step.Reason, step.Changes, step.Heals = "drift: "+culprits(v.heal), v.heal, true
	case v.quiet:
		step.Reason = "holds what Git asks for; takes back fields that somebody else owns"
		step.Heals = true
	case m.Policy.Force:
		step.Reason = "applied again as asked"
	default:
		m.unchanged++
		m.drifted = append(m.drifted, v.report...)
		m.spared = append(m.spared, v.spared...)
		return
	}
	m.spared = append(m.spared, v.spared...)
	m.applies = append(m.applies, step)
}

// changes compares with what is live of ours. A field that somebody took over is
// not among it, but the drift says what it holds and who did it.
func (m *maker) changes(o lockstep.Object, live lockstep.LiveObject, ignored diff.Ignored) []lockstep.FieldChange {
	if live.Owned == nil {
		return nil
	}
	drift := make(map[string]lockstep.FieldChange, len(live.Drift))
	for _, c := range live.Drift {
		drift[c.Path] = c
	}
	var out []lockstep.FieldChange
	for _, c := range ignored.Filter(diff.Changes(o.Tree, live.Owned, m.digester)) {
		if d, ok := drift[c.Path]; ok && c.From == "" {
			c.From, c.Manager = d.From, d.Manager
		}
		out = append(out, c)
	}
	return out
}

func inGit(changes []lockstep.FieldChange, live lockstep.LiveObject) string {
	switch n := len(changes); {
	case live.Owned == nil:
		return "changes in Git"
	case n == 0:
		return "changes in Git, in no field that the target keeps"
	case n == 1:
		return "1 field changes in Git"
	default:
		return fmt.Sprintf("%d fields change in Git", n)
	}
}

// culprits says who changed fields, in order of name.
func culprits(drift []lockstep.FieldChange) string {
	var names []string
	there := false
	for _, c := range drift {
		there = there || c.From != ""
		if c.Manager != "" {
			names = append(names, c.Manager)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case len(names) == 0 && there:
		return "changed on the target"
	case len(names) == 0:
		return "removed on the target"
	}
	return "changed by " + strings.Join(names, ", ")
}

// stages orders the steps by wave and kind: what is wanted first, what is gone
// from Git last and in reverse, so that nothing is lost for a change that cannot
// be made.
func (m *maker) stages() []Stage {
	return append(group(m.applies, 1, ""), group(m.deletes, -1, "prune ")...)
}

// group makes stages of steps; direction 1 is the order of applying, -1 that of
// deleting.
func group(steps []Step, direction int, prefix string) []Stage {
	type place struct{ wave, rank int }
	by := map[place][]Step{}
	waves := false
	for _, s := range steps {
		at := place{s.Wave, order.Rank(s.Key.GroupKind())}
		by[at] = append(by[at], s)
		waves = waves || s.Wave != 0
	}
	places := slices.SortedFunc(maps.Keys(by), func(a, b place) int {
		return direction * cmp.Or(cmp.Compare(a.wave, b.wave), cmp.Compare(a.rank, b.rank))
	})
	out := make([]Stage, 0, len(places))
	for _, at := range places {
		name := prefix + order.Name(at.rank)
		if waves {
			name = fmt.Sprintf("wave %d: %s", at.wave, name)
		}
		out = append(out, Stage{Name: name, Wave: at.wave, Steps: by[at]})
	}
	return out
}

// gates are the reasons that the facts themselves give for holding the plan.
func (m *maker) gates() []Gate {
	if len(m.Desired) > 0 || len(m.deletes) == 0 {
		return nil
	}
	return []Gate{{
		Name: "empty-render", Open: m.Policy.AllowEmpty,
		Reason: fmt.Sprintf("Git asks for no object at all, so %s would be deleted", count(len(m.deletes), "object")),
		Hint:   "check the path and the overlays; if it is meant, set spec.sync.allowEmpty or delete the Stack",
	}}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
