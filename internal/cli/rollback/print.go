package rollback

import (
	"fmt"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// print says what would be lost first: it is what a person must not overlook.
func (o *options) print(r live.Rollback) {
	for _, x := range r.Risks {
		word, style := "REVIEW   ", term.Warn
		if x.Level == "loss" {
			word, style = "WILL LOSE", term.Bad
		}
		id := x.ID
		if id == "" {
			id = x.Rule
		}
		o.IO.Printf("%s  %s  %s\n", o.IO.Paint(style, word), o.IO.Paint(term.Bold, id), x.Why)
		if x.Keep != "" {
			o.IO.Printf("           %s %s\n", o.IO.Paint(term.Dim, "keep it:"), x.Keep)
		}
	}
	if len(r.Risks) > 0 {
		o.IO.Printf("\n")
	}
	o.IO.Printf("%s  %s → %s%s\n", o.IO.Paint(term.Bold, "stack "+o.Unit.String()), commit(r.Live), term.Commit(r.Revision), subject(r))
	if r.Newest != "" && r.Newest != r.Revision {
		o.IO.Printf("  Git stays ahead, at %s\n", term.Commit(r.Newest))
	}
	for _, x := range r.Objects {
		o.object(x)
	}
	if r.Left > 0 {
		o.IO.Printf("and %s more\n", term.Count(r.Left, "object"))
	}
	if len(r.Hooks) > 0 {
		o.IO.Printf("hooks that run: %s\n", strings.Join(r.Hooks, ", "))
	}
	s := r.Summary
	if s.Create+s.Update+s.Replace+s.Delete+s.Orphan == 0 {
		o.IO.Printf("nothing that is live would change\n")
	} else {
		o.IO.Printf("+%d ~%d ±%d -%d\n", s.Create, s.Update, s.Replace, s.Delete)
	}
	for _, line := range r.Stays {
		o.IO.Printf("%s %s\n", o.IO.Paint(term.Dim, "not undone:"), line)
	}
}

var signs = map[string]string{"create": "+", "update": "~", "replace": "±", "delete": "-", "orphan": "·", "leave": "≠"}

// mostFields of one object are shown; a server and -o json have all.
const mostFields = 20

func (o *options) object(x live.Difference) {
	o.IO.Printf("%s %s\n", signs[x.Verb], o.IO.Paint(term.Bold, x.ID))
	if x.Verb == "create" || x.Verb == "delete" {
		return
	}
	t := term.Table{}
	for i, f := range x.Fields {
		if i == mostFields {
			t.Add("   ", fmt.Sprintf("and %d more", len(x.Fields)-i))
			break
		}
		if f.Class == "ignored" || f.Class == "protected" || f.Class == "other" {
			continue
		}
		t.Add("   ", f.Path, orDash(f.Live)+" → "+orDash(f.Git))
	}
	o.IO.Print(t)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func commit(hash string) string { return orDash(term.Commit(hash)) }

func subject(r live.Rollback) string {
	if r.Subject == "" {
		return ""
	}
	return fmt.Sprintf("  %q", r.Subject)
}
