package kubernetes

import (
	"bytes"
	"encoding/json"

	k8sjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// reader projects the objects of one list while it arrives. What it makes of an
// object is what [view.record] makes of it; it only does not decode who manages
// which field, which is half of what an API sends, but for our own entry.
type reader struct {
	view *view
	// kind and apiVersion are those of an item that does not say.
	kind, apiVersion string
	names            map[string]string
}

// record projects one item.
func (r *reader) record(raw []byte) (*record, error) {
	s := scanner{in: raw, names: r.names}
	if tree, managed, ok := s.object(); ok {
		if ours, ok := r.oursIn(managed); ok {
			r.complete(tree)
			out := projection(tree, ours)
			rules := r.view.rules.get(out.unit)
			// A rule that people wrote may ask for anything.
			if !rules.Concern(out.key) {
				out.judgeBy(rules, tree)
				return out, nil
			}
		}
	}
	var tree map[string]any
	if err := k8sjson.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	r.complete(tree)
	return r.view.record(tree), nil
}

func (r *reader) complete(tree map[string]any) {
	for field, v := range map[string]string{"kind": r.kind, "apiVersion": r.apiVersion} {
		if s, _ := tree[field].(string); s == "" {
			tree[field] = v
		}
	}
}

// object reads an object without its managed fields, whose bytes it returns.
func (s *scanner) object() (tree map[string]any, managed []byte, ok bool) {
	tree = map[string]any{}
	ok = s.members(func(name []byte) bool {
		if string(name) != "metadata" {
			v, ok := s.value(1)
			tree[s.name(name)] = v
			return ok
		}
		meta := map[string]any{}
		tree["metadata"] = meta
		return s.members(func(name []byte) (ok bool) {
			if string(name) == "managedFields" {
				managed, ok = s.span()
				return ok
			}
			meta[s.name(name)], ok = s.value(2)
			return ok
		})
	})
	return tree, managed, ok && s.ended()
}

// oursIn finds our entry among the managed fields. It returns false for what has
// to be decoded to be understood.
func (r *reader) oursIn(managed []byte) (own ownFields, ok bool) {
	if managed == nil {
		return own, true
	}
	s := scanner{in: managed}
	ok = s.elements(func() bool {
		var e rawEntry
		if !s.members(func(name []byte) bool { return e.member(&s, name) }) {
			return false
		}
		if own.there {
			return true
		}
		if mine, plain := e.ours(); !plain || !mine {
			return plain
		}
		if !isCanonical(e.fields) {
			return false
		}
		raw := intern(string(e.fields))
		set, err := r.view.sets.parse(raw)
		own = ownFields{there: true, set: set, raw: raw}
		return err == nil
	})
	return own, ok && s.ended()
}

// rawEntry is one entry of the managed fields.
type rawEntry struct{ manager, operation, subresource, fields []byte }

func (e *rawEntry) member(s *scanner, name []byte) (ok bool) {
	raw, ok := s.span()
	switch string(name) {
	case "manager":
		e.manager = raw
	case "operation":
		e.operation = raw
	case "subresource":
		e.subresource = raw
	case "fieldsV1":
		e.fields = raw
	}
	return ok
}

var (
	ourManager = mustJSON(v1alpha1.FieldManager)
	byApply    = mustJSON("Apply")
)

func mustJSON(s string) []byte {
	b, _ := json.Marshal(s) // a string has no reason to fail
	return b
}

// ours says whether the entry is ours; plain, whether its bytes tell.
func (e *rawEntry) ours() (mine, plain bool) {
	if bytes.IndexByte(e.manager, '\\') >= 0 || bytes.IndexByte(e.operation, '\\') >= 0 {
		return false, false
	}
	whole := e.subresource == nil || string(e.subresource) == "null"
	return bytes.Equal(e.manager, ourManager) && bytes.Equal(e.operation, byApply) && whole, true
}

// isCanonical says whether raw, which holds objects and nothing else, is what
// [diff.Canonical] would write of it: sets are compared by their bytes. API
// servers sort almost as it does.
func isCanonical(raw []byte) bool {
	end, ok := canonicalObject(raw, 0, 0)
	return ok && end == len(raw)
}

func canonicalObject(b []byte, i, depth int) (end int, ok bool) {
	if i >= len(b) || b[i] != '{' || depth > maxDepth {
		return 0, false
	}
	i++
	var before []byte
	for first := true; i < len(b); first = false {
		if b[i] == '}' && first {
			return i + 1, true
		}
		s := scanner{in: b, at: i}
		raw, plain, ok := s.quoted()
		if !ok || !plain && !onlyQuotes(raw) {
			return 0, false
		}
		name := raw
		if !plain {
			name = bytes.ReplaceAll(raw, []byte(`\"`), []byte(`"`))
		}
		if !first && bytes.Compare(before, name) >= 0 {
			return 0, false
		}
		before = name
		if i = s.at; i >= len(b) || b[i] != ':' {
			return 0, false
		}
		if i, ok = canonicalObject(b, i+1, depth+1); !ok || i >= len(b) {
			return 0, false
		}
		switch b[i] {
		case '}':
			return i + 1, true
		case ',':
			i++
		default:
			return 0, false
		}
	}
	return 0, false
}

// onlyQuotes says whether nothing but quotes is escaped.
func onlyQuotes(name []byte) bool {
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' {
			if i++; i >= len(name) || name[i] != '"' {
				return false
			}
		}
	}
	return true
}
