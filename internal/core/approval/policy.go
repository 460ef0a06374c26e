package approval

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/change"
)

// classes counts the plan's steps by class. A resource that merely moves, and an
// output, count as updates.
func (f Facts) classes() map[change.Action]int {
	out := map[change.Action]int{}
	for _, s := range f.Plan.Steps() {
		out[change.ActionOf(s.Verb)]++
	}
	if len(f.Plan.Outputs) > 0 {
		out[change.Update] += len(f.Plan.Outputs)
	}
	return out
}

// asks says why the policy wants a person for the plan; "" if it does not.
func (f Facts) asks() string {
	classes := f.classes()
	if f.Cause == Heal && f.Set != nil {
		return f.proposes(classes)
	}
	if f.Policy.For != nil {
		if found := among(classes, func(a change.Action) bool { return slices.Contains(f.Policy.For, a) }); found != "" {
			return found + ", which this Stack has approved by a person"
		}
		return ""
	}
	switch f.Policy.Mode {
	case Never:
		return ""
	case Always:
		return "every plan of this Stack is approved by a person"
	}
	if f.Set == nil {
		return "" // on a cluster, what is destructive is a loss, which is held anyway
	}
	if found := among(classes, change.Action.Destroys); found != "" {
		return found + ", which a person has to approve"
	}
	return ""
}

// proposes says why undoing drift is a proposal only; "" if it is not.
func (f Facts) proposes(classes map[change.Action]int) string {
	if found := among(classes, func(a change.Action) bool { return !slices.Contains(f.Policy.Heal, a) }); found != "" {
		return "to undo drift " + found + ", which is only proposed"
	}
	return ""
}

// among says how many steps are of the classes that count: "2 resources would be
// destroyed and 1 replaced".
func among(classes map[change.Action]int, counts func(change.Action) bool) string {
	var parts []string
	for _, c := range []struct {
		class change.Action
		what  string
	}{
		{change.Delete, "destroyed"}, {change.Replace, "replaced"}, {change.Update, "changed"},
		{change.Create, "created"}, {change.Forget, "given up"},
	} {
		n := classes[c.class]
		switch {
		case n == 0 || !counts(c.class):
		case len(parts) > 0:
			parts = append(parts, fmt.Sprintf("%d %s", n, c.what))
		case n == 1:
			parts = append(parts, "1 resource would be "+c.what)
		default:
			parts = append(parts, fmt.Sprintf("%d resources would be %s", n, c.what))
		}
	}
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// overPolicy decides about a plan that may lose nothing and needs a person, who said
// something.
func (f Facts) overPolicy(asks string) Verdict {
	g := *f.Given
	v := f.held(asks)
	if why := f.unfit(); why != "" {
		v.Reason += "; " + why
		return v
	}
	used := slices.Contains(f.Consumed, g.ID())
	if used && f.Cause != Retry {
		v.Reason += fmt.Sprintf("; the approval of %s was used already, and counts once", who(g))
		return v
	}
	open := Verdict{Open: true, Reason: accepted(g), Uses: g.ID()}
	switch {
	case g.Digest == f.Plan.Digest:
		return open
	case f.Set == nil || f.Approved == nil:
		v.Reason += fmt.Sprintf("; the approval of %s is for plan %s, and this is %s", who(g), short(g.Digest), short(f.Plan.Digest))
		return v
	}
	if v.Grew = f.Set.Grew(*f.Approved); len(v.Grew) > 0 {
		v.Reason = grew(g, v.Grew)
		return v
	}
	return open
}

// unfit says why what was given counts for nothing here; "" if it may count.
func (f Facts) unfit() string {
	g := *f.Given
	switch {
	case !f.Policy.ExcludeAuthor:
		return ""
	case g.By == "":
		return "the approval does not say who gave it, and who wrote the commit may not"
	case same(g.By, f.Author):
		return fmt.Sprintf("%s wrote the commit, and this Stack does not let its author approve", g.By)
	}
	return ""
}

// same says whether a user name is that of the author of a commit, "Name <mail>". The
// name may have the prefix by which a cluster tells where it is from: oidc:.
func same(user, author string) bool {
	name, rest, _ := strings.Cut(author, "<")
	mail, _, _ := strings.Cut(rest, ">")
	bare := user
	if i := strings.LastIndexAny(user, ":#/"); i >= 0 {
		bare = user[i+1:]
	}
	for _, u := range []string{user, bare} {
		for _, a := range []string{author, name, mail} {
			if a = strings.TrimSpace(a); a != "" && strings.EqualFold(strings.TrimSpace(u), a) {
				return true
			}
		}
	}
	return false
}

func (f Facts) expires() time.Duration {
	if f.Policy.Expires > 0 {
		return f.Policy.Expires
	}
	return day
}
