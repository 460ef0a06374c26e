package risk

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// nearly is which share of a unit counts as all of it.
const nearly = 0.8

// counts of a set, by what becomes of resources.
type counts struct {
	creates, deletes, replaces int
	// had is how many the tool found: all but those that are to be made.
	had int
}

func countsOf(set change.Set) counts {
	n := counts{had: set.Unchanged}
	for _, c := range set.Changes {
		switch c.Action {
		case change.Create:
			n.creates++
			continue
		case change.Read:
			continue
		case change.Delete:
			n.deletes++
		case change.Replace:
			n.replaces++
		}
		n.had++
	}
	return n
}

// beyond says whether n of all is more than l allows.
func (l Limits) beyond(n, all int) bool {
	return l.Share > 0 && n > l.Least && all > 0 && float64(n) > l.Share*float64(all)
}

// whole judges a set by how much of the unit it is about.
func whole(set change.Set, facts Facts, limits Limits) []Finding {
	n := countsOf(set)
	var out []Finding
	if facts.Destroying {
		return nil // that it is all is what was asked for
	}
	switch {
	case n.had > 0 && n.deletes == n.had && n.creates == 0:
		out = append(out, about("nothing-left", fmt.Sprintf("nothing is asked for any more, so that %s destroyed", all(n.deletes))))
	case limits.beyond(n.deletes, n.had):
		out = append(out, about("mass-delete", massive(n.deletes, n.had)))
	case limits.beyond(n.deletes+n.replaces, n.had):
		out = append(out, about("mass-replace", fmt.Sprintf("%d of %d resources are replaced or destroyed at once", n.deletes+n.replaces, n.had)))
	}
	if facts.Had > 0 && !facts.sameState(set.State) && float64(n.had) <= (1-nearly)*float64(facts.Had) &&
		n.creates > 0 && float64(n.creates) >= nearly*float64(n.creates+n.had) {
		out = append(out, about("all-new", fmt.Sprintf("%s made anew, and of the %d that the unit had %d are known: another workspace, backend or key of the state, as a rule", all(n.creates), facts.Had, n.had)))
	}
	return out
}

// sameState says whether the tool saw the state of before. Where either is not known it
// may not have.
func (f Facts) sameState(now change.StateRef) bool {
	return f.State.Lineage != "" && f.State.Lineage == now.Lineage
}

// about is the finding of a rule about a plan as a whole.
func about(slug, why string) Finding {
	r := ruleOf(slug)
	return Finding{Level: r.Level, ID: r.ID, Rule: r.Slug, Why: why, Keep: r.Keep}
}

func all(n int) string {
	if n == 1 {
		return "its one resource is"
	}
	return fmt.Sprintf("all %d resources are", n)
}

// unguarded finds blocks from which prevent_destroy is gone while the resource stays.
func unguarded(set change.Set, facts Facts) []Finding {
	if facts.ProtectedNow == nil {
		return nil
	}
	gone := map[string]bool{}
	for _, c := range set.Changes {
		gone[lockstep.Unindexed(c.Address)] = c.Action.Destroys() || c.Action == change.Forget
	}
	var out []Finding
	for _, address := range slices.Sorted(maps.Keys(facts.Protected)) {
		if !facts.Protected[address] || facts.ProtectedNow[address] || gone[address] {
			continue
		}
		f := about("prevent-removed", "")
		f.Why = ruleOf("prevent-removed").Why
		if k, err := lockstep.ParseKey(address); err == nil {
			f.Key = k
		}
		out = append(out, f)
	}
	return out
}
