package diff

import (
	"maps"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Own returns the live values of the fields in f: what our last apply asked for
// and nobody has taken over since. Lists keep the items that are ours, in live
// order. Identity, what the server keeps in metadata, and our own marks are
// left out. The result shares values with live.
func Own(live map[string]any, f FieldSet) map[string]any {
	if f.root == nil {
		return map[string]any{}
	}
	return content(ownMap(live, f.root))
}

// content returns an object without what belongs to the API server, to
// identity, or to us.
func content(tree map[string]any) map[string]any {
	out := maps.Clone(tree)
	maps.DeleteFunc(out, func(k string, _ any) bool { return path{}.field(k).system() })
	meta, ok := out["metadata"].(map[string]any)
	if !ok {
		return out
	}
	meta = maps.Clone(meta)
	maps.DeleteFunc(meta, func(k string, _ any) bool { return !contentMeta[k] })
	for _, name := range []string{"labels", "annotations"} {
		marks, ok := meta[name].(map[string]any)
		if !ok {
			continue
		}
		marks = maps.Clone(marks)
		maps.DeleteFunc(marks, func(k string, _ any) bool { return steering(k) })
		meta[name] = marks
	}
	out["metadata"] = meta
	return out
}

func ownMap(live map[string]any, n *owned) map[string]any {
	out := make(map[string]any, len(n.fields))
	for _, f := range n.fields {
		if v, ok := live[f.name]; ok {
			out[f.name] = ownValue(v, f.node)
		}
	}
	return out
}

func ownValue(v any, n *owned) any {
	if n.leaf() {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		return ownMap(v, n)
	case []any:
		return ownList(v, n)
	}
	return v
}

func ownList(live []any, n *owned) []any {
	out := make([]any, 0, len(live))
	for i, v := range live {
		if mine, ok := ownElement(i, v, n); ok {
			out = append(out, mine)
		}
	}
	return out
}

func ownElement(i int, v any, n *owned) (any, bool) {
	if m, ok := v.(map[string]any); ok {
		if it := n.itemFor(m); it != nil {
			return ownItem(m, it), true
		}
	}
	for _, x := range n.index {
		if x.index == i {
			return ownValue(v, x.node), true
		}
	}
	return v, slices.ContainsFunc(n.values, func(w any) bool { return same(v, w) })
}

// ownItem keeps an item's keys even where they are not ours: without them
// nobody could tell which item it is.
func ownItem(m map[string]any, it *ownedItem) map[string]any {
	if it.node.leaf() {
		return m
	}
	out := ownMap(m, it.node)
	for _, k := range it.keys {
		if v, ok := m[k.name]; ok {
			out[k.name] = v
		}
	}
	return out
}

// Missing returns the fields of desired that f does not cover, in order: those
// that somebody else has changed or removed since we applied desired. What kind
// of list or map each is, keyed, set or atomic, is learnt from f itself. Fields
// that a server drops (null, empty maps and lists) are never missing.
func Missing(desired lockstep.Object, f FieldSet) []string {
	var out []string
	for _, p := range missing(desired, f) {
		out = append(out, p.String())
	}
	slices.Sort(out)
	return out
}

func missing(desired lockstep.Object, f FieldSet) []path {
	w := missingWalk{}
	root := f.root
	if root == nil {
		root = &owned{}
	}
	w.fields(WithoutStringData(desired).Tree, root, make(path, 0, 16))
	return w.out
}

// missingWalk goes down one path, whose room it uses over and over: nearly every
// field is ours, and only what is missing is kept.
type missingWalk struct{ out []path }

func (w *missingWalk) keep(at path) { w.out = append(w.out, slices.Clone(at)) }

func (w *missingWalk) value(v any, n *owned, at path) {
	if hollow(v) || at.system() {
		return
	}
	if n == nil {
		w.gone(v, at)
		return
	}
	if n.leaf() {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		w.fields(v, n, at)
	case []any:
		w.list(v, n, at)
	default:
		w.keep(at)
	}
}

// gone reports everything below a place that is not ours any more: field by
// field for maps, because that is how people look at them, whole for the rest.
func (w *missingWalk) gone(v any, at path) {
	m, ok := v.(map[string]any)
	if !ok || at[len(at)-1].form != field {
		w.keep(at)
		return
	}
	for _, k := range sortedKeys(m) {
		w.value(m[k], nil, append(at, segment{form: field, name: k}))
	}
}

func (w *missingWalk) fields(m map[string]any, n *owned, at path) {
	for _, k := range sortedKeys(m) {
		w.value(m[k], n.field(k), append(at, segment{form: field, name: k}))
	}
}

func (w *missingWalk) list(l []any, n *owned, at path) {
	for i, v := range l {
		m, isMap := v.(map[string]any)
		switch {
		case isMap && len(n.items) > 0:
			w.item(m, n, at)
		case len(n.index) > 0:
			s := segment{form: indexed, index: i}
			w.value(v, n.child(s), append(at, s))
		default:
			s := segment{form: element, value: v}
			w.value(v, n.child(s), append(at, s))
		}
	}
}

func (w *missingWalk) item(m map[string]any, n *owned, at path) {
	it := n.itemFor(m)
	if it == nil {
		w.keep(append(at, segment{form: keyed, keys: pick(m, n.items[0].keys)}))
		return
	}
	below := append(at, segment{form: keyed, keys: it.keys})
	if it.node.leaf() {
		return
	}
	for _, k := range sortedKeys(m) {
		if slices.ContainsFunc(it.keys, func(kv keyValue) bool { return kv.name == k }) {
			continue
		}
		w.value(m[k], it.node.field(k), append(below, segment{form: field, name: k}))
	}
}

// pick returns m's values of the names in like.
func pick(m map[string]any, like []keyValue) []keyValue {
	var out []keyValue
	for _, k := range like {
		if v, ok := m[k.name]; ok {
			out = append(out, keyValue{k.name, v})
		}
	}
	return out
}

// hollow says whether v is something that servers drop: null, or nothing but
// empty maps and lists.
func hollow(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, e := range v {
			if !hollow(e) {
				return false
			}
		}
		return true
	case []any:
		return len(v) == 0
	}
	return false
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Manager is one entry of metadata.managedFields.
type Manager struct {
	Name        string
	Operation   string // "Apply" or "Update"
	Subresource string
	Fields      FieldSet
}

// Managers reads metadata.managedFields of a live object. An entry that cannot
// be read owns nothing.
func Managers(live map[string]any) []Manager {
	meta, _ := live["metadata"].(map[string]any)
	list, _ := meta["managedFields"].([]any)
	out := make([]Manager, 0, len(list))
	for _, v := range list {
		e, ok := v.(map[string]any)
		if !ok {
			continue
		}
		m := Manager{}
		m.Name, _ = e["manager"].(string)
		m.Operation, _ = e["operation"].(string)
		m.Subresource, _ = e["subresource"].(string)
		if raw, ok := e["fieldsV1"].(map[string]any); ok {
			m.Fields, _ = FieldSetOf(raw)
		}
		out = append(out, m)
	}
	return out
}

// Applied returns the fields that a manager owns by server-side apply; false
// when it never applied.
func Applied(managers []Manager, name string) (FieldSet, bool) {
	for _, m := range managers {
		if m.Name == name && m.Operation == "Apply" && m.Subresource == "" {
			return m.Fields, true
		}
	}
	return FieldSet{}, false
}

// Drift is Missing with values and culprits: From is the live value, To ours,
// Manager whoever owns the live one ("" when the field is gone). From and To are
// the same text exactly where the values are the same: somebody has taken over a
// field and left it, or put it back, as it was.
func Drift(desired lockstep.Object, live map[string]any, managers []Manager, manager string, d Digester) []lockstep.FieldChange {
	ours, _ := Applied(managers, manager)
	w := changeWalk{printer: printer{digester: d}}
	want := WithoutStringData(desired).Tree
	w.secret = isSecret(want)
	var out []lockstep.FieldChange
	seen := map[string]bool{}
	for _, at := range missing(desired, ours) {
		at = atomic(managers, manager, want, at)
		c := lockstep.FieldChange{Path: at.String()}
		if seen[c.Path] {
			continue
		}
		seen[c.Path] = true
		wanted, asked := lookup(want, at)
		if asked {
			c.To = w.print(wanted, at)
		}
		if v, ok := lookup(live, at); ok {
			c.From = w.tell(v, wanted, c.To, at)
			m := ownerOf(managers, manager, at)
			c.Manager, c.Operation, c.Subresource = m.Name, m.Operation, m.Subresource
		}
		out = append(out, c)
	}
	slices.SortFunc(out, byPath)
	return out
}

// atomic returns the map that is one value and that at lies in, else at. That a
// map is one value is told by whoever owns it now: as a whole. Its other keys
// count then, too.
func atomic(managers []Manager, ours string, want map[string]any, at path) path {
	for i := 1; i < len(at); i++ {
		v, _ := lookup(want, at[:i])
		if _, isMap := v.(map[string]any); !isMap {
			continue
		}
		for _, m := range managers {
			if (m.Name != ours || m.Operation != "Apply") && m.Fields.whole(at[:i]) {
				return at[:i]
			}
		}
	}
	return at
}

// tell prints a live value so that it reads as printed does if and only if it is
// wanted: long values are cut, and may differ behind the cut.
func (w *changeWalk) tell(v, wanted any, printed string, at path) string {
	if same(v, wanted) || w.sameQuantity(v, wanted, at) {
		return printed
	}
	s := w.print(v, at)
	if s == printed {
		s += " #" + w.digester.short(v)
	}
	return s
}

// ownerOf returns the last listed manager other than ours that owns a place;
// servers list the most recent one last.
func ownerOf(managers []Manager, ours string, at path) Manager {
	for _, m := range slices.Backward(managers) {
		if (m.Name != ours || m.Operation != "Apply") && m.Fields.covers(at) {
			return m
		}
	}
	return Manager{}
}
