package rollback

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/client"
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
	if r.As == live.Hold && r.Newest != "" && r.Newest != r.Revision {
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
	if r.Git != nil {
		o.git(*r.Git, r.As)
	}
	for _, line := range r.Stays {
		o.IO.Printf("%s %s\n", o.IO.Paint(term.Dim, "not undone:"), line)
	}
}

// git says what would be written, and who else would notice.
func (o *options) git(g live.GitRollback, as live.Way) {
	where := "on branch " + g.Branch
	if as == live.OnBranch {
		where = "on a new branch " + g.Branch + "…, from " + g.Base
	}
	o.IO.Printf("%s  %s, after %s\n", o.IO.Paint(term.Bold, "in Git"), where, term.Commit(g.Onto))
	for _, f := range g.Files {
		o.IO.Printf("%s %s\n", signs[f.Verb], shown(f.Path))
	}
	if g.Left > 0 {
		o.IO.Printf("and %s more\n", term.Count(g.Left, "file"))
	}
	for _, n := range g.Others {
		o.IO.Printf("%s  stack %s reads what would change, too\n", o.IO.Paint(term.Warn, "ALSO CHANGES"), o.IO.Paint(term.Bold, n.Namespace+"/"+n.Name))
	}
	if g.Hidden > 0 {
		o.IO.Printf("%s  %s that you may not see\n", o.IO.Paint(term.Warn, "ALSO CHANGES"), term.Count(g.Hidden, "stack"))
	}
	if g.Unknown > 0 {
		o.IO.Printf("%s  of %s it is not known\n", o.IO.Paint(term.Warn, "MAY CHANGE  "), term.Count(g.Unknown, "stack"))
	}
}

// shown is a path of a repository on one line.
func shown(path string) string {
	if q := strconv.Quote(path); q != `"`+path+`"` {
		return q
	}
	return path
}

// done says what was done, and what comes next.
func (o *options) done(r live.Rollback, d client.RollbackDone) {
	g := d.Git
	if g == nil {
		o.IO.Printf("%s is held at %s until %s\n", o.Unit, term.Commit(r.Revision), d.Until.UTC().Format(time.RFC3339))
		o.IO.Notef("next: lockstep watch %s; lockstep rollback %s --release lets it go on", o.Unit, o.Unit)
		return
	}
	o.IO.Printf("%s is on %s, and takes what %s reads back to %s\n", term.Commit(g.Commit), g.Branch, o.Unit, term.Commit(r.Revision))
	if g.Moved > 0 {
		o.IO.Notef("the branch had moved on meanwhile, which touched none of it; the commit follows after %s", term.Commit(g.Onto))
	}
	switch {
	case r.As == live.InGit:
		o.IO.Notef("next: lockstep watch %s; git revert %s takes it back", o.Unit, term.Commit(g.Commit))
	case g.PullRequest != "":
		o.IO.Printf("open a pull request to %s: %s\n", g.Base, g.PullRequest)
	default:
		o.IO.Printf("open a pull request from %s to %s; nothing goes live before it is merged\n", g.Branch, g.Base)
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
