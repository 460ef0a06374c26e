package drift

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// All returns all drift that a plan knows of, also what is protected or ignored,
// in order of object and field. known is what the server says of it: since when,
// and what it will do; what it does not say is said as of now.
func All(p plan.Plan, known []lockstep.Drift, now time.Time) []lockstep.Drift {
	var out []lockstep.Drift
	add := func(k lockstep.Key, c lockstep.FieldChange, state lockstep.DriftState, next string) {
		r := recordOf(k, c)
		r.FirstSeen, r.State, r.Next = now, state, next
		i := slices.IndexFunc(known, func(o lockstep.Drift) bool { return o.Object == k && o.Field == c.Path })
		if i >= 0 {
			r.FirstSeen = known[i].FirstSeen
		}
		if i >= 0 && state != lockstep.DriftProtected && state != lockstep.DriftIgnored {
			r.State, r.Until, r.Healed, r.Next = known[i].State, known[i].Until, known[i].Healed, known[i].Next
		}
		out = append(out, r)
	}
	for _, s := range p.Steps() {
		for _, c := range real(s) {
			add(s.Key, c, lockstep.DriftHealing, "healed at once")
		}
	}
	for _, d := range p.Drifted {
		for _, c := range d.Changes {
			add(d.Key, c, d.State, "reported only: "+d.Why)
		}
	}
	words := map[lockstep.DriftState]string{lockstep.DriftProtected: "protected by ", lockstep.DriftIgnored: "ignored by "}
	for _, d := range p.Spared {
		for _, c := range d.Changes {
			add(d.Key, c, d.State, words[d.State]+d.Why)
		}
	}
	slices.SortStableFunc(out, func(a, b lockstep.Drift) int {
		return cmp.Or(a.Object.Compare(b.Object), cmp.Compare(a.Field, b.Field))
	})
	return out
}
