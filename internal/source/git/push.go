package git

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// Branches asks the remote for its branches that begin with prefix.
func (m *mirror) Branches(ctx context.Context, prefix string) (map[string]string, error) {
	if err := (source.Ref{Branch: prefix + "x"}).Validate(); err != nil {
		return nil, m.at(fault.Invalid("%q begins no name of a branch", prefix))
	}
	if err := m.repo.lockTurn(ctx); err != nil {
		return nil, m.at(m.interrupted(ctx, err))
	}
	defer m.repo.unlockTurn()
	// git takes it for a pattern of the whole name or of its end.
	refs, err := m.list(ctx, "refs/heads/"+prefix+"*")
	if err != nil {
		return nil, m.at(m.interrupted(ctx, m.explain(ctx, source.Ref{Branch: prefix}, err)))
	}
	out := map[string]string{}
	for name, hash := range refs {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok && strings.HasPrefix(branch, prefix) {
			out[branch] = hash
		}
	}
	return out, nil
}

// Push sends commit to a branch. The lease makes the server refuse it when the
// branch is not where the commit was made for, also when somebody took a commit back
// there: what was taken back must not return with ours. That alone would let a
// commit through that does not follow, so this is asked before.
func (m *mirror) Push(ctx context.Context, commit, branch, onto string) ([]string, error) {
	said, err := m.push(ctx, commit, branch, onto)
	if err != nil {
		err = m.at(m.interrupted(ctx, err))
	}
	m.repo.opts.Metrics.pushed(err)
	return said, err
}

func (m *mirror) push(ctx context.Context, commit, branch, onto string) ([]string, error) {
	if err := (source.Ref{Branch: branch}).Validate(); err != nil || branch == "" {
		return nil, fault.Invalid("%q is no name of a branch", branch)
	}
	if err := m.here(commit); err != nil {
		return nil, err
	}
	if err := m.repo.lockTurn(ctx); err != nil {
		return nil, err
	}
	defer m.repo.unlockTurn()
	if onto != "" {
		if err := m.follows(ctx, commit, onto); err != nil {
			return nil, err
		}
	}
	name := "refs/heads/" + branch
	var heard string
	_, err := m.remoteHeard(ctx, func(url string) []string {
		return []string{"push", "--quiet", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no", "--force-with-lease=" + name + ":" + onto, "--", url, commit + ":" + name}
	}, &heard)
	if err != nil {
		return nil, m.unpushed(err)
	}
	return remoteWords(heard, m.cred.words()), nil
}

// follows refuses a commit that is not made on top of onto.
func (m *mirror) follows(ctx context.Context, commit, onto string) error {
	if err := m.here(onto); err != nil {
		return err
	}
	_, err := m.repo.run(ctx, call{args: []string{"merge-base", "--is-ancestor", onto, commit}})
	var f *failed
	if errors.As(err, &f) {
		return fault.Invalid("commit %s does not follow after %s, and nothing is pushed by force", short(commit), short(onto)).Because(f)
	}
	return err
}

// unpushed words what the server made of a push.
func (m *mirror) unpushed(err error) error {
	var f *failed
	if !errors.As(err, &f) {
		return err
	}
	class := classOf(f.stderr)
	out := class.fault(f, m.cred.words())
	switch class {
	case classForbidden, classRefused:
		out = fault.Denied("the credential may not push to this repository").WithHint("give the user, token or key of the Secret write access").Because(f)
	case classPushRefused:
		if why := refusal(f.stderr, m.cred.words()); why != "" {
			out.What += ": " + why
		}
	}
	return out
}

// mostSaid bounds the lines of a server that are passed on.
const mostSaid = 10

// remoteWords returns what the server had to say, line by line, safe to show.
func remoteWords(stderr string, secrets []string) []string {
	var out []string
	for line := range strings.Lines(stderr) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "remote:")
		if !ok || len(out) == mostSaid {
			continue
		}
		if text = scrub(strings.TrimSpace(text), secrets); text != "" {
			out = append(out, text)
		}
	}
	return out
}

var rejected = regexp.MustCompile(`\[remote rejected\][^\n]*\(([^)\n]*)\)`)

// refusal is why a server refused a push, in its own words: those of a hook if it had
// any, or what it says of the ref.
func refusal(stderr string, secrets []string) string {
	if words := remoteWords(stderr, secrets); len(words) > 0 {
		return strings.Join(words[:min(3, len(words))], "; ")
	}
	if m := rejected.FindStringSubmatch(stderr); m != nil {
		return scrub(m[1], secrets)
	}
	return ""
}
