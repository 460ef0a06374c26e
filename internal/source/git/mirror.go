package git

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
	"github.com/lockstep-dev/lockstep/internal/source/tree"
)

// mirror is one user's handle on a repo: what is on disk is shared, the
// credential and the options are his.
type mirror struct {
	store *Store
	repo  *repo
	url   giturl.URL
	spec  source.Spec
	cred  credential
	id    string
	depth int // of submodules above this one

	mu     sync.Mutex
	moved  *giturl.URL        // where the server redirects to
	subs   map[string]*mirror // submodules, by address
	closed bool
}

// Fetch asks the remote what ref is now.
func (m *mirror) Fetch(ctx context.Context, ref source.Ref) (source.Snapshot, error) {
	s, err := m.fetch(ctx, ref)
	if err != nil {
		return nil, m.at(err)
	}
	return s, nil
}

func (m *mirror) fetch(ctx context.Context, ref source.Ref) (*snapshot, error) {
	if err := ref.Validate(); err != nil {
		return nil, err
	}
	if ref.Commit != "" && m.repo.access.has(m.id, m.cred) && !m.repo.health.suspect.Load() {
		// A hash names one content for ever: what is here need not be asked for.
		s, err := m.snapshot(ref.Commit, "")
		if err == nil {
			return s, m.interrupted(ctx, m.bringSubmodules(ctx, s))
		}
		if !errors.Is(err, errMissing) {
			return nil, err
		}
	}
	key := m.id + " " + ref.FullName() + " " + ref.Semver + " " + ref.Commit
	got, err := m.repo.flights.do(ctx, key, m.store.opts.Timeout, m.repo.lockTurn, func(ctx context.Context) (fetched, error) {
		defer m.repo.unlockTurn()
		return m.ask(ctx, ref)
	})
	if err != nil {
		return nil, m.interrupted(ctx, err)
	}
	s, err := m.snapshot(got.commit, got.name)
	if err != nil {
		return nil, m.unreadable(err)
	}
	return s, m.interrupted(ctx, m.bringSubmodules(ctx, s))
}

// At returns a commit that is in the mirror.
func (m *mirror) At(_ context.Context, commit string) (source.Snapshot, error) {
	ref := source.Ref{Commit: commit}
	if err := ref.Validate(); err != nil {
		return nil, m.at(err)
	}
	notHere := fault.NotFound("commit %q is not in the mirror", commit).WithHint("fetch the source first")
	if commit == "" || !m.repo.access.has(m.id, m.cred) {
		return nil, m.at(notHere)
	}
	s, err := m.snapshot(commit, "")
	if errors.Is(err, errMissing) {
		return nil, m.at(notHere)
	}
	if err != nil {
		return nil, m.at(m.unreadable(err))
	}
	return s, nil
}

// Close releases the handle; the last one of an address lets go of the disk.
func (m *mirror) Close() error {
	m.mu.Lock()
	closed, subs := m.closed, m.subs
	m.closed, m.subs = true, nil
	// Let go of first: a fetch that Close is about to wait for may want it.
	m.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	for _, sub := range subs {
		errs = append(errs, sub.Close())
	}
	return errors.Join(append(errs, m.store.release(m.repo))...)
}

// snapshot reads what a commit is. name is a hash, or a local ref.
func (m *mirror) snapshot(hash, ref string) (*snapshot, error) {
	const most = 4 << 20 // a commit object: its message is as long as somebody likes
	c, err := m.commit(hash, most)
	if err != nil {
		return nil, err
	}
	v := &view{m: m, root: c.tree, generation: m.repo.health.generation.Load()}
	root, err := v.open(c.tree, "")
	if err != nil {
		return nil, err
	}
	return &snapshot{
		Tree: tree.New(root, c.tree),
		view: v,
		rev:  lockstep.Revision{Commit: c.hash, Ref: ref, Subject: c.subject, Author: c.author, Committed: c.committed},
	}, nil
}

func (m *mirror) commit(name string, limit int64) (commit, error) {
	// The generation is in the key, because a mirror that was cloned anew may no
	// longer hold what it did.
	key := fmt.Sprintf("commit %s %d %s", m.repo.key, m.repo.health.generation.Load(), name)
	if c, ok := m.store.cache.get(key); ok {
		m.store.opts.Metrics.remembered()
		return c.(commit), nil
	}
	o, err := m.repo.pool.read(name+"^{commit}", limit)
	if err != nil {
		return commit{}, err
	}
	c, err := parseCommit(o)
	if err != nil {
		return commit{}, err
	}
	if c.hash == name {
		m.store.cache.put(key, c, int64(len(c.subject)+len(c.author)+300))
	}
	return c, nil
}

// at says where: the address, which holds no secret.
func (m *mirror) at(err error) error { return fault.As(err).At("%s", m.url) }

// interrupted tells a time limit from a caller who went away.
func (m *mirror) interrupted(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Timeout("the server did not answer in time").
			WithHint("check that it is reachable from here; a large first clone may need a longer timeout").Because(err)
	case errors.Is(err, context.Canceled):
		return fault.Unavailable("the fetch was cut short").Because(errors.Join(err, ctx.Err()))
	}
	return err
}

// unreadable is an error that a sound mirror does not give.
func (m *mirror) unreadable(err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return err
	}
	m.repo.health.suspect.Store(true)
	return fault.Unavailable("the local mirror cannot be read").
		WithHint("it is cloned anew at the next fetch").Because(err)
}
