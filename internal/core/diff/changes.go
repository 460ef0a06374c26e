package diff

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Changes returns, ordered by path, what applying desired would change in the
// fields that we own: From is the live value, To the desired one. A field of
// owned that desired no longer has is removed (To is ""). Null and empty values
// that servers drop are no difference; neither are two spellings of one
// quantity where a quantity is meant.
func Changes(desired, owned map[string]any, d Digester) []lockstep.FieldChange {
	w := changeWalk{printer: printer{digester: d, secret: isSecret(desired) || isSecret(owned)}}
	if w.secret {
		desired, owned = foldStringData(desired), foldStringData(owned)
	}
	w.maps(owned, desired, nil)
	slices.SortStableFunc(w.out, byPath)
	return w.out
}

func byPath(a, b lockstep.FieldChange) int { return cmp.Compare(a.Path, b.Path) }

type changeWalk struct {
	printer
	out []lockstep.FieldChange
}

func (w *changeWalk) maps(from, to map[string]any, at path) {
	for _, k := range unionKeys(from, to) {
		w.values(from[k], to[k], at.field(k))
	}
}

func (w *changeWalk) values(from, to any, at path) {
	if at.system() || hollow(from) && hollow(to) {
		return
	}
	a, fromMap := from.(map[string]any)
	b, toMap := to.(map[string]any)
	if (fromMap || from == nil) && (toMap || to == nil) {
		// Maps come and go field by field.
		if toMap && len(b) == 0 && !freeForm[at.last()] {
			return // "strategy: {}": the server filled in what was left to it
		}
		w.maps(a, b, at)
		return
	}
	x, fromList := from.([]any)
	y, toList := to.([]any)
	if (fromList || from == nil) && (toList || to == nil) {
		w.lists(x, y, at)
		return
	}
	if same(from, to) || w.sameQuantity(from, to, at) {
		return
	}
	w.add(from, to, at)
}

func (w *changeWalk) add(from, to any, at path) {
	c := lockstep.FieldChange{Path: at.String()}
	if !hollow(from) {
		c.From = w.print(from, at)
	}
	if !hollow(to) {
		c.To = w.print(to, at)
	}
	w.out = append(w.out, c)
}

func (w *changeWalk) lists(from, to []any, at path) {
	if at.last() == "finalizers" && sameSet(from, to) {
		return
	}
	names, ok := mergeKeys(at, from, to)
	if !ok {
		w.byIndex(from, to, at)
		return
	}
	w.byKeys(from, to, names, at)
}

func (w *changeWalk) byIndex(from, to []any, at path) {
	for i := range max(len(from), len(to)) {
		switch {
		case i >= len(from):
			w.add(nil, to[i], at.at(i))
		case i >= len(to):
			w.add(from[i], nil, at.at(i))
		default:
			w.values(from[i], to[i], at.at(i))
		}
	}
}

func (w *changeWalk) byKeys(from, to []any, names []string, at path) {
	var fromOrder, toOrder []any
	for _, v := range from {
		m := v.(map[string]any)
		s := segment{form: keyed, keys: keysOf(m, names)}
		i := s.find(to)
		if i < 0 {
			w.add(v, nil, at.with(s))
			continue
		}
		fromOrder = append(fromOrder, shortKey(s.keys))
		w.item(m, to[i].(map[string]any), names, at.with(s))
	}
	for _, v := range to {
		s := segment{form: keyed, keys: keysOf(v.(map[string]any), names)}
		if s.find(from) < 0 {
			w.add(nil, v, at.with(s))
			continue
		}
		toOrder = append(toOrder, shortKey(s.keys))
	}
	if !slices.Equal(fromOrder, toOrder) {
		w.add(fromOrder, toOrder, at) // init containers run in order
	}
}

// item compares two items that are known to be one, so their keys are left out:
// a key that only one side spells out is a default.
func (w *changeWalk) item(from, to map[string]any, names []string, at path) {
	for _, k := range unionKeys(from, to) {
		if slices.Contains(names, k) {
			continue
		}
		w.values(from[k], to[k], at.field(k))
	}
}

func shortKey(keys []keyValue) any {
	if len(keys) == 1 {
		return keys[0].value
	}
	return string(canonicalKeys(keys))
}

// freeForm are maps whose keys belong to the user, so an empty one means that
// all keys go; an empty map of any other name leaves the choice to the server.
var freeForm = map[string]bool{
	"labels": true, "annotations": true, "data": true, "binaryData": true, "stringData": true, "selector": true,
	"nodeSelector": true, "matchLabels": true, "limits": true, "requests": true, "parameters": true, "hard": true,
}

func unionKeys(a, b map[string]any) []string {
	keys := make([]string, 0, max(len(a), len(b)))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func sameSet(a, b []any) bool {
	has := func(l []any) func(any) bool {
		return func(v any) bool { return slices.ContainsFunc(l, func(w any) bool { return same(v, w) }) }
	}
	missing := func(l []any, in []any) bool {
		in2 := has(in)
		return slices.ContainsFunc(l, func(v any) bool { return !in2(v) })
	}
	return !missing(a, b) && !missing(b, a)
}

// printer turns values into the text of a FieldChange; it is the one place that
// decides what is secret.
type printer struct {
	digester Digester
	secret   bool
}

func (p printer) print(v any, at path) string {
	if p.secret && confidential(at) {
		return p.digester.Mask(v)
	}
	return compact(v)
}

// confidential says whether a place in a Secret may hold secret values. kubectl
// keeps a copy of the whole Secret in an annotation.
func confidential(at path) bool {
	if len(at) == 0 {
		return true
	}
	switch at[0].name {
	case "data", "stringData":
		return true
	case "metadata":
		return len(at) < 3 || at[2].name == lastApplied
	}
	return false
}

// foldStringData does what the API server does to a Secret: stringData goes
// into data, base64-encoded, and wins. What is no map or string is kept where it
// is, for the server to refuse.
func foldStringData(tree map[string]any) map[string]any {
	plainText, ok := tree["stringData"].(map[string]any)
	if !ok {
		return tree
	}
	old, _ := tree["data"].(map[string]any)
	data := make(map[string]any, len(old)+len(plainText))
	maps.Copy(data, old)
	for k, v := range plainText {
		if s, ok := v.(string); ok {
			v = base64.StdEncoding.EncodeToString([]byte(s))
		}
		data[k] = v
	}
	out := maps.Clone(tree)
	delete(out, "stringData")
	out["data"] = data
	return out
}
