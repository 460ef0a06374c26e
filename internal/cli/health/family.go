package health

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// family is who owns whom among the objects of a file.
type family map[string][]map[string]any // by the uid of the controller

func familyOf(objects []lockstep.Object) family {
	out := family{}
	for _, o := range objects {
		u := unstructured.Unstructured{Object: o.Tree}
		for _, owner := range u.GetOwnerReferences() {
			if owner.Controller != nil && *owner.Controller {
				out[string(owner.UID)] = append(out[string(owner.UID)], o.Tree)
			}
		}
	}
	return out
}

// pods returns the pods that o owns, or that something between owns.
func (f family) pods(o lockstep.Object) []map[string]any {
	return f.below(string((&unstructured.Unstructured{Object: o.Tree}).GetUID()), 2)
}

func (f family) below(uid string, depth int) []map[string]any {
	if uid == "" || depth == 0 {
		return nil
	}
	var out []map[string]any
	for _, tree := range f[uid] {
		u := unstructured.Unstructured{Object: tree}
		if u.GetKind() == "Pod" {
			out = append(out, tree)
			continue
		}
		out = append(out, f.below(string(u.GetUID()), depth-1)...)
	}
	return out
}
