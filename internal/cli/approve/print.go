package approve

import (
	"fmt"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

var signs = map[string]struct {
	sign  string
	style term.Style
}{
	"delete": {"-", term.Bad}, "replace": {"±", term.Bad}, "update": {"~", term.Warn}, "create": {"+", term.Good}, "forget": {"·", term.Warn},
}

// Print writes a plan that waits, for people: what may be lost first. Of each change at
// most that many fields; 0 for all, -1 for none.
func Print(io *term.IO, u lockstep.Unit, w live.Waiting, fields int) {
	for _, x := range w.Findings {
		word, style := "REVIEW   ", term.Warn
		if x.Level == "loss" {
			word, style = "WILL LOSE", term.Bad
		}
		io.Printf("%s  %s  %s\n", io.Paint(style, word), io.Paint(term.Bold, x.ID), x.Why)
		if x.Keep != "" {
			io.Printf("           %s %s\n", io.Paint(term.Dim, "keep it:"), x.Keep)
		}
		for _, way := range x.Ways {
			io.Printf("           %s %s\n", io.Paint(term.Dim, "instead:"), way.Name)
			for line := range strings.Lines(way.Text) {
				io.Printf("             %s\n", strings.TrimRight(line, "\n"))
			}
		}
	}
	if len(w.Findings) > 0 {
		io.Printf("\n")
	}
	io.Printf("%s  at %s%s\n", io.Paint(term.Bold, "stack "+u.String()), orDash(term.Commit(w.Revision)), made(w))
	for _, c := range w.Changes {
		change(io, c, fields)
	}
	if w.Left > 0 {
		io.Printf("  and %s more\n", term.Count(w.Left, "change"))
	}
	for _, x := range w.Outputs {
		io.Printf("  output %s\n", field(x))
	}
	for _, n := range w.Notes {
		io.Printf("  · %s\n", n)
	}
	if w.Cut {
		io.Printf("  %s\n", io.Paint(term.Dim, "the plan is too large to be kept with its fields"))
	}
	s := w.Summary
	io.Printf("%s\n", io.Paint(term.Bold, term.Count(s.Create, "creation")+", "+term.Count(s.Update, "update")+", "+term.Count(s.Replace, "replacement")+", "+term.Count(s.Delete, "deletion")))
	io.Printf("plan %s\n", w.Digest)
	if w.Message != "" {
		io.Printf("%s\n", io.Paint(term.Warn, w.Message))
	}
	if w.Moved != "" {
		io.Notef("what would be done now is another plan, %s; it is planned anew soon", w.Moved)
	}
	if w.Problem != "" {
		io.Notef("not planned: %s", w.Problem)
	}
}

// made says by what and on what state a module's plan was made.
func made(w live.Waiting) string {
	out := ""
	if w.Tool != "" {
		out += ", planned by " + w.Tool
	}
	if w.Lineage != "" {
		out += fmt.Sprintf(" on state %d", w.Serial)
	}
	if w.Destroys {
		out += ", because the stack is being deleted"
	}
	return out
}

func change(io *term.IO, c live.WaitingChange, fields int) {
	s := signs[c.Action]
	loss := ""
	if c.Loss {
		loss = "  " + io.Paint(term.Bad, "data may be lost")
	}
	io.Printf("  %s %s  %s%s\n", io.Paint(s.style, s.sign), io.Paint(term.Bold, c.ID), c.Reason, loss)
	if fields < 0 || c.Action == "delete" || c.Action == "forget" {
		return
	}
	left := c.Further
	for i, f := range c.Fields {
		if fields > 0 && i == fields {
			left += len(c.Fields) - i
			break
		}
		io.Printf("      %s\n", field(f))
	}
	if left > 0 {
		io.Printf("      and %s more\n", term.Count(left, "field"))
	}
}

func field(f live.WaitingField) string {
	to := orDash(f.To)
	if f.Unknown {
		to = "(known after apply)"
	}
	out := f.Path + ": " + orDash(f.From) + " → " + to
	if f.Forces {
		out += "  # forces replacement"
	}
	return out
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
