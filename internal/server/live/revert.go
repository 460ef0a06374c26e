package live

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// GitRollback is what a rollback would do in Git.
type GitRollback struct {
	Source string      `json:"source" doc:"NAMESPACE/NAME of the Source"`
	URL    string      `json:"url" doc:"address of the repository"`
	Base   string      `json:"base" doc:"the branch that the Source follows"`
	Branch string      `json:"branch" doc:"the branch that would be committed to; the beginning of its name where it is to be made"`
	Onto   string      `json:"onto" doc:"the commit that it would follow after"`
	Files  []File      `json:"files" doc:"what would change, in order of path"`
	Left   int         `json:"left" doc:"files that are left out, beyond the bound"`
	Others []Neighbour `json:"others" doc:"other Stacks that read what would change, and would change with it"`
	Hidden int         `json:"hidden" doc:"how many more of them there are that you may not see"`
	// Unknown Stacks may be among them.
	Unknown int    `json:"unknown" doc:"Stacks of which it is not known: their directory cannot be rendered, or there are too many to look at"`
	Problem string `json:"problem,omitempty" doc:"why the files would not come to what was live then; it is refused"`
}

// File is what would become of a file.
type File struct {
	Path string `json:"path"`
	Verb string `json:"verb" enum:"create,update,delete"`
}

// Neighbour is another Stack.
type Neighbour struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

const (
	// mostFiles and mostBeside bound one answer.
	mostFiles  = 500
	mostBeside = 500
	// mostRendered bounds how many other Stacks are rendered to know what they read,
	// where this replica has not done so anyway.
	mostRendered = 50
)

// attempt is a commit that takes a Stack back, made to be looked at.
type attempt struct {
	commit  source.Commit // without message, author and signature
	changes []source.Change
	others  []lockstep.Unit
	unknown int
	problem string
}

// attempt makes, in w's mirror, the commit that would follow after onto. It is the
// same one each time, so looking leaves nothing behind that adds up.
func (l *Looker) attempt(ctx context.Context, w source.Writer, o origin, d *Desired, onto source.Snapshot) (attempt, error) {
	u, tip := stack.UnitOf(d.stack), onto.Revision().Commit
	now, _ := l.renderAt(ctx, d.stack, o, onto) // what it read until it failed is enough
	a := attempt{commit: source.Commit{
		Onto: tip, From: d.revision.Commit,
		Back: render.Back(d.inputs.Snapshot, onto, d.rendered.Reads, now.Reads),
	}}
	if len(a.commit.Back) == 0 {
		return a, fault.Conflict("branch %q has it as it was at %s already", o.branch, lockstep.Revision{Commit: d.revision.Commit}.Short()).
			At("stack %s", u).WithHint("if something else is live, look at: lockstep explain %s", u)
	}
	trial := a.commit
	trial.Message, trial.Author = "trial", source.Signature{Name: "trial", Email: "trial@localhost", At: onto.Revision().Committed}
	hash, err := w.Commit(ctx, trial)
	if err != nil {
		return a, err
	}
	if a.changes, err = w.Changes(ctx, tip, hash); err != nil {
		return a, err
	}
	after, err := w.At(ctx, hash)
	if err != nil {
		return a, err
	}
	back, err := l.renderAt(ctx, d.stack, o, after)
	switch {
	case err != nil:
		a.problem = "with the files as they were it does not render: " + fault.As(err).Error()
	case back.Key != d.rendered.Key:
		a.problem = "with the files as they were it comes to something else than " + d.revision.Short() + " did: it reads what is not in the repository, or links that lead to links"
	}
	a.others, a.unknown, err = l.beside(ctx, u, o, after)
	return a, err
}

// digest is of what would be done, so that what is carried out is what was read. The
// commit that it follows after is not part of it: others may commit beside.
func (a attempt) digest(plan string, as Way, o origin) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%q %q %q\n", plan, as, o.url.Key(), o.branch, a.commit.From)
	for _, c := range a.changes {
		fmt.Fprintf(h, "%q %s %s\n", c.Path, c.Was, c.Is)
	}
	for _, other := range a.others {
		fmt.Fprintf(h, "%s\n", other)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// show puts what a would do into what somebody reads.
func (a attempt) show(out *Rollback, as Way, o origin) {
	g := &GitRollback{
		Source: o.name.String(), URL: o.url.String(), Base: o.branch, Branch: o.pushes(as), Onto: a.commit.Onto,
		Files: []File{}, Others: []Neighbour{}, Unknown: a.unknown, Problem: a.problem,
	}
	for _, c := range a.changes {
		g.Files = append(g.Files, File{Path: c.Path, Verb: c.Verb.String()})
	}
	if n := len(g.Files); n > mostFiles {
		g.Left, g.Files = n-mostFiles, g.Files[:mostFiles]
	}
	for _, other := range a.others[:min(len(a.others), mostBeside)] {
		g.Others = append(g.Others, Neighbour(other))
	}
	g.Unknown += len(a.others) - len(g.Others)
	out.Git, out.Digest = g, a.digest(out.Digest, as, o)
	out.Newest = a.commit.Onto
	if a.problem != "" && out.Problem == "" {
		out.Problem = a.problem
	}
	if as == OnBranch {
		// Nothing goes live by a branch: whoever merges it decides.
		out.Accept, out.Guard = []string{}, min(out.Guard, 2)
	}
	if o.source.Spec.Suspend {
		out.Stays = append(out.Stays, "source "+o.name.String()+" is suspended: a commit is not fetched until it is resumed")
	}
}

// previewGit adds what going back by as would do in Git, on top of what is known here
// of the branch. The credential that writes is not read for it.
func (l *Looker) previewGit(ctx context.Context, u lockstep.Unit, as Way, d *Desired, out *Rollback) error {
	o, err := l.origin(ctx, u)
	if err != nil {
		return fault.As(err).At("stack %s", u)
	}
	lookup, done := l.Lookup(u)
	defer done()
	onto, err := lookup.Snapshot(ctx, o.name, "")
	if err != nil {
		return settle(err)
	}
	spec, _, err := stack.SourceSpec(ctx, lookup, o.source)
	if err != nil {
		return err
	}
	w, err := l.writer(ctx, spec)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	a, err := l.attempt(ctx, w, o, d, onto)
	if err != nil {
		return err
	}
	a.show(out, as, o)
	return nil
}

func (l *Looker) writer(ctx context.Context, spec source.Spec) (source.Writer, error) {
	if l.Mirrors == nil {
		return nil, fault.Invalid("no repository is kept here").WithHint("ask a server: lockstep login")
	}
	m, err := l.Mirrors.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	if w, ok := m.(source.Writer); ok {
		return w, nil
	}
	_ = m.Close()
	return nil, fault.Invalid("the source is of a kind that cannot be written to")
}

// placed answers with one snapshot for a Source, and otherwise like the Lookup that it is
// made of.
type placed struct {
	stack.Lookup
	name lockstep.Unit
	snap source.Snapshot
}

func (a placed) Snapshot(ctx context.Context, src lockstep.Unit, commit string) (source.Snapshot, error) {
	if src == a.name {
		return a.snap, nil
	}
	return a.Lookup.Snapshot(ctx, src, commit)
}

// renderAt is what s comes to where its Source is at snap.
func (l *Looker) renderAt(ctx context.Context, s *v1alpha1.Stack, o origin, snap source.Snapshot) (stack.Rendered, error) {
	s = s.DeepCopy()
	s.Spec.Source.Revision, s.Spec.Hold = "", nil
	inner, done := l.Lookup(stack.UnitOf(s))
	defer done()
	lookup := placed{inner, o.name, snap}
	in, err := stack.Resolve(ctx, lookup, s)
	if err != nil {
		return stack.Rendered{}, settle(err)
	}
	out, err := l.engine(lookup).Desired(ctx, in)
	if err != nil {
		return out, settle(err)
	}
	return out, nil
}

// beside lists the Stacks beside u that read something that is not in after what it
// was, in order of name, and counts those of which that is not known.
func (l *Looker) beside(ctx context.Context, u lockstep.Unit, o origin, after source.Snapshot) (touched []lockstep.Unit, unknown int, err error) {
	var sources v1alpha1.SourceList
	if err := l.Stacks.List(ctx, &sources, client.UnsafeDisableDeepCopy); err != nil {
		return nil, 0, fault.Unavailable("the sources cannot be read just now").Because(err)
	}
	same := map[lockstep.Unit]bool{}
	for i := range sources.Items {
		if src := &sources.Items[i]; o.shares(src) {
			same[lockstep.Unit{Namespace: src.Namespace, Name: src.Name}] = true
		}
	}
	var stacks v1alpha1.StackList
	if err := l.Stacks.List(ctx, &stacks, client.UnsafeDisableDeepCopy); err != nil {
		return nil, 0, fault.Unavailable("the stacks cannot be read just now").Because(err)
	}
	look := &neighbours{l: l, same: same, after: after, then: render.Compare(after)}
	for i := range stacks.Items {
		s, _ := stack.InForce(&stacks.Items[i], time.Now())
		if other := stack.UnitOf(s); other != u {
			if known, moves := look.moves(ctx, s); !known {
				unknown++
			} else if moves {
				touched = append(touched, other)
			}
		}
	}
	slices.SortFunc(touched, func(a, b lockstep.Unit) int { return strings.Compare(a.String(), b.String()) })
	return touched, unknown, nil
}

// neighbours are Stacks of one repository and branch.
type neighbours struct {
	l        *Looker
	same     map[lockstep.Unit]bool // Sources of that branch
	after    source.Snapshot
	then     *render.Comparison
	rendered int
}

// moves says whether s reads something that changes, and whether that is known.
func (n *neighbours) moves(ctx context.Context, s *v1alpha1.Stack) (known, moves bool) {
	sources := stack.SourcesOf(s)
	reads := func(src lockstep.Unit) bool { return n.same[src] }
	if s.Spec.Source.Revision != "" {
		sources[0] = lockstep.Unit{} // it stays where it is pinned
	}
	if !slices.ContainsFunc(sources, reads) {
		return true, false
	}
	r, ok := n.reads(ctx, s)
	if !ok {
		return false, false
	}
	lookup, done := n.l.Lookup(stack.UnitOf(s))
	defer done()
	trees := map[string]lockstep.Tree{}
	for _, src := range sources[1:] {
		if n.same[src] {
			trees[src.String()] = n.after
			continue
		}
		snap, err := lookup.Snapshot(ctx, src, "")
		if err != nil {
			return false, false
		}
		trees[src.String()] = snap
	}
	if n.same[sources[0]] {
		return true, !n.then.Same(r, trees)
	}
	own, err := lookup.Snapshot(ctx, stack.SourceOf(s), s.Spec.Source.Revision)
	if err != nil {
		return false, false
	}
	return true, !r.Same(own, trees)
}

// reads is what a Stack's last render read. Another replica's Stack is rendered, if
// that is not too much.
func (n *neighbours) reads(ctx context.Context, s *v1alpha1.Stack) (render.Reads, bool) {
	u := stack.UnitOf(s)
	if m, ok := n.l.Memo(u, s.Generation); ok {
		return m.Reads, true
	}
	if n.rendered++; n.rendered > mostRendered {
		return render.Reads{}, false
	}
	d, err := n.l.desired(ctx, u, "")
	if err != nil {
		return render.Reads{}, false
	}
	return d.rendered.Reads, true
}
