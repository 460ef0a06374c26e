package tfplan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
)

// translator turns values into what may be shown.
type translator struct {
	digester diff.Digester
	redactor *Redactor
}

// values is one change, decoded.
type values struct {
	before, after                   any
	unknown                         any
	beforeSensitive, afterSensitive any
}

// decode returns the values of d, decoded once.
func (d *difference) decode() (v values, err error) {
	if d.decoded != nil {
		return *d.decoded, nil
	}
	for _, part := range []struct {
		into *any
		from json.RawMessage
	}{
		{&v.before, d.Before}, {&v.after, d.After}, {&v.unknown, d.Unknown},
		{&v.beforeSensitive, d.BeforeSensitive}, {&v.afterSensitive, d.AfterSensitive},
	} {
		if len(part.from) == 0 {
			continue
		}
		if *part.into, err = tree(part.from); err != nil {
			return v, err
		}
	}
	d.decoded = &v
	return v, nil
}

// step is one part of a path: a name, or an index where name is nil.
type step struct {
	name  *string
	index int
}

type walk struct {
	*translator
	forces [][]any
	out    []change.Field
}

// fields returns what differs, in path order.
func (t *translator) fields(v values, forces [][]any) []change.Field {
	w := walk{translator: t, forces: forces}
	w.compare(nil, v)
	slices.SortStableFunc(w.out, func(a, b change.Field) int { return strings.Compare(a.Path, b.Path) })
	return w.out
}

func (w *walk) compare(at []step, v values) {
	secret := truth(v.beforeSensitive) || truth(v.afterSensitive)
	if truth(v.unknown) {
		w.add(at, v, secret)
		return
	}
	// What is sensitive as a whole is one field, so that not even its shape shows.
	if secret {
		if !equal(v.before, v.after) || anyTrue(v.unknown) {
			w.add(at, v, true)
		}
		return
	}
	if w.within(at, v) || equal(v.before, v.after) {
		return
	}
	w.add(at, v, false)
}

// within compares what is in maps and lists; false where they have to be compared as
// a whole, because one side is something else.
func (w *walk) within(at []step, v values) bool {
	before, beforeMap := v.before.(map[string]any)
	after, afterMap := v.after.(map[string]any)
	if (beforeMap || v.before == nil) && (afterMap || v.after == nil) && (beforeMap || afterMap) {
		unknown, _ := v.unknown.(map[string]any)
		for _, k := range keys(before, after, unknown) {
			w.compare(append(slices.Clip(at), step{name: &k}), values{before[k], after[k], unknown[k], markOf(v.beforeSensitive, k), markOf(v.afterSensitive, k)})
		}
		return len(before)+len(after)+len(unknown) > 0
	}
	was, beforeList := v.before.([]any)
	now, afterList := v.after.([]any)
	if (beforeList || v.before == nil) && (afterList || v.after == nil) && (beforeList || afterList) {
		unknown, _ := v.unknown.([]any)
		for i := range max(len(was), len(now), len(unknown)) {
			w.compare(append(slices.Clip(at), step{index: i}), values{item(was, i), item(now, i), item(unknown, i), markAt(v.beforeSensitive, i), markAt(v.afterSensitive, i)})
		}
		return len(was)+len(now)+len(unknown) > 0
	}
	return false
}

func (w *walk) add(at []step, v values, secret bool) {
	f := change.Field{Path: pathText(at), Unknown: anyTrue(v.unknown), Forces: w.forced(at)}
	from, secretFrom := w.print(v.before, secret || anyTrue(v.beforeSensitive))
	to, secretTo := w.print(v.after, secret || anyTrue(v.afterSensitive))
	f.Sensitive = secret || secretFrom || secretTo
	if f.Sensitive { // one mask beside one value would be half a secret
		from, to = w.digester.Mask(v.before), w.digester.Mask(v.after)
	}
	if v.before != nil {
		f.From = from
	}
	if v.after != nil && !f.Unknown {
		f.To = to
	}
	w.out = append(w.out, f)
}

// forced says whether a path is one for which the resource is replaced, or holds one,
// or lies in one.
func (w *walk) forced(at []step) bool {
	return slices.ContainsFunc(w.forces, func(path []any) bool {
		for i := range min(len(path), len(at)) {
			if !at[i].is(path[i]) {
				return false
			}
		}
		return true
	})
}

func (s step) is(v any) bool {
	switch v := v.(type) {
	case string:
		return s.name != nil && *s.name == v
	case float64:
		return s.name == nil && s.index == int(v)
	}
	return false
}

// longest is how much of a value is shown. The digest of a set is made of what is
// shown, so what is cut off leaves its hash.
const longest = 1024

// print returns the JSON text of a value or, if it is secret, its mask.
func (t *translator) print(v any, secret bool) (text string, masked bool) {
	if v == nil {
		return "null", secret
	}
	if secret {
		return t.digester.Mask(v), true
	}
	text = string(diff.Canonical(v))
	if t.redactor.Holds(v, text) {
		return t.digester.Mask(v), true
	}
	return shorten(strings.ToValidUTF8(text, "\uFFFD")), false
}

func shorten(s string) string {
	if len(s) <= 2*longest {
		return s
	}
	cut := longest
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%s… (%d bytes, %s)", s[:cut], len(s), hex.EncodeToString(sum[:8]))
}

// tree returns a resource with what is sensitive masked; nil for none. It changes v,
// which nobody needs any more: plans are large.
func (t *translator) tree(v, marks any) map[string]any {
	m, _ := t.masked(v, marks).(map[string]any)
	return m
}

func (t *translator) masked(v, marks any) any {
	if v != nil && truth(marks) {
		return t.digester.Mask(v)
	}
	switch v := v.(type) {
	case map[string]any:
		for k, below := range v {
			v[k] = t.masked(below, markOf(marks, k))
		}
	case []any:
		for i, below := range v {
			v[i] = t.masked(below, markAt(marks, i))
		}
	case string:
		if t.redactor.Holds(v, v) {
			return t.digester.Mask(v)
		}
	}
	return v
}

func truth(marks any) bool { return marks == true }

// anyTrue says whether anything in marks is marked.
func anyTrue(marks any) bool {
	switch m := marks.(type) {
	case bool:
		return m
	case map[string]any:
		for _, below := range m {
			if anyTrue(below) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(m, anyTrue)
	}
	return false
}

func markOf(marks any, key string) any {
	if m, ok := marks.(map[string]any); ok {
		return m[key]
	}
	return whole(marks)
}

func markAt(marks any, i int) any {
	if l, ok := marks.([]any); ok {
		return item(l, i)
	}
	return whole(marks)
}

// whole is the mark of what is in something that is marked as a whole.
func whole(marks any) any {
	if truth(marks) {
		return true
	}
	return nil
}

func item(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return nil
}

func keys(sources ...map[string]any) []string {
	all := map[string]bool{}
	for _, m := range sources {
		for k := range m {
			all[k] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, m, equal)
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, equal)
	}
	switch b.(type) {
	case map[string]any, []any: // not comparable with ==
		return false
	}
	return a == b
}

// pathText is tags.team, ingress[0].port, labels["a/b"].
func pathText(at []step) string {
	var b strings.Builder
	for _, s := range at {
		switch {
		case s.name == nil:
			fmt.Fprintf(&b, "[%d]", s.index)
		case !plain(*s.name):
			fmt.Fprintf(&b, "[%s]", diff.Canonical(*s.name))
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(*s.name)
		}
	}
	return b.String()
}

func plain(name string) bool {
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
		if !letter {
			return false
		}
	}
	return name != ""
}
