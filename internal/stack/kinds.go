package stack

import (
	"slices"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// KindsOf returns the kinds that a Stack had objects of when its status was
// written last. A crash may have kept the newest out of it; they are in the
// record of the Target (package inventory).
func KindsOf(s *v1alpha1.Stack) []lockstep.GroupKind {
	out := make([]lockstep.GroupKind, len(s.Status.Kinds))
	for i, k := range s.Status.Kinds {
		out[i] = lockstep.ParseGroupKind(k)
	}
	return out
}

// KindsLive returns, for a status, the kinds that u has objects of.
func KindsLive(u lockstep.Unit, live lockstep.Live) []string {
	var out []string
	var last lockstep.GroupKind
	for _, o := range live.Objects {
		// Objects are sorted by kind, so few names are made.
		if gk := o.Key.GroupKind(); o.Unit == u && gk != last {
			out, last = append(out, gk.String()), gk
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
