package live

import (
	"context"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Way is how a Stack goes back to an earlier commit.
type Way string

// The ways.
const (
	// Hold keeps the earlier commit live for a time; Git stays ahead.
	Hold Way = "hold"
	// InGit commits what the Stack reads, as it was, to the branch that its Source
	// follows.
	InGit Way = "commit"
	// OnBranch does the same on a branch of its own, for a pull request.
	OnBranch Way = "branch"
)

// ParseWay reads what somebody wrote; nothing is Hold.
func ParseWay(s string) (Way, error) {
	switch w := Way(s); w {
	case "":
		return Hold, nil
	case Hold, InGit, OnBranch:
		return w, nil
	}
	return "", fault.Usage("%q is no way to roll back", s).WithHint("hold, commit or branch")
}

// RollbackWay is one of the ways, and whether it can be gone.
type RollbackWay struct {
	As     Way    `json:"as" enum:"hold,commit,branch"`
	Branch string `json:"branch,omitempty" doc:"the branch that would be committed to; for branch the beginning of its name"`
	Why    string `json:"why,omitempty" doc:"why it cannot be gone; absent where it can"`
	Hint   string `json:"hint,omitempty" doc:"what would let it"`
}

// origin is where a Stack's files are and may be written.
type origin struct {
	name   lockstep.Unit
	source *v1alpha1.Source
	branch string // that is followed
	prefix string // of branches of ours, for this Stack
	url    giturl.URL
}

// pushes says what is pushed to, as far as that is known before.
func (o origin) pushes(as Way) string {
	if as == OnBranch {
		return o.prefix
	}
	return o.branch
}

// ways says which ways there are for s.
func (l *Looker) ways(ctx context.Context, u lockstep.Unit) []RollbackWay {
	out := []RollbackWay{{As: Hold}}
	o, err := l.origin(ctx, u)
	for _, as := range []Way{InGit, OnBranch} {
		w := RollbackWay{As: as}
		if err == nil {
			w.Branch = o.pushes(as)
			out = append(out, w)
			continue
		}
		f := fault.As(err)
		w.Why, w.Hint = f.What, f.Hint
		out = append(out, w)
	}
	return out
}

// origin finds where u's files may be written, or says why they may not. No secret is
// read for it.
func (l *Looker) origin(ctx context.Context, u lockstep.Unit) (origin, error) {
	s := &v1alpha1.Stack{}
	if err := l.Stacks.Get(ctx, types.NamespacedName(u), s); err != nil {
		return origin{}, fault.NotFound("stack %q does not exist", u).Because(err)
	}
	if s.Spec.Source.Revision != "" {
		return origin{}, fault.Blocked("the stack is pinned to a commit: one that follows would not reach it").
			WithHint("change spec.source.revision of the stack, or hold it at the release")
	}
	o := origin{name: stack.SourceOf(s), source: &v1alpha1.Source{}}
	if err := l.Stacks.Get(ctx, types.NamespacedName(o.name), o.source); err != nil {
		if apierrors.IsNotFound(err) {
			return origin{}, fault.NotFound("source %q does not exist", o.name)
		}
		return origin{}, fault.Unavailable("source %q cannot be read just now", o.name).Because(err)
	}
	branch, prefix, err := stack.BranchOf(o.source)
	if err != nil {
		return origin{}, err
	}
	if o.url, err = giturl.Parse(o.source.Spec.Git.URL); err != nil {
		return origin{}, fault.Invalid("the git url of source %q %v", o.name, err)
	}
	o.branch, o.prefix = branch, prefix+"rollback-"+u.Name+"-"
	return o, nil
}

// Origin names the Source that a rollback of u in Git would write to.
func (l *Looker) Origin(ctx context.Context, u lockstep.Unit) (lockstep.Unit, error) {
	o, err := l.origin(ctx, u)
	if err != nil {
		return lockstep.Unit{}, fault.As(err).At("stack %s", u)
	}
	return o.name, nil
}

// shares says whether another Source is of the same branch of the same repository.
func (o origin) shares(src *v1alpha1.Source) bool {
	if src.Spec.Git == nil {
		return false
	}
	at, err := giturl.Parse(src.Spec.Git.URL)
	return err == nil && at.Key() == o.url.Key() && stack.RefOf(src.Spec.Git.Ref).FullName() == "refs/heads/"+o.branch
}

// pullRequest is the address at which a pull request for branch is opened: the one
// that the server printed, if it is one of its own, or else the one that a forge of
// that name has. "" where nobody knows.
func pullRequest(repo giturl.URL, said []string, base, branch string) string {
	for _, line := range said {
		for word := range strings.FieldsSeq(line) {
			at, err := url.Parse(word)
			// What a server prints is shown to be clicked on.
			if err == nil && (at.Scheme == "https" || at.Scheme == "http") && at.User == nil && strings.EqualFold(at.Hostname(), repo.Host) {
				return at.String()
			}
		}
	}
	path := strings.TrimSuffix(strings.Trim(repo.Path, "/"), ".git")
	root := "https://" + repo.Host + "/" + path
	if repo.Scheme != "ssh" && repo.Port != "" {
		root = repo.Scheme + "://" + repo.Host + ":" + repo.Port + "/" + path
	}
	labels := strings.Split(repo.Host, ".")
	named := func(forges ...string) bool {
		return slices.ContainsFunc(labels, func(l string) bool { return slices.Contains(forges, l) })
	}
	from, to := url.PathEscape(branch), url.PathEscape(base)
	switch {
	case named("github"):
		return root + "/compare/" + slashes(to) + "..." + slashes(from) + "?expand=1"
	case named("gitlab"):
		q := url.Values{"merge_request[source_branch]": {branch}, "merge_request[target_branch]": {base}}
		return root + "/-/merge_requests/new?" + q.Encode()
	case named("gitea", "forgejo", "codeberg"):
		return root + "/compare/" + slashes(to) + "..." + slashes(from)
	case named("bitbucket"):
		return root + "/pull-requests/new?" + url.Values{"source": {branch}, "dest": {base}}.Encode()
	}
	return ""
}

// slashes leaves those in that a branch's name has.
func slashes(s string) string { return strings.ReplaceAll(s, "%2F", "/") }
