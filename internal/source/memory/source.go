// Package memory is a Source that lives in memory.
//
// It is the first implementation to pass sourcetest, and what tests of other
// packages use when they need commits and do not care about git. A commit is a
// map of files; its tree hashes are those that git would give.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// Source is one remote repository and the Opener of it. The zero value is not
// usable; see [New].
type Source struct {
	url string

	mu      sync.Mutex
	refs    map[string]string // full name → commit
	commits map[string]snapshot
	fetched map[string]bool // what mirrors have been given
	fetches int
	fail    error
}

// New returns an empty repository at memory://name.
func New(name string) *Source {
	return &Source{
		url:     "memory://" + name,
		refs:    map[string]string{},
		commits: map[string]snapshot{},
		fetched: map[string]bool{},
	}
}

// Spec is what opens this Source.
func (s *Source) Spec() source.Spec { return source.Spec{URL: s.url} }

// Opener returns s itself.
func (s *Source) Opener() source.Opener { return s }

// Commit puts a commit with exactly these files on branch and returns its hash.
func (s *Source) Commit(branch string, files map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref := "refs/heads/" + branch
	t := newDir(files)
	subject := fmt.Sprintf("commit %d", len(s.commits)+1)
	id := hash("commit", fmt.Sprintf("tree %s\nparent %s\n\n%s\n", t.hash, s.refs[ref], subject))
	s.commits[id] = snapshot{
		Tree: NewTree(files),
		rev:  lockstep.Revision{Commit: id, Subject: subject, Author: "Test <test@example.com>"},
	}
	s.refs[ref] = id
	return id
}

// Tag points a tag at a commit, moving it if it exists.
func (s *Source) Tag(name, commit string) { s.point("refs/tags/"+name, commit) }

// ForcePush points a branch at a commit, whatever it was at.
func (s *Source) ForcePush(branch, commit string) { s.point("refs/heads/"+branch, commit) }

// SetRef points any full ref name at a commit.
func (s *Source) SetRef(name, commit string) { s.point(name, commit) }

// DeleteBranch removes a branch.
func (s *Source) DeleteBranch(branch string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refs, "refs/heads/"+branch)
}

// Fail makes every Fetch return err until it is called with nil.
func (s *Source) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Fetches counts the Fetches so far.
func (s *Source) Fetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func (s *Source) point(ref, commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs[ref] = commit
}

// Open returns the mirror; any URL but this Source's own is not found.
func (s *Source) Open(_ context.Context, spec source.Spec) (source.Mirror, error) {
	if spec.URL != s.url {
		return nil, fault.Invalid("url %q is not %q", spec.URL, s.url)
	}
	return mirror{s}, nil
}

type mirror struct{ s *Source }

// Close does nothing.
func (m mirror) Close() error { return nil }

// At returns a commit that has been fetched before.
func (m mirror) At(_ context.Context, commit string) (source.Snapshot, error) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if !m.s.fetched[commit] {
		return nil, fault.NotFound("commit %q is not in the mirror", commit)
	}
	return m.s.commits[commit], nil
}

// Fetch resolves ref.
func (m mirror) Fetch(ctx context.Context, ref source.Ref) (source.Snapshot, error) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fault.Timeout("fetching %q was cut short", m.s.url).Because(err)
	}
	m.s.fetches++
	if m.s.fail != nil {
		return nil, m.s.fail
	}
	name, err := m.s.name(ref)
	if err != nil {
		return nil, err
	}
	commit := ref.Commit
	if name != "" {
		commit = m.s.refs[name]
	}
	snap, ok := m.s.commits[commit]
	if !ok {
		return nil, m.s.notFound(cmp.Or(name, ref.Commit))
	}
	m.s.fetched[commit] = true
	snap.rev.Ref = name
	return snap, nil
}

// name turns ref into a full ref name; "" for a commit.
func (s *Source) name(ref source.Ref) (string, error) {
	if err := ref.Validate(); err != nil {
		return "", err
	}
	switch {
	case ref.Commit != "":
		return "", nil
	case ref.Semver != "":
		return s.newest(ref.Semver)
	}
	return ref.FullName(), nil
}

func (s *Source) newest(constraint string) (string, error) {
	want, err := semver.NewConstraint(constraint)
	if err != nil {
		return "", fault.Invalid("semver range %q cannot be read", constraint).Because(err)
	}
	var best *semver.Version
	name := ""
	for _, ref := range slices.Sorted(maps.Keys(s.refs)) {
		tag, ok := strings.CutPrefix(ref, "refs/tags/")
		if !ok {
			continue
		}
		v, err := semver.NewVersion(tag)
		if err != nil || !want.Check(v) {
			continue
		}
		if best == nil || v.GreaterThan(best) {
			best, name = v, ref
		}
	}
	if best == nil {
		return "", fault.NotFound("no tag of %q matches %q", s.url, constraint)
	}
	return name, nil
}

func (s *Source) notFound(name string) error {
	names := slices.Sorted(maps.Keys(s.refs))
	return fault.NotFound("%q has no %q", s.url, name).WithHint("it has: %s", strings.Join(names, ", "))
}

type snapshot struct {
	lockstep.Tree
	rev lockstep.Revision
}

// Revision says which commit this is.
func (s snapshot) Revision() lockstep.Revision { return s.rev }
