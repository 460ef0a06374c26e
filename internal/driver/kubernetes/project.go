package kubernetes

import (
	"bytes"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unique"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/health"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// record is what memory holds of one object. It is never changed once it is in
// the view: a change makes a new one, so readers need no lock.
type record struct {
	key     lockstep.Key
	version string // API version that it was read at
	uid, rv string

	unit    lockstep.Unit
	managed bool
	digest  string

	owned []byte // the tree of our fields with live values, as JSON
	set   string // our fieldsV1; objects of one shape share it
	// base is owned as our last apply left it; nil when that was not seen, which
	// is so after a restart. It shares memory with owned while nothing drifted.
	base  []byte
	drift []lockstep.FieldChange
	// driftSeen is when drift was first not empty; zero while it is.
	driftSeen time.Time
	// judgedFor lists the fields for which drift was found where there is no base, and
	// judgedBy is the digest of the object by which it was.
	judgedFor, judgedBy string
	// blind drift was found without the live object: it lacks the live values and
	// who set them, and Observe has to look.
	blind bool

	annotations map[string]string
	terminating bool
	established bool // of a CustomResourceDefinition: its kind is served
	health      lockstep.Health
	ending      lockstep.Ending
	// worry is how the object's pods are found and what they said; nil while it is
	// healthy, or has no pods.
	worry *worry
}

// newRecord projects an object, judged without any unit's rules. It has neither
// base nor drift.
func newRecord(tree map[string]any) *record {
	r := projected(tree)
	r.judgeBy(nil, tree)
	return r
}

// judgeBy gives the record its health.
func (r *record) judgeBy(rules *health.Rules, tree map[string]any) {
	r.health = rules.Of(tree)
	r.health.Message = intern(r.health.Message)
	r.worry = worryOf(r.key, tree, r.health)
}

func projected(tree map[string]any) *record { return projection(tree, ownFieldsOf(tree)) }

// projection is projected for a tree whose managed fields were read already.
func projection(tree map[string]any, ours ownFields) *record {
	u := unstructured.Unstructured{Object: tree}
	gvk := u.GroupVersionKind()
	r := &record{
		key: lockstep.Key{
			Group: intern(gvk.Group), Kind: intern(gvk.Kind),
			Namespace: intern(u.GetNamespace()), Name: u.GetName(),
		},
		version:     intern(gvk.Version),
		uid:         string(u.GetUID()),
		rv:          u.GetResourceVersion(),
		terminating: u.GetDeletionTimestamp() != nil,
		ending:      health.Ended(tree),
	}
	r.readOwned(tree, ours)
	r.readMarks(u.GetAnnotations(), u.GetLabels()[v1alpha1.LabelStack], ours)
	if r.key.Kind == "CustomResourceDefinition" {
		r.established = condition(tree, "Established") == "True"
	}
	return r
}

func intern(s string) string { return unique.Make(s).Value() }

// readMarks reads whose the object is. On an object that we applied, a mark that
// somebody has since written over does not count: it would make the object
// another unit's, and that unit would prune it.
func (r *record) readMarks(annotations map[string]string, label string, ours ownFields) {
	unit := annotations[v1alpha1.AnnotationUnit]
	if ours.there && !ours.set.Has("metadata", "annotations", v1alpha1.AnnotationUnit) {
		unit = ""
	}
	if ours.there && !ours.set.Has("metadata", "labels", v1alpha1.LabelStack) {
		label = ""
	}
	r.unit = unitOf(unit, label)
	r.digest = annotations[v1alpha1.AnnotationDigest]
	for k, v := range annotations {
		if !steers(k) {
			continue
		}
		if r.annotations == nil {
			r.annotations = map[string]string{}
		}
		r.annotations[intern(k)] = intern(v)
	}
}

// unitOf reads the marks. Somebody may have removed the annotation; the label
// says the same unless it had to be cut.
func unitOf(annotation, label string) lockstep.Unit {
	if u, err := lockstep.ParseUnit(annotation, ""); err == nil {
		return lockstep.Unit{Namespace: intern(u.Namespace), Name: intern(u.Name)}
	}
	// A namespace has no dots, so the first one ends it.
	ns, name, ok := strings.Cut(label, ".")
	if !ok || ns == "" || name == "" || cut.MatchString(label) {
		return lockstep.Unit{}
	}
	return lockstep.Unit{Namespace: intern(ns), Name: intern(name)}
}

// cut matches labels that may have been cut, and so may not say the whole name.
var cut = regexp.MustCompile(`-[0-9a-f]{10}$`)

// steers says whether an annotation may decide what happens to an object: ours,
// and those by which other tools are told to keep it.
func steers(name string) bool {
	if name == v1alpha1.AnnotationUnit || name == v1alpha1.AnnotationDigest {
		return false
	}
	for _, p := range [...]string{"lockstep.dev/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "helm.sh/resource-policy", "meta.helm.sh/"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// ownEntry returns our fieldsV1 among the managed fields; nil if we never
// applied. Other entries are not even parsed here: this runs for every event of
// every object.
func ownEntry(tree map[string]any) map[string]any {
	meta, _ := tree["metadata"].(map[string]any)
	entries, _ := meta["managedFields"].([]any)
	for _, e := range entries {
		m, _ := e.(map[string]any)
		if m["manager"] == v1alpha1.FieldManager && m["operation"] == "Apply" && m["subresource"] == nil {
			fields, _ := m["fieldsV1"].(map[string]any)
			return fields
		}
	}
	return nil
}

// ownFields is what our entry among the managed fields says.
type ownFields struct {
	there bool
	set   diff.FieldSet
	raw   string // of set, as [diff.Canonical] writes it
}

func ownFieldsOf(tree map[string]any) ownFields {
	ours := ownEntry(tree)
	if ours == nil {
		return ownFields{}
	}
	set, err := diff.FieldSetOf(ours)
	if err != nil {
		return ownFields{}
	}
	return ownFields{there: true, set: set, raw: string(diff.Canonical(ours))}
}

func (r *record) readOwned(tree map[string]any, ours ownFields) {
	if !ours.there {
		return
	}
	r.managed = true
	r.set = intern(ours.raw)
	r.owned = diff.Canonical(diff.Own(tree, ours.set))
}

// withBase judges the record against what our last apply left. tree is the live
// object that the record was made from.
func (r *record) withBase(base []byte, tree map[string]any, d diff.Digester) {
	if base == nil {
		return
	}
	r.base = base
	if bytes.Equal(base, r.owned) {
		r.base = r.owned
		return
	}
	r.drift = diff.Drift(r.wanted(base), tree, diff.Managers(tree), v1alpha1.FieldManager, d)
}

// baseOf is what our last apply left in a later state of the object, as far as it
// is known. A state with another digest was applied by another replica, or by a
// request whose answer was lost: what that left nobody has said here, and a field
// that came with it would never be missed.
func (r *record) baseOf(later *record) []byte {
	if later.digest != r.digest {
		return nil
	}
	return r.base
}

// unproven says whether it is not known whether the object is as we applied it.
func (r *record) unproven() bool {
	return r.managed && r.base == nil && (r.judgedFor == "" || r.judgedBy != r.digest)
}

// carry judges the record, which came without its live object, against what our
// last apply left.
func (r *record) carry(base []byte, d diff.Digester) {
	if base == nil {
		return
	}
	r.base = base
	if r.keeps(base) {
		return
	}
	set, _ := diff.ParseFieldSet([]byte(r.set))
	ours := []diff.Manager{{Name: v1alpha1.FieldManager, Operation: "Apply", Fields: set}}
	r.drift, r.blind = diff.Drift(r.wanted(base), nil, ours, v1alpha1.FieldManager, d), true
}

// keeps says whether every field of base is still ours.
func (r *record) keeps(base []byte) bool {
	set, err := diff.ParseFieldSet([]byte(r.set))
	return err == nil && len(diff.Missing(r.wanted(base), set)) == 0
}

// wanted turns an owned tree back into the object that it is of.
func (r *record) wanted(owned []byte) lockstep.Object {
	tree := decodeTree(owned)
	if tree == nil {
		tree = map[string]any{}
	}
	tree["kind"] = r.key.Kind
	tree["apiVersion"] = apiVersion(r.key.Group, r.version)
	return lockstep.Object{Tree: tree}
}

func apiVersion(group, version string) string {
	if group == "" {
		return version
	}
	return group + "/" + version
}

// same says whether Observe would answer alike for both.
func (r *record) same(o *record) bool {
	return r.alike(o) && bytes.Equal(r.owned, o.owned) && r.set == o.set && sameDrift(r.drift, o.drift)
}

// alike is same but for drift.
func (r *record) alike(o *record) bool {
	return r.uid == o.uid && r.unit == o.unit && r.managed == o.managed && r.digest == o.digest &&
		r.terminating == o.terminating && r.established == o.established && r.ending == o.ending &&
		r.health == o.health && r.told() == o.told() &&
		maps.Equal(r.annotations, o.annotations)
}

// noticed notes since when there is drift.
func (r *record) noticed(old *record) {
	switch {
	case len(r.drift) == 0:
		r.driftSeen = time.Time{}
	case old != nil && len(old.drift) > 0:
		r.driftSeen = old.driftSeen
	case r.driftSeen.IsZero():
		r.driftSeen = time.Now()
	}
}

func sameDrift(a, b []lockstep.FieldChange) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// live is the record as the contract knows it.
func (r *record) live() lockstep.LiveObject {
	return lockstep.LiveObject{
		Key: r.key, Version: r.version, UID: r.uid, ResourceVersion: r.rv,
		Unit: r.unit, Managed: r.managed, Digest: r.digest,
		Unproven: r.unproven(),
		Drift:    r.drift, DriftSeen: r.driftSeen, Owned: decodeTree(r.owned),
		Annotations: maps.Clone(r.annotations),
		Terminating: r.terminating, Ending: r.ending,
		Health: health.With(r.health, r.told()),
	}
}

// newer says whether resource version a is later than b. They are numbers of
// one sequence on every API of today; should one not be, whatever comes last
// counts as the later one.
func newer(a, b string) bool {
	x, errA := strconv.ParseUint(a, 10, 64)
	y, errB := strconv.ParseUint(b, 10, 64)
	if errA != nil || errB != nil {
		return a != b
	}
	return x > y
}

func condition(tree map[string]any, kind string) string {
	list, _, _ := unstructured.NestedSlice(tree, "status", "conditions")
	for _, v := range list {
		m, _ := v.(map[string]any)
		if m["type"] == kind {
			s, _ := m["status"].(string)
			return s
		}
	}
	return ""
}
