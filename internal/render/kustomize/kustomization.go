package kustomize

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
)

// parse reads a kustomization file with its lines.
func parse(file string, data []byte) (*yaml.Node, error) {
	if err := core.CheckSyntax(file, data); err != nil {
		return nil, err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil || n.Kind == 0 {
		return nil, fault.Invalid("the kustomization is empty").At("%s", file).
			WithHint("list the files to render under resources")
	}
	k := follow(n.Content[0])
	if k.Kind != yaml.MappingNode {
		return nil, fault.Invalid("the kustomization is not a mapping").At("%s", lockstep.Origin{File: file, Line: k.Line})
	}
	return k, nil
}

// known are the fields that kustomize's own type has.
var known = fieldNames(reflect.TypeFor[types.Kustomization]())

func fieldNames(t reflect.Type) map[string]bool {
	out := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case strings.Contains(opts, "inline"):
			maps.Copy(out, fieldNames(f.Type))
		case name != "" && name != "-":
			out[name] = true
		}
	}
	return out
}

// fields refuses those that kustomize does not know.
func (s *scan) fields(k *yaml.Node, at site) {
	for _, e := range pairs(k) {
		if known[e.key.Value] {
			continue
		}
		at.line = e.key.Line
		f := fault.Invalid("unknown field %q in the kustomization", e.key.Value)
		if near := render.Closest(e.key.Value, slices.Sorted(maps.Keys(known))); len(near) > 0 {
			f = f.WithHint("did you mean %q?", near[0])
		}
		s.fail(at, f)
	}
}

// pair is one key of a mapping.
type pair struct{ key, value *yaml.Node }

func pairs(n *yaml.Node) []pair {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	out := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		out = append(out, pair{n.Content[i], n.Content[i+1]})
	}
	return out
}

func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}
