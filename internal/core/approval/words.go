package approval

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
)

// held is a plan that waits for a person, who has to say nothing more than yes.
func (f Facts) held(asks string) Verdict {
	return Verdict{Gate: GateApproval, Reason: asks, Hint: f.command(nil)}
}

// command is the line that opens the plan, ready to be pasted into a shell.
func (f Facts) command(losses []risk.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "lockstep approve %s --plan %s --reason \"…\"", f.Plan.Unit, f.Plan.Digest)
	for _, l := range losses {
		b.WriteString(" --accept-loss " + quote(l.Named()))
	}
	return b.String()
}

// quote returns s as one word of a shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/:@", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// lost says what may be lost: "module.db.a may lose data: …".
func lost(losses []risk.Finding) string {
	first := losses[0]
	why := first.Why
	if ofObject(first) {
		why = first.Named() + " may lose data: " + why
	}
	if n := len(losses) - 1; n > 0 {
		why += fmt.Sprintf("; and %d more", n)
	}
	return why
}

func rejected(a Approval) string { return "was rejected by " + who(a) + because(a) }

func accepted(a Approval) string { return "was approved by " + who(a) + because(a) }

func because(a Approval) string {
	if r := strings.Join(strings.Fields(a.Reason), " "); r != "" {
		return ": " + r
	}
	return ""
}

func grew(a Approval, all []change.Growth) string {
	s := fmt.Sprintf("the plan moved since %s approved it: %s %s", who(a), all[0].What, all[0].Why)
	if n := len(all) - 1; n > 0 {
		s += fmt.Sprintf("; and %d more", n)
	}
	return s
}

func who(a Approval) string {
	switch {
	case a.By != "":
		return a.By
	case a.InGit:
		return "a commit"
	}
	return "somebody"
}

// short is a digest as a sentence can hold it: the first twelve digits.
func short(digest string) string {
	const shown = len("sha256:") + 12
	if len(digest) > shown {
		return digest[:shown]
	}
	return digest
}

func hours(d time.Duration) string {
	if d >= time.Hour && d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return d.String()
}

func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}
