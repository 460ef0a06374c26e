package plan

import (
	"slices"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// prune chooses what is deleted: live objects that we applied and that Git no
// longer asks for. Whatever speaks against it wins, and is noted.
func (m *maker) prune() {
	keys := make([]lockstep.Key, 0, len(m.live))
	for k, o := range m.live {
		if o.Unit == m.Unit && !m.asked[k] && (!isHook(o) || m.Policy.Deleting) {
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
	if why := m.kept(o); why != "" {
		m.notes = append(m.notes, Note{Key: o.Key, Text: why})
		return
	}
	m.deletes = append(m.deletes, Step{Key: o.Key, Verb: lockstep.Delete, Reason: "is gone from Git", UID: o.UID, Wave: hook.WaveOf(o)})
}

func (m *maker) kept(o lockstep.LiveObject) string {
	if !o.Managed {
		return "carries this Stack's mark but was never applied by it, so it is left alone"
	}
	if g := guardOf(o.Annotations); g.alone != "" {
		return "is gone from Git, left alone: annotation " + g.alone
	}
	opts := hook.OfLive(o)
	kept := opts.Kept
	if m.Policy.Deleting {
		kept = opts.KeptOnDelete
	}
	if kept != "" {
		return "is gone from Git, kept: annotation " + kept
	}
	if opts.Confirm != "" {
		return "is gone from Git, kept until somebody confirms: annotation " + opts.Confirm +
			"; to let it go, annotate the live object with lockstep.dev/prune=confirmed"
	}
	if !m.Policy.Prune {
		return "is gone from Git, kept: pruning is off"
	}
	return ""
}

// isHook says whether a run created o: such an object is no part of what is kept
// live, so nobody prunes it, heals it or asks how it is doing.
func isHook(o lockstep.LiveObject) bool {
	run, _ := hook.Running(o)
	return run != ""
}
