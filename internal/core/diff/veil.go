package diff

import (
	"maps"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Veil returns an object as people may see it: without managedFields, and with
// the values of a Secret masked, wherever in it they are. tree is left as it is.
func (d Digester) Veil(tree map[string]any) map[string]any {
	out, _ := lockstep.CloneTree(tree).(map[string]any)
	meta, _ := out["metadata"].(map[string]any)
	delete(meta, "managedFields")
	if !isSecret(tree) {
		return out
	}
	out = maps.Clone(foldStringData(out))
	for k, v := range out {
		if k == "data" || k == "stringData" {
			out[k] = d.veilValues(v)
		}
	}
	if annotations, ok := meta["annotations"].(map[string]any); ok {
		if v, there := annotations[lastApplied]; there {
			annotations[lastApplied] = d.Mask(v)
		}
	}
	return out
}

// lastApplied is where kubectl keeps a copy of the whole object.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func (d Digester) veilValues(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return d.Mask(v)
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = d.Mask(v)
	}
	return out
}

// Others returns the fields of a live object that Git does not ask for and that
// somebody set who is not ours: what an edit left behind that nobody will undo.
// From is the live value. Whatever was set through a subresource, as a status is,
// and by those that skip names is left out.
func Others(live map[string]any, managers []Manager, ours string, skip func(Manager) bool, d Digester) []lockstep.FieldChange {
	applied, _ := Applied(managers, ours)
	p := printer{digester: d, secret: isSecret(live)}
	var out []lockstep.FieldChange
	for _, m := range managers {
		if m.Name == ours || m.Subresource != "" || skip(m) || m.Fields.root == nil {
			continue
		}
		m.Fields.root.leaves(nil, func(at path) {
			if applied.covers(at) || at.system() || at[0].name == "status" {
				return
			}
			if v, ok := lookup(live, at); ok {
				out = append(out, lockstep.FieldChange{Path: at.String(), From: p.print(v, at), Manager: m.Name, Operation: m.Operation})
			}
		})
	}
	return out
}

// leaves calls visit for every place that is owned as one value.
func (n *owned) leaves(at path, visit func(path)) {
	if n.leaf() {
		if len(at) > 0 {
			visit(at)
		}
		return
	}
	for _, f := range n.fields {
		f.node.leaves(at.field(f.name), visit)
	}
	for _, it := range n.items {
		it.node.leaves(at.with(segment{form: keyed, keys: it.keys}), visit)
	}
	for _, v := range n.values {
		visit(at.with(segment{form: element, value: v}))
	}
	for _, x := range n.index {
		x.node.leaves(at.at(x.index), visit)
	}
}
