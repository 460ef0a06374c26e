package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

// fetched is what the remote had under a name.
type fetched struct {
	commit string
	name   string // full ref name; "" for a pinned commit
}

// ask finds out what ref is at the remote and brings it. The caller has the
// turn.
func (m *mirror) ask(ctx context.Context, ref source.Ref) (fetched, error) {
	if m.repo.health.suspect.Load() {
		if err := m.repo.renew("sha1"); err != nil {
			return fetched{}, diskFault(err)
		}
	}
	got, err := m.askOnce(ctx, ref)
	if err == nil || ctx.Err() != nil {
		return got, err
	}
	again, prepErr := m.prepareRetry(ctx, err)
	if prepErr != nil {
		return fetched{}, prepErr
	}
	if again {
		got, err = m.askOnce(ctx, ref)
	}
	return got, m.explain(ctx, ref, err)
}

func (m *mirror) askOnce(ctx context.Context, ref source.Ref) (fetched, error) {
	if ref.Commit != "" {
		return m.askCommit(ctx, ref.Commit)
	}
	name := ref.FullName()
	if ref.Semver != "" {
		tag, have, err := m.newest(ctx, ref.Semver)
		if err != nil {
			return fetched{}, err
		}
		if have {
			return m.local(tag)
		}
		name = tag
	}
	if err := m.fetchRefs(ctx, "+"+name+":"+localRef(name)); err != nil {
		return fetched{}, err
	}
	return m.local(name)
}

// local reads what the mirror has under a remote's name.
func (m *mirror) local(name string) (fetched, error) {
	c, err := m.commit(localRef(name), 4<<20)
	if errors.Is(err, errMissing) {
		return fetched{}, fault.Invalid("%q does not lead to a commit", name)
	}
	if err != nil {
		return fetched{}, m.unreadable(err)
	}
	m.repo.noteTip(name, c.hash)
	return fetched{commit: c.hash, name: name}, nil
}

// localRef is where the mirror keeps a remote's ref. It is a digest, because
// refs are files: with the names themselves, "release" of yesterday would stand
// in the way of today's "release/1", and a disk that ignores case would mix up
// two branches.
func localRef(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "refs/lockstep/" + hex.EncodeToString(sum[:20])
}

// askCommit brings one commit by its hash; a server that gives out only what it
// advertises is asked for all of that.
func (m *mirror) askCommit(ctx context.Context, hash string) (fetched, error) {
	if !m.repo.access.has(m.id, m.cred) {
		// git does not go to the remote for a hash that is here, whoever brought it;
		// this credential has to be seen there first.
		if _, err := m.list(ctx, "HEAD"); err != nil {
			return fetched{}, err
		}
	}
	err := m.fetchRefs(ctx, "+"+hash+":"+localRef(hash))
	var f *failed
	if errors.As(err, &f) && classOf(f.stderr) == classUnadvertised {
		err = m.fetchRefs(ctx, "--prune", "+refs/heads/*:refs/lockstep-all/heads/*", "+refs/tags/*:refs/lockstep-all/tags/*")
	}
	if err != nil {
		return fetched{}, err
	}
	c, err := m.commit(hash, 4<<20)
	if errors.Is(err, errMissing) {
		return fetched{}, fault.NotFound("commit %q is on no branch or tag of the remote", hash)
	}
	if err != nil {
		return fetched{}, m.unreadable(err)
	}
	return fetched{commit: c.hash}, nil
}

// fetchRefs is one process and, when nothing is new, two requests. Options
// come before the refspecs.
func (m *mirror) fetchRefs(ctx context.Context, specs ...string) error {
	args := []string{
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--no-recurse-submodules", "--no-show-forced-updates",
	}
	if specs[0] == "--prune" {
		args, specs = append(args, specs[0]), specs[1:]
	}
	_, err := m.remote(ctx, func(url string) []string { return append(append(args, "--", url), specs...) })
	return err
}

// list asks the remote for its refs that match the patterns: name → hash.
func (m *mirror) list(ctx context.Context, patterns ...string) (map[string]string, error) {
	out, err := m.remote(ctx, func(url string) []string {
		return append([]string{"ls-remote", "--quiet", "--refs", "--", url}, patterns...)
	})
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if hash, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			refs[name] = hash
		}
	}
	return refs, nil
}

// remote runs a git that talks to the remote, with the credential at hand.
func (m *mirror) remote(ctx context.Context, args func(url string) []string) ([]byte, error) {
	return m.remoteHeard(ctx, args, nil)
}

// remoteHeard is remote for whoever wants to know what was said though it went well.
func (m *mirror) remoteHeard(ctx context.Context, args func(url string) []string, heard *string) ([]byte, error) {
	u := m.address()
	c, done, err := m.cred.handOver(u, m.repo.tmp())
	if err != nil {
		return nil, err
	}
	defer done()
	c.args, c.writes, c.heard = args(u.String()), true, heard
	out, err := m.repo.run(ctx, c)
	if err == nil {
		m.repo.access.prove(m.id, m.cred)
	}
	return out, err
}

// address is where the remote is, after a redirect that was found to be safe.
func (m *mirror) address() giturl.URL {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.moved != nil {
		return *m.moved
	}
	return m.url
}

// newest returns the tag of the highest version in a range, and whether the
// mirror has it as it is at the remote.
func (m *mirror) newest(ctx context.Context, constraint string) (name string, have bool, err error) {
	want, err := semver.NewConstraint(constraint)
	if err != nil {
		return "", false, fault.Invalid("semver range %q cannot be read", constraint).
			WithHint("a range looks like \">=1.2.0 <2.0.0\", \"~1.2\" or \"1.x\"").Because(err)
	}
	tags, err := m.list(ctx, "refs/tags/*")
	if err != nil {
		return "", false, err
	}
	all := versions(tags)
	for _, v := range all {
		if want.Check(v.version) {
			o, err := m.repo.pool.do(func(r *reader) (object, error) { return r.ask("info", localRef(v.ref)) })
			return v.ref, err == nil && o.hash == tags[v.ref], nil
		}
	}
	f := fault.NotFound("no tag is in the range %q", constraint)
	if len(all) == 0 {
		return "", false, f.WithHint("the remote has no tag that is a version")
	}
	return "", false, f.WithHint("the newest version is %s; pre-releases need a range that names one, such as \">=1.0.0-0\"", strings.TrimPrefix(all[0].ref, "refs/tags/"))
}

type versioned struct {
	version *semver.Version
	ref     string
}

// versions returns the tags that are versions, highest first. Two tags of one
// version (v1.0.0 and 1.0.0) keep one order always.
func versions(tags map[string]string) []versioned {
	var out []versioned
	for ref := range tags {
		if v, err := semver.NewVersion(strings.TrimPrefix(ref, "refs/tags/")); err == nil {
			out = append(out, versioned{v, ref})
		}
	}
	slices.SortFunc(out, func(a, b versioned) int {
		if c := b.version.Compare(a.version); c != 0 {
			return c
		}
		return strings.Compare(b.ref, a.ref)
	})
	return out
}

// explain turns a failure into what the user should read.
func (m *mirror) explain(ctx context.Context, ref source.Ref, err error) error {
	var f *failed
	if !errors.As(err, &f) {
		return err
	}
	class := classOf(f.stderr)
	if class == classNoRef {
		return m.noSuchRef(ctx, ref)
	}
	if class == classRefused || class == classForbidden {
		m.repo.access.forget(m.id, m.cred)
	}
	return class.fault(f, m.cred.words())
}

// noSuchRef says which names come closest, at the price of one more request.
func (m *mirror) noSuchRef(ctx context.Context, ref source.Ref) error {
	name := ref.FullName()
	kind, short, prefix := "ref", name, "refs/*"
	switch {
	case ref.Commit != "":
		return fault.NotFound("the remote has no commit %q", ref.Commit).WithHint("it may have been force-pushed away")
	case strings.HasPrefix(name, "refs/heads/"):
		kind, short, prefix = "branch", strings.TrimPrefix(name, "refs/heads/"), "refs/heads/*"
	case strings.HasPrefix(name, "refs/tags/"):
		kind, short, prefix = "tag", strings.TrimPrefix(name, "refs/tags/"), "refs/tags/*"
	}
	f := fault.NotFound("the remote has no %s %q", kind, short)
	refs, err := m.list(ctx, prefix)
	if err != nil {
		return f
	}
	var names []string
	for r := range refs {
		names = append(names, strings.TrimPrefix(r, strings.TrimSuffix(prefix, "*")))
	}
	slices.Sort(names)
	if len(names) == 0 {
		return f.WithHint("it has no %s at all", kind)
	}
	return f.WithHint("closest: %s", strings.Join(fault.Nearest(short, names, 3), ", "))
}
