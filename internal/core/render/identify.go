package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// take turns one document into an object, or a list into several.
func (d *decoder) take(doc document) {
	if doc.tree == nil {
		return
	}
	m, ok := doc.tree.(map[string]any)
	if !ok {
		d.fail(doc.line, fault.Invalid("the document is a %s, not a Kubernetes object", kindOf(doc.tree)).
			WithHint("if the file is not meant for Kubernetes, exclude it"))
		return
	}
	if items, ok := listItems(m); ok {
		d.list(m, items, doc)
		return
	}
	if len(d.objects) >= MaxDocuments {
		d.fail(doc.line, fault.Invalid("the file holds more than %d objects", MaxDocuments).
			WithHint("split the file"))
		d.full = true
		return
	}
	if d.identify(m, doc) {
		d.objects = append(d.objects, lockstep.Object{
			Tree:   m,
			Origin: lockstep.Origin{File: d.file, Line: doc.line},
		})
	}
}

// listItems returns the items of v1 List and of every other *List, as kubectl
// tells them: by a top-level list called items.
func listItems(m map[string]any) ([]any, bool) {
	kind, _ := m["kind"].(string)
	if !strings.HasSuffix(kind, "List") {
		return nil, false
	}
	items, ok := m["items"].([]any)
	if !ok && kind == "List" && m["apiVersion"] == "v1" && m["items"] == nil {
		return nil, true
	}
	return items, ok
}

// list expands a list. Items of a typed list may leave out what the list's own
// kind says.
func (d *decoder) list(m map[string]any, items []any, doc document) {
	kind, _ := m["kind"].(string)
	for i, it := range items {
		sub := doc.element(i)
		item, _ := it.(map[string]any)
		if item != nil && kind != "List" && item["kind"] == nil && item["apiVersion"] == nil {
			item["apiVersion"], item["kind"] = m["apiVersion"], strings.TrimSuffix(kind, "List")
		}
		if it == nil {
			d.fail(sub.line, fault.Invalid("item %d of the %s is empty", i+1, kind))
			continue
		}
		sub.tree = it
		d.take(sub)
		if d.full {
			return
		}
	}
}

// identify checks what an object needs to be somebody: who it is, and the
// metadata that everything else here reads.
func (d *decoder) identify(m map[string]any, doc document) bool {
	before := len(d.errs)
	at := doc.lineOf
	if m["apiVersion"] == nil && m["kind"] == nil {
		d.fail(doc.line, fault.Invalid("the document is not a Kubernetes object: it has neither apiVersion nor kind").
			WithHint("if the file is not meant for Kubernetes (a values file, a CI definition), exclude it: directory.exclude"))
		return false
	}
	who := describe(m)
	for _, f := range []string{"apiVersion", "kind"} {
		d.text(m[f], f, who, at(f))
	}
	meta, isMap := m["metadata"].(map[string]any)
	if m["metadata"] != nil && !isMap {
		d.fail(at("metadata"), fault.Invalid("metadata%s is a %s, not a mapping", who, kindOf(m["metadata"])))
		return false
	}
	d.name(meta, who, at)
	if ns := meta["namespace"]; ns != nil {
		if _, ok := ns.(string); !ok {
			d.text(ns, "metadata.namespace", who, at("metadata", "namespace"))
		}
	}
	for _, f := range []string{"labels", "annotations"} {
		d.textMap(meta[f], f, who, at)
	}
	return len(d.errs) == before
}

func (d *decoder) name(meta map[string]any, who string, at func(...string) int) {
	generate, generated := meta["generateName"]
	annotations, _ := meta["annotations"].(map[string]any)
	if generated && meta["name"] == nil && hook.Marked(annotations) {
		// Each run of a hook may have a name of its own.
		d.text(generate, "metadata.generateName", who, at("metadata", "generateName"))
		return
	}
	if generated && meta["name"] == nil {
		d.fail(at("metadata", "generateName"), fault.Invalid("metadata.generateName%s gives the object a new name each time it is applied", who).
			WithHint("give it a fixed metadata.name, what is kept live needs a name to be found by; or make it a hook with the annotation lockstep.dev/hook"))
		return
	}
	d.text(meta["name"], "metadata.name", who, at("metadata", "name"))
}

// text wants a string that is not empty.
func (d *decoder) text(v any, name, who string, line int) {
	switch s, ok := v.(string); {
	case v == nil, ok && s == "":
		d.fail(line, fault.Invalid("%s%s is missing", name, who))
	case !ok:
		d.fail(line, fault.Invalid("%s%s is a %s (%v), not a string", name, who, kindOf(v), short(v)).
			WithHint("quote it: %s: \"%v\"", lastField(name), short(v)))
	}
}

// textMap wants a mapping of strings; null values are left to the API server,
// which reads them as absent.
func (d *decoder) textMap(v any, name, who string, at func(...string) int) {
	if v == nil {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		d.fail(at("metadata", name), fault.Invalid("metadata.%s%s is a %s, not a mapping", name, who, kindOf(v)))
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if _, ok := m[k].(string); ok || m[k] == nil {
			continue
		}
		d.fail(at("metadata", name, k), fault.Invalid("metadata.%s%s: the value of %q is a %s (%v), not a string", name, who, k, kindOf(m[k]), short(m[k])).
			WithHint("quote it: %s: \"%v\"", k, short(m[k])))
	}
}

func lastField(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// short prints a scalar for a message; mappings and lists by their type alone.
func short(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		return "…"
	}
	return v
}

// describe names a document that may lack a part of its name: " of Deployment
// \"web\"", or "" when there is nothing to go by.
func describe(m map[string]any) string {
	kind, _ := m["kind"].(string)
	meta, _ := m["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	switch {
	case kind != "" && name != "":
		return fmt.Sprintf(" of %s %q", kind, name)
	case kind != "":
		return " of the " + kind
	case name != "":
		return fmt.Sprintf(" of %q", name)
	}
	return ""
}

// lineOf returns the line of the key at path, or of the nearest parent that
// exists.
func (d document) lineOf(path ...string) int {
	if d.node == nil {
		return d.line
	}
	n, line := d.node, d.line
	for _, p := range path {
		key, value := field(n, p)
		if key == nil {
			return line
		}
		n, line = value, key.Line
	}
	return line
}

// element returns the document of one item of a list, without its tree.
func (d document) element(i int) document {
	if i < len(d.items) {
		return document{line: d.items[i]}
	}
	if d.node == nil {
		return document{line: d.line}
	}
	_, items := field(d.node, "items")
	if items == nil {
		return document{line: d.line}
	}
	if items = follow(items); i >= len(items.Content) {
		return document{line: d.line}
	}
	n := items.Content[i]
	return document{line: n.Line, node: n}
}

// field finds a key of a mapping and its value.
func field(n *yaml.Node, name string) (key, value *yaml.Node) {
	n = follow(n)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}
