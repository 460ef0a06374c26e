package approval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/risk"
)

// lossesOf returns the findings that hold a plan, each name once, in their order.
func lossesOf(all []risk.Finding) []risk.Finding {
	var out []risk.Finding
	seen := map[string]bool{}
	for _, f := range all {
		if f.Level == risk.Loss && !seen[f.Named()] {
			seen[f.Named()] = true
			out = append(out, f)
		}
	}
	return out
}

func names(losses []risk.Finding) []string {
	var out []string
	for _, f := range losses {
		out = append(out, f.Named())
	}
	return out
}

// overLosses decides about a plan that may lose data. An approval for such a plan is
// one for that digest: where the plan moved, what would be lost may be something else
// under the same name.
func (f Facts) overLosses(losses []risk.Finding) Verdict {
	v := Verdict{Gate: GateLoss, Accept: names(losses), Hint: f.command(losses)}
	if !slices.ContainsFunc(losses, ofObject) {
		v.Gate = GateBreaker
	}
	v.Reason = lost(losses)
	switch {
	case f.Cause == Heal:
		v.Reason += "; undoing drift never does that, also not with an approval"
		v.Hint = "have Git say what is there now, or make the change in a commit and approve its plan"
		return v
	case f.Cause == Rollback:
		v.Reason += "; going back never does that, also not with an approval"
		v.Hint = "keep it (see the ways out of the finding), or revert in Git and approve the plan of that commit"
		return v
	case f.Given == nil || f.Given.Rejected:
		return v
	}
	if why := f.uncovered(losses); why != "" {
		v.Reason += "; " + why
		return v
	}
	return Verdict{Open: true, Reason: accepted(*f.Given), Uses: f.Given.ID(), Accept: v.Accept}
}

// uncovered says why what was given does not accept losses; "" if it does.
func (f Facts) uncovered(losses []risk.Finding) string {
	g := *f.Given
	if why := f.unfit(); why != "" {
		return why
	}
	var left []string
	for _, l := range losses {
		if !slices.Contains(g.Accepts, l.Named()) {
			left = append(left, l.Named())
		}
	}
	switch {
	case g.Digest != f.Plan.Digest:
		return fmt.Sprintf("the approval of %s is for plan %s, and this is %s", who(g), short(g.Digest), short(f.Plan.Digest))
	case g.InGit:
		return "an approval in Git accepts no loss"
	case slices.Contains(f.Consumed, g.ID()):
		return fmt.Sprintf("the approval of %s was used already, and counts once", who(g))
	case g.By == "" || g.At.IsZero():
		return "the approval does not say who gave it and when"
	case f.Now.Sub(g.At) > f.expires():
		return fmt.Sprintf("the approval of %s expired: it counted for %s", who(g), hours(f.expires()))
	case strings.TrimSpace(g.Reason) == "":
		return fmt.Sprintf("the approval of %s has no reason", who(g))
	case len(left) > 0 && slices.ContainsFunc(g.Accepts, isPattern):
		return fmt.Sprintf("the approval of %s has a pattern, which stands for nothing; it has to name %s", who(g), some(left))
	case len(left) > 0:
		return fmt.Sprintf("the approval of %s does not name %s", who(g), some(left))
	}
	return ""
}

// ofObject says whether the finding is about one object and not about the plan.
func ofObject(f risk.Finding) bool { return f.Key.Name != "" }

// isPattern says whether somebody may have meant more than one name.
func isPattern(name string) bool { return strings.Contains(name, "*") }
