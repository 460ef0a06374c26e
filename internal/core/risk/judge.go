package risk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// subject is what a rule is asked about: a step on a cluster, or a change of a tool.
type subject struct {
	key           lockstep.Key
	typ           string // Kind.group, or the type of a resource
	action        change.Action
	verb          lockstep.Verb
	before, after map[string]any
	change        change.Change // zero for a step on a cluster
}

func (c Change) subject() subject {
	return subject{key: c.Key, typ: c.Key.GroupKind().String(), action: change.ActionOf(c.Verb), verb: c.Verb, before: c.Live, after: c.Desired}
}

func subjectOf(c change.Change) subject {
	return subject{key: c.Key(), typ: c.Type, action: c.Action, verb: c.Verb(), before: c.Before, after: c.After, change: c}
}

// judges are what no condition can express, by the name that a rule has for it. Each is
// given what the rule's own words say; false if it costs nothing after all.
var judges = map[string]func(subject, Facts, Finding) (Finding, bool){
	"claim": claim, "namespace": namespace, "definition": definition, "version": version, "scale": scale, "workload": workload,
	"locked": locked, "feeds": feeds, "protected": protected, "weakened": weakened,
	"remade": remade,
}

// findings returns what the rules say about s.
func findings(s subject, facts Facts) []Finding {
	var out []Finding
	decided := false
	for _, r := range Rules() {
		if decided && !r.Beside || !r.of(s) {
			continue
		}
		f, ok := r.finding(s, facts)
		if !ok {
			continue
		}
		decided = decided || !r.Beside
		f.Key, f.Verb, f.ID, f.Rule = s.key, s.verb, r.ID, r.Slug
		f.Ways = waysOut(r, s)
		out = append(out, f)
	}
	return out
}

// finding is what r says about s; false if it is nothing.
func (r Rule) finding(s subject, facts Facts) (Finding, bool) {
	what, holds := "", len(r.Any) == 0
	for _, c := range r.Any {
		if what, holds = c.holds(s); holds {
			break
		}
	}
	if !holds {
		return Finding{}, false
	}
	f := Finding{Level: r.Level, Why: r.Why, Keep: r.Keep}
	for _, but := range r.But {
		found, holds := but.holds(s)
		if !holds {
			continue
		}
		f.Level, f.Why, f.Keep = but.Level, but.Why, but.Keep
		if what == "" {
			what = found
		}
		break
	}
	f.Why = strings.ReplaceAll(f.Why, "{what}", what)
	if r.Judge == "" {
		return f, true
	}
	return judges[r.Judge](s, facts, f)
}

// holds says whether all conditions of e are true of s, and in words the first.
func (e exception) holds(s subject) (string, bool) {
	first := ""
	for i, c := range e.If {
		what, holds := c.holds(s)
		if !holds {
			return "", false
		}
		if i == 0 {
			first = what
		}
	}
	return first, true
}

// sort puts what is worst first.
func sortFindings(out []Finding) {
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(-cmp.Compare(a.Level, b.Level), a.Key.Compare(b.Key), cmp.Compare(a.Rule, b.Rule))
	})
}

// JudgeSet returns what carrying set out may cost, worst first, then by key.
func JudgeSet(set change.Set, facts Facts, limits Limits) []Finding {
	var out []Finding
	for _, c := range set.Changes {
		out = append(out, findings(subjectOf(c), facts)...)
	}
	out = append(out, whole(set, facts, limits)...)
	out = append(out, unguarded(set, facts)...)
	sortFindings(out)
	return out
}

// locked asks whether something outside of the resource keeps it from being deleted.
func locked(s subject, facts Facts, f Finding) (Finding, bool) {
	switch {
	case facts.Locked[s.address()]:
		f.Level, f.Why = Review, "a management lock is on it; the run would fail half way"
	case s.typ == "azurerm_resource_group" && facts.Features["resource_group.prevent_deletion_if_contains_resources"]:
		f.Level, f.Why = Review, "the provider refuses to delete it while there is something in it (prevent_deletion_if_contains_resources)"
	case strings.HasPrefix(s.typ, "azurerm_key_vault") && f.Level == Loss && facts.keepsDeleted():
		f.Level, f.Why = Review, "it can be recovered for as long as its soft delete lasts: the provider does not purge it"
	}
	return f, true
}

// keepsDeleted says whether the configuration has the provider not purge what it
// deletes from a vault.
func (f Facts) keepsDeleted() bool {
	purges, said := f.Features["key_vault.purge_soft_delete_on_destroy"]
	return said && !purges
}

// feeds asks what a value is used for.
func feeds(s subject, facts Facts, f Finding) (Finding, bool) {
	for _, user := range facts.Feeds[s.address()] {
		if k, err := lockstep.ParseKey(user); err == nil && encrypts(k.Kind) {
			f.Level, f.Why = Loss, fmt.Sprintf("%s is made from it, and what was encrypted or guarded with it cannot be read any more", user)
			return f, true
		}
	}
	return f, true
}

// encrypts says whether a type keeps data that its secret opens.
func encrypts(typ string) bool {
	if strings.Contains(typ, "kms") || strings.Contains(typ, "encryption") {
		return true
	}
	return keepsData(typ)
}

// keepsData says whether deleting a resource of the type may lose data, whatever its
// attributes say.
func keepsData(typ string) bool {
	for _, r := range Rules() {
		if r.Family == kubernetes || r.Beside || r.Whole || !slices.Contains(r.actions, change.Delete) || !r.knows(typ) {
			continue
		}
		return r.Level == Loss || slices.ContainsFunc(r.But, func(e exception) bool { return e.Level == Loss })
	}
	return false
}

// protected asks what the commit before had.
func protected(s subject, facts Facts, f Finding) (Finding, bool) {
	return f, facts.Protected[s.address()] && s.change.Deposed == ""
}

// weakened asks what the release before did.
func weakened(s subject, facts Facts, f Finding) (Finding, bool) {
	return f, facts.Weakened[s.address()] || facts.Weakened[s.change.Address]
}

// remade asks whether it is the tool's or somebody's word alone that destroys it.
func remade(s subject, _ Facts, f Finding) (Finding, bool) {
	switch {
	case s.change.Deposed != "":
		f.Why = "it is what a replacement that was not finished left behind, with what it holds"
		f.Keep = "look into it before it goes"
	case s.change.Reason == "replace_because_tainted":
		f.Why = "it is replaced because a run before left it marked as broken (tainted), though it may be sound"
	case s.change.Reason == "replace_by_request", s.change.Reason == "replace_by_triggers":
		f.Why = "it is replaced by request, though its configuration stays as it is"
	default:
		return Finding{}, false
	}
	if !keepsData(s.typ) {
		f.Level = Review
	}
	return f, true
}

// address is that of the block in the configuration, without the keys of count and
// for_each.
func (s subject) address() string { return lockstep.Unindexed(s.change.Address) }

// Weakens returns the addresses of which set takes a guard off, for the Facts of the
// next set: what is unprotected in one step and deleted in the next was one step.
func Weakens(set change.Set) map[string]bool {
	out := map[string]bool{}
	for _, c := range set.Changes {
		if _, weak := ruleOf("guard-weakened").finding(subjectOf(c), Facts{}); weak && c.Action == change.Update {
			out[c.Address] = true
		}
	}
	return out
}
