package live

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Revert is a rollback in Git that was read and agreed to.
type Revert struct {
	Unit     lockstep.Unit
	Revision string // the commit to go back to
	As       Way    // InGit or OnBranch
	// Read is the preview that was agreed to. What is written is that, or nothing.
	Read Rollback
	// Reason and By go into the commit's message.
	Reason, By string
}

// Reverted is what was written.
type Reverted struct {
	Commit string `json:"commit" doc:"the commit that was made"`
	Branch string `json:"branch" doc:"the branch that it is on"`
	Base   string `json:"base" doc:"the branch that the Source follows"`
	Onto   string `json:"onto" doc:"the commit that it follows after"`
	Moved  int    `json:"moved" doc:"how often the branch had moved on meanwhile, and the commit was made anew"`
	Signed bool   `json:"signed"`
	// PullRequest is where one is opened.
	PullRequest string   `json:"pullRequest,omitempty" doc:"where a pull request for the branch is opened; absent where that is not known"`
	Said        []string `json:"said" doc:"what the Git server had to say"`
}

// longestWrite bounds all of it. Whoever asked may be gone by then: what is half
// pushed is not given up for that.
const longestWrite = 2 * time.Minute

// Revert writes r to the repository. It is what was read or it is refused: the files,
// what they were and are to be, and the other Stacks that they touch. Somebody who
// commits beside is no reason to refuse.
func (l *Looker) Revert(ctx context.Context, r Revert) (Reverted, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestWrite)
	defer cancel()
	out, err := l.revert(ctx, r)
	if err != nil {
		return Reverted{}, fault.As(err).At("stack %s", r.Unit)
	}
	return out, nil
}

func (l *Looker) revert(ctx context.Context, r Revert) (Reverted, error) {
	o, err := l.origin(ctx, r.Unit)
	if err != nil {
		return Reverted{}, err
	}
	base, d, err := l.rollback(ctx, r.Unit, r.Revision)
	if err != nil {
		return Reverted{}, err
	}
	lookup, done := l.Lookup(r.Unit)
	defer done()
	writing, err := stack.WritingOf(ctx, lookup, o.source, time.Now())
	if err != nil {
		return Reverted{}, err
	}
	w, err := l.writer(ctx, writing.Spec)
	if err != nil {
		return Reverted{}, named(err, o)
	}
	defer func() { _ = w.Close() }()

	draft := func(ctx context.Context, onto source.Snapshot) (source.Commit, error) {
		a, err := l.attempt(ctx, w, o, d, onto)
		switch {
		case err != nil:
			return source.Commit{}, err
		case a.problem != "":
			return source.Commit{}, fault.Blocked("the rollback cannot be carried out whole: %s", a.problem)
		case a.digest(base.Digest, r.As, o) != r.Read.Digest:
			return source.Commit{}, r.moved(a, onto.Revision())
		}
		c := a.commit
		c.Author, c.Signing, c.Message = writing.Author, writing.Signing, r.message(a, d.revision)
		return c, nil
	}
	write := func() (source.Written, error) { return source.Write(ctx, w, o.branch, draft) }
	if r.As == OnBranch {
		write = func() (source.Written, error) { return source.Propose(ctx, w, o.branch, o.prefix, draft) }
	}
	written, err := write()
	if err != nil {
		return Reverted{}, named(err, o)
	}
	out := Reverted{
		Commit: written.Commit, Branch: written.Branch, Base: o.branch, Onto: written.Onto, Moved: written.Moved, Said: append([]string{}, written.Said...),
		Signed: len(writing.Signing.SSHKey)+len(writing.Signing.PGPKey) > 0,
	}
	if r.As == OnBranch {
		out.PullRequest = pullRequest(o.url, written.Said, o.branch, written.Branch)
	}
	return out, nil
}

// moved says what is not as it was read.
func (r Revert) moved(a attempt, tip lockstep.Revision) error {
	f := fault.Conflict("what the rollback would do has changed since it was read").
		WithHint("look at the preview again; the branch is at %s now", tip.Short())
	if r.Read.Git == nil {
		return f
	}
	var read, now []string
	for _, x := range r.Read.Git.Files {
		read = append(read, x.Verb+" "+x.Path)
	}
	for _, c := range a.changes {
		now = append(now, c.Verb.String()+" "+c.Path)
	}
	for _, x := range now {
		if !slices.Contains(read, x) {
			return f.WithHint("it would %q as well now: %q by %s changed what the stack reads; look at the preview again", x, tip.Subject, tip.Author)
		}
	}
	if tip.Commit != r.Read.Git.Onto {
		return f.WithHint("%s is at %s now, %q by %s; look at the preview again", r.Read.Git.Base, tip.Short(), tip.Subject, tip.Author)
	}
	return f
}

// named says which Secret a credential that was refused came from.
func named(err error, o origin) error {
	f := fault.As(err)
	if f.Kind != fault.KindDenied {
		return f
	}
	return f.WithHint("Secret %q of spec.git.write: %s", o.source.Namespace+"/"+o.source.Spec.Git.Write.SecretRef.Name, f.Hint)
}

// message is what the commit says. What people wrote is set in, so that no line of it
// is taken for one of ours.
func (r Revert) message(a attempt, to lockstep.Revision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Roll back %s to %s\n\n", r.Unit, to.Commit[:min(7, len(to.Commit))])
	b.WriteString(setIn(r.Reason))
	if to.Subject != "" {
		fmt.Fprintf(&b, "\nWhat %s reads is as it was at\n\n%s", r.Unit, setIn(to.Subject))
	}
	if len(a.others) > 0 {
		b.WriteString("\nOther stacks read it, too:\n\n")
		for _, u := range a.others[:min(len(a.others), 50)] {
			b.WriteString(setIn(u.String()))
		}
		if n := len(a.others) - 50; n > 0 {
			b.WriteString(setIn(fmt.Sprintf("and %d more", n)))
		}
	}
	if losses := r.Read.Losses(); len(losses) > 0 {
		b.WriteString("\nWhat may be lost:\n\n")
		for _, id := range losses {
			b.WriteString(setIn(id))
		}
	}
	fmt.Fprintf(&b, "\nLockstep-Rollback-To: %s\nLockstep-Stack: %s\nLockstep-Requested-By: %s\n", to.Commit, r.Unit, oneLine(r.By))
	return b.String()
}

// setIn indents each line of a text.
func setIn(text string) string {
	var b strings.Builder
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\v", "\n", "\f", "\n").Replace(text)
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString("    " + line + "\n")
		}
	}
	return b.String()
}

// oneLine leaves out what would begin another line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' }), " ")
}
