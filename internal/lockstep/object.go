package lockstep

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Key is the identity of an object on a Target. Version is left out on purpose:
// an object read as apps/v1beta1 and as apps/v1 is one object. What a tool knows by
// an address has a Key, too; see [ResourceKey].
type Key struct {
	Group     string // "" for the core group
	Kind      string
	Namespace string // "" for cluster-scoped objects
	Name      string
}

// String returns the form used everywhere a person reads a key:
// "Deployment.apps/web/api", "Namespace/web", "ConfigMap/web/settings", and the bare
// address of what has one: module.db.fakecloud_database.main["eu"].
func (k Key) String() string {
	if k.HasAddress() {
		return k.Name
	}
	var b strings.Builder
	b.WriteString(k.Kind)
	if k.Group != "" {
		b.WriteByte('.')
		b.WriteString(k.Group)
	}
	b.WriteByte('/')
	if k.Namespace != "" {
		b.WriteString(k.Namespace)
		b.WriteByte('/')
	}
	b.WriteString(k.Name)
	return b.String()
}

// ParseKey reads what String wrote.
func ParseKey(s string) (Key, error) {
	if k, ok := parseAddress(s); ok && isAddress(s) {
		return k, nil
	}
	parts := strings.Split(s, "/")
	_, group, _ := strings.Cut(parts[0], ".")
	if len(parts) != 2 && len(parts) != 3 || slices.Contains(parts, "") || group == GroupTerraform {
		return Key{}, fmt.Errorf("%q is neither the name of an object, KIND.GROUP/NAMESPACE/NAME, nor the address of a resource, TYPE.NAME", s)
	}
	var k Key
	k.Kind, k.Group, _ = strings.Cut(parts[0], ".")
	k.Name = parts[len(parts)-1]
	if len(parts) == 3 {
		k.Namespace = parts[1]
	}
	return k, nil
}

// Short is String without the API group, for places where width is dear.
func (k Key) Short() string {
	if k.HasAddress() {
		return k.Name
	}
	return Key{Kind: k.Kind, Namespace: k.Namespace, Name: k.Name}.String()
}

// Compare orders keys by group, kind, namespace, name.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		cmp.Compare(k.Group, o.Group),
		cmp.Compare(k.Kind, o.Kind),
		cmp.Compare(k.Namespace, o.Namespace),
		cmp.Compare(k.Name, o.Name),
	)
}

// GroupKind names a kind without its version.
type GroupKind struct {
	Group string
	Kind  string
}

// String returns "Kind" or "Kind.group".
func (g GroupKind) String() string {
	if g.Group == "" {
		return g.Kind
	}
	return g.Kind + "." + g.Group
}

// ParseGroupKind reads what String returns.
func ParseGroupKind(s string) GroupKind {
	kind, group, _ := strings.Cut(s, ".")
	return GroupKind{Group: group, Kind: kind}
}

// GroupKind returns the kind that k is of.
func (k Key) GroupKind() GroupKind { return GroupKind{Group: k.Group, Kind: k.Kind} }

// Object is one rendered object: a JSON tree as encoding/json would decode it
// with integers as int64 (map[string]any, []any, string, int64, float64, bool,
// nil). An Object is never changed once rendered; Clone first.
type Object struct {
	// Tree is the whole object, apiVersion and kind included.
	Tree map[string]any
	// Origin is where the object came from, for messages.
	Origin Origin
}

// Origin is a place in a Source, as a person would look it up.
type Origin struct {
	File string // slash-separated, from the root of the Source; "" if generated
	Line int    // 1-based line of the document's first line; 0 if unknown
}

// String returns "file:line", "file", or "".
func (o Origin) String() string {
	if o.File == "" || o.Line == 0 {
		return o.File
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// Key returns the identity of o.
func (o Object) Key() Key {
	group, _ := splitAPIVersion(o.APIVersion())
	return Key{Group: group, Kind: o.Kind(), Namespace: o.Namespace(), Name: o.Name()}
}

// APIVersion returns "v1" or "group/version"; "" when absent or not a string.
func (o Object) APIVersion() string { return str(o.Tree, "apiVersion") }

// Version returns the API version without its group.
func (o Object) Version() string {
	_, v := splitAPIVersion(o.APIVersion())
	return v
}

// Kind returns the object's kind.
func (o Object) Kind() string { return str(o.Tree, "kind") }

// Name returns metadata.name.
func (o Object) Name() string { return str(o.meta(), "name") }

// Namespace returns metadata.namespace.
func (o Object) Namespace() string { return str(o.meta(), "namespace") }

// Annotation returns the value of one annotation, "" when absent.
func (o Object) Annotation(name string) string {
	m, _ := o.meta()["annotations"].(map[string]any)
	return str(m, name)
}

// Label returns the value of one label, "" when absent.
func (o Object) Label(name string) string {
	m, _ := o.meta()["labels"].(map[string]any)
	return str(m, name)
}

// Clone returns a deep copy.
func (o Object) Clone() Object {
	t, _ := CloneTree(o.Tree).(map[string]any)
	return Object{Tree: t, Origin: o.Origin}
}

func (o Object) meta() map[string]any {
	m, _ := o.Tree["metadata"].(map[string]any)
	return m
}

// CloneTree deep-copies a JSON tree.
func CloneTree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = CloneTree(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = CloneTree(e)
		}
		return out
	default:
		return v
	}
}

func str(m map[string]any, k string) string {
	s, _ := m[k].(string)
	return s
}

func splitAPIVersion(s string) (group, version string) {
	if g, v, ok := strings.Cut(s, "/"); ok {
		return g, v
	}
	return "", s
}
