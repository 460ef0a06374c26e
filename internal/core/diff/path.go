package diff

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// A segment is one step into a tree. Exactly one form is meant: a field of a
// map, an item of a list found by its keys, by its value, or by its index.
type segment struct {
	form  form
	name  string // field
	keys  []keyValue
	value any // set
	index int
}

type form uint8

const (
	field form = iota
	keyed
	element
	indexed
)

type keyValue struct {
	name  string
	value any
}

// path is a place in a tree. Children are appended to a full-slice copy, so a
// path that was kept never changes.
type path []segment

func (p path) field(name string) path { return p.with(segment{form: field, name: name}) }
func (p path) at(i int) path          { return p.with(segment{form: indexed, index: i}) }
func (p path) with(s segment) path    { return append(slices.Clip(p), s) }

// last returns the name of the field that p ends in; "" for a list's item.
func (p path) last() string { return p.nth(1) }

// nth returns the name of the field n from the end, 1 being the last.
func (p path) nth(n int) string {
	if len(p) < n || p[len(p)-n].form != field {
		return ""
	}
	return p[len(p)-n].name
}

// String returns the form that people read:
// spec.template.spec.containers[name=web].image, metadata.labels["a/b"].
func (p path) String() string {
	var b strings.Builder
	for _, s := range p {
		s.write(&b)
	}
	return b.String()
}

func (s segment) write(b *strings.Builder) {
	if s.form == field {
		writeField(b, s.name)
		return
	}
	b.WriteByte('[')
	switch s.form {
	case keyed:
		writeKeys(b, s.keys)
	case element:
		b.WriteString(compact(s.value))
	default:
		b.WriteString(strconv.Itoa(s.index))
	}
	b.WriteByte(']')
}

func writeField(b *strings.Builder, name string) {
	if !plain(name) {
		b.WriteByte('[')
		b.WriteString(compact(name))
		b.WriteByte(']')
		return
	}
	if b.Len() > 0 {
		b.WriteByte('.')
	}
	b.WriteString(name)
}

func writeKeys(b *strings.Builder, keys []keyValue) {
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(k.name)
		b.WriteByte('=')
		s, ok := k.value.(string)
		if !ok || strings.ContainsAny(s, `[]",=`) || s == "" {
			s = compact(k.value)
		}
		b.WriteString(s)
	}
}

// plain says whether a name reads well without quotes.
func plain(name string) bool {
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '$'
		if !letter {
			return false
		}
	}
	return name != ""
}

// lookup returns the value at p, following keys.
func lookup(tree any, p path) (any, bool) {
	for _, s := range p {
		next, ok := s.in(tree)
		if !ok {
			return nil, false
		}
		tree = next
	}
	return tree, true
}

func (s segment) in(tree any) (any, bool) {
	switch t := tree.(type) {
	case map[string]any:
		v, ok := t[s.name]
		return v, ok && s.form == field
	case []any:
		i := s.find(t)
		if i < 0 {
			return nil, false
		}
		return t[i], true
	}
	return nil, false
}

// find returns the index of the item that s names, -1 for none.
func (s segment) find(list []any) int {
	switch s.form {
	case keyed:
		return slices.IndexFunc(list, func(v any) bool {
			m, ok := v.(map[string]any)
			return ok && hasKeys(m, s.keys)
		})
	case element:
		return slices.IndexFunc(list, func(v any) bool { return same(v, s.value) })
	case indexed:
		if s.index < len(list) {
			return s.index
		}
	}
	return -1
}

// hasKeys says whether an item is the one that keys name. A key that the item
// leaves out is one that the server fills in, so at least one must be there and
// none may differ.
func hasKeys(item map[string]any, keys []keyValue) bool {
	found := false
	for _, k := range keys {
		v := item[k.name]
		if v == nil {
			v = keyDefaults[k.name]
		}
		if v == nil {
			continue
		}
		if !same(v, k.value) {
			return false
		}
		found = true
	}
	return found
}

// same compares two JSON trees; 1 and 1.0 are the same number.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		return sameMap(a, b)
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, same)
	}
	if a == nil || b == nil {
		return a == b
	}
	x, isNumber := number(a)
	y, bothNumbers := number(b)
	if isNumber && bothNumbers {
		return x == y && sameInt(a, b)
	}
	switch b.(type) {
	case map[string]any, []any: // not comparable with ==
		return false
	}
	return a == b
}

func sameMap(a map[string]any, b any) bool {
	m, ok := b.(map[string]any)
	if !ok || len(a) != len(m) {
		return false
	}
	for k, v := range a {
		w, ok := m[k]
		if !ok || !same(v, w) {
			return false
		}
	}
	return true
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// sameInt keeps two large integers apart that are one float64.
func sameInt(a, b any) bool {
	x, ok := a.(int64)
	y, both := b.(int64)
	return !ok || !both || x == y
}

// steering says whether a label or annotation is ours: a mark on the object or
// an order to Lockstep, neither of them content.
func steering(name string) bool { return strings.HasPrefix(name, "lockstep.dev/") }

// system says whether the field at p belongs to the API server, to identity, or
// to us, and so is never part of a difference.
func (p path) system() bool {
	switch len(p) {
	case 1:
		n := p[0].name
		return n == "apiVersion" || n == "kind" || n == "status"
	case 2:
		return p[0].name == "metadata" && !contentMeta[p[1].name]
	case 3:
		m := p[1].name
		return p[0].name == "metadata" && (m == "labels" || m == "annotations") && steering(p[2].name)
	}
	return false
}

// contentMeta are the fields of metadata that people set.
var contentMeta = map[string]bool{"labels": true, "annotations": true, "finalizers": true, "ownerReferences": true}

// WithoutStringData returns a Secret with stringData moved to data, as the API
// server would; any other object is returned as it is. Server-side apply
// records ownership of what was sent, so stringData has to go before it.
func WithoutStringData(o lockstep.Object) lockstep.Object {
	if !isSecret(o.Tree) || o.Tree["stringData"] == nil {
		return o
	}
	return lockstep.Object{Tree: foldStringData(o.Tree), Origin: o.Origin}
}
