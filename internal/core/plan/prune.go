package plan

import (
	"slices"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// keepers are the annotations, ours and those of the tools that people come
// from, that keep an object which is gone from Git.
var keepers = []struct{ name, value string }{
	{"lockstep.dev/prune", "disabled"},
	{"kustomize.toolkit.fluxcd.io/prune", "disabled"},
	{"helm.sh/resource-policy", "keep"},
}

// prune chooses what is deleted: live objects that we applied and that Git no
// longer asks for. Whatever speaks against it wins, and is noted.
func (m *maker) prune() {
	keys := make([]lockstep.Key, 0, len(m.live))
	for k, o := range m.live {
		if o.Unit == m.Unit && !m.asked[k] {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, lockstep.Key.Compare)
	for _, k := range keys {
		m.consider(m.live[k])
	}
}

func (m *maker) consider(o lockstep.LiveObject) {
	if o.Terminating {
		return // on its way already
	}
	if why := m.spared(o); why != "" {
		m.notes = append(m.notes, Note{Key: o.Key, Text: why})
		return
	}
	m.deletes = append(m.deletes, Step{Key: o.Key, Verb: lockstep.Delete, Reason: "is gone from Git", UID: o.UID})
}

func (m *maker) spared(o lockstep.LiveObject) string {
	if !o.Managed {
		return "carries this Stack's mark but was never applied by it, so it is left alone"
	}
	for _, a := range annotations(o) {
		for _, k := range keepers {
			if a[k.name] == k.value {
				return "is gone from Git, kept: annotation " + k.name + " is " + k.value
			}
		}
		if hasOption(a["argocd.argoproj.io/sync-options"], "Prune=false") {
			return "is gone from Git, kept: annotation argocd.argoproj.io/sync-options has Prune=false"
		}
	}
	if !m.Policy.Prune {
		return "is gone from Git, kept: pruning is off"
	}
	return ""
}

// annotations returns the live ones that the driver kept and those that we
// applied last; either may keep an object.
func annotations(o lockstep.LiveObject) []map[string]string {
	applied := map[string]string{}
	meta, _ := o.Owned["metadata"].(map[string]any)
	owned, _ := meta["annotations"].(map[string]any)
	for k, v := range owned {
		if s, ok := v.(string); ok {
			applied[k] = s
		}
	}
	return []map[string]string{o.Annotations, applied}
}
