package health

import (
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// tree reads a JSON object that may have any shape: what is not there or of
// another type is the zero value.
type tree map[string]any

func (t tree) at(path ...string) any {
	var v any = map[string]any(t)
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func (t tree) text(path ...string) string {
	s, _ := t.at(path...).(string)
	return s
}

func (t tree) truth(path ...string) bool {
	b, _ := t.at(path...).(bool)
	return b
}

func (t tree) list(path ...string) []any {
	l, _ := t.at(path...).([]any)
	return l
}

func (t tree) sub(path ...string) tree {
	m, _ := t.at(path...).(map[string]any)
	return m
}

func (t tree) number(path ...string) (int64, bool) {
	switch n := t.at(path...).(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// count is number with 0 for what is absent, as API servers leave zeros out.
func (t tree) count(path ...string) int64 {
	n, _ := t.number(path...)
	return n
}

func (t tree) numberOr(def int64, path ...string) int64 {
	if n, ok := t.number(path...); ok {
		return n
	}
	return def
}

// groupKind returns the kind; workloads of the long gone extensions group are
// what they became.
func (t tree) groupKind() lockstep.GroupKind {
	group := ""
	if g, _, ok := strings.Cut(t.text("apiVersion"), "/"); ok {
		group = g
	}
	k := lockstep.GroupKind{Group: group, Kind: t.text("kind")}
	if group != "extensions" {
		return k
	}
	k.Group = "apps"
	if k.Kind == "Ingress" {
		k.Group = "networking.k8s.io"
	}
	return k
}

// key returns the object's key, with the group that its manifest has.
func (t tree) key() lockstep.Key {
	group, _, ok := strings.Cut(t.text("apiVersion"), "/")
	if !ok {
		group = ""
	}
	return lockstep.Key{Group: group, Kind: t.text("kind"), Namespace: t.text("metadata", "namespace"), Name: t.text("metadata", "name")}
}

// trees returns the maps in a list.
func (t tree) trees(path ...string) []tree {
	var out []tree
	for _, v := range t.list(path...) {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

type condition struct{ kind, status, reason, message string }

type conditions []condition

func (t tree) conditions() conditions {
	var out conditions
	for _, c := range t.trees("status", "conditions") {
		out = append(out, condition{c.text("type"), c.text("status"), c.text("reason"), c.text("message")})
	}
	return out
}

func (cs conditions) of(kind string) (condition, bool) {
	for _, c := range cs {
		if c.kind == kind {
			return c, true
		}
	}
	return condition{}, false
}

func (cs conditions) is(kind, status string) bool {
	c, ok := cs.of(kind)
	return ok && c.status == status
}

// words returns the condition's message, else its reason, else its type.
func (c condition) words() string {
	switch {
	case c.message != "":
		return c.message
	case c.reason != "":
		return c.reason
	case c.status == "True":
		return c.kind
	}
	return "is not " + c.kind
}

// terminal says whether a condition that is False gives a reason from which
// controllers do not come back by waiting.
func (c condition) terminal() bool {
	return strings.HasSuffix(c.reason, "Failed") || strings.HasSuffix(c.reason, "Error") || strings.HasPrefix(c.reason, "Invalid")
}
