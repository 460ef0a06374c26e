// Package fleet is what a running server knows of all Stacks at once: the
// newest Snapshot of each Source, what each Stack last came to, and who has to
// be woken when something changes.
//
// Everything here can be lost: a restart finds it again from Git, the
// Kubernetes API and the Targets. Nothing here does I/O but reading trees that
// are in the local mirror.
package fleet

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// Links says what a unit's spec names.
type Links struct {
	Sources      []lockstep.Unit // its own first
	Dependencies []lockstep.Unit
	Target       lockstep.TargetRef
	Pin          string // a commit: news of its own Source does not touch it; "" follows
	Deaf         bool   // to drift: what others change is not even looked at
}

// Memo is what a unit's last render came to, small enough to keep for every
// unit: identities and digests, no objects.
type Memo struct {
	Generation int64
	Key        string
	Commit     string // of the snapshot that the render was made from
	Revision   lockstep.Revision
	Fetched    time.Time // when that commit was brought; zero where nobody noted it
	Renderer   render.Kind
	Reads      render.Reads
	Wants      []plan.Want
	// Staged: a release of it takes several passes, for its hooks and waves.
	Staged bool
	// HookKinds are the kinds of all hooks, DeleteHooks how many of them run when
	// the unit is deleted.
	HookKinds   []lockstep.GroupKind
	DeleteHooks int
	// Err is a mistake in Git that the render stopped at: it stays until what was
	// read changes, or until Until, if that is set.
	Err   error
	Until time.Time
}

// Expired says whether it is time to look again, though nothing has changed.
func (m Memo) Expired(now time.Time) bool { return !m.Until.IsZero() && !now.Before(m.Until) }

// State says how far a unit is.
type State struct {
	// Ready: live and healthy at what its Sources say now.
	Ready bool
	// Why it is not, in a few words, for those who wait.
	Why string
}

// Fleet is safe for concurrent use.
type Fleet struct {
	wake func(lockstep.Unit)
	// needs is told what a unit of this replica has come to depend on; see [Fleet.Needs].
	needs func(Need)

	news    chan struct{} // closed by the next snapshot; nil while nobody listens
	mu      sync.Mutex
	sources map[lockstep.Unit]*origin
	units   map[lockstep.Unit]*unit
}

type origin struct {
	snapshot source.Snapshot
	err      error // why there is no newer one
	users    map[lockstep.Unit]bool
	at       func(commit string) (source.Snapshot, error)
	arrived  []arrival // newest last
}

type unit struct {
	links   Links
	memo    *Memo
	state   State
	waiters map[lockstep.Unit]bool // units that depend on this one
}

// New returns an empty Fleet that calls wake, without holding locks, for every
// unit that has something to look at.
func New(wake func(lockstep.Unit)) *Fleet {
	return &Fleet{
		wake:    wake,
		sources: map[lockstep.Unit]*origin{},
		units:   map[lockstep.Unit]*unit{},
	}
}

// Link records what u's spec names.
func (f *Fleet) Link(u lockstep.Unit, l Links) {
	f.mu.Lock()
	x := f.unit(u)
	if equalLinks(x.links, l) {
		f.mu.Unlock()
		return
	}
	if x.links.Pin != l.Pin {
		// A hold that runs out changes no spec: what was rendered speaks of another commit.
		x.memo = nil
	}
	f.unlink(u, x.links)
	x.links = l
	var need Need
	for _, s := range l.Sources {
		o := f.origin(s)
		if len(o.users) == 0 {
			need.Sources = append(need.Sources, s)
		}
		o.users[u] = true
	}
	for _, d := range l.Dependencies {
		f.unit(d).waiters[u] = true
	}
	need.Units = l.Dependencies
	f.mu.Unlock()
	f.need(need)
}

// Forget drops u and wakes those that depend on it, and those that it depended on: one
// of them may wait to be destroyed.
func (f *Fleet) Forget(u lockstep.Unit) {
	f.mu.Lock()
	x := f.units[u]
	if x == nil {
		f.mu.Unlock()
		return
	}
	f.unlink(u, x.links)
	wake := slices.Clone(x.links.Dependencies)
	x.links, x.memo, x.state = Links{}, nil, State{}
	if len(x.waiters) == 0 {
		delete(f.units, u)
	}
	wake = append(wake, slices.Collect(maps.Keys(x.waiters))...)
	f.mu.Unlock()
	f.wakeAll(wake)
}

// Publish makes snap the newest of src and wakes every unit whose content it
// changes. at finds older commits in the same mirror. It returns how many units
// use the Source and how many of them the commit touches.
//
// A unit is touched when what its last render really read is not the same in
// snap; finding that out costs a map lookup per unit and one read per changed
// tree, not a render.
func (f *Fleet) Publish(src lockstep.Unit, snap source.Snapshot, at func(string) (source.Snapshot, error)) (users, touched int) {
	f.mu.Lock()
	o := f.origin(src)
	first := o.snapshot == nil
	moved := first || o.snapshot.Revision().Commit != snap.Revision().Commit
	healed := o.err != nil
	o.snapshot, o.at, o.err = snap, at, nil
	var wake []lockstep.Unit
	with := comparisons{}
	for u := range o.users {
		x := f.units[u]
		if !first && !healed && !moved || x.links.Pin != "" && x.memo != nil && !healed {
			continue
		}
		// While there was no snapshot, passes ended without one and rely on the next.
		if !first && f.untouched(x, with) {
			x.memo.Commit = f.commitOf(x)
			continue
		}
		// Not ready from this moment on, so that nobody who depends on it goes
		// ahead on the strength of the commit before.
		x.state = State{Why: "a newer commit is on its way"}
		wake = append(wake, u)
	}
	users = len(o.users)
	f.announce()
	f.mu.Unlock()
	f.wakeAll(wake)
	return users, len(wake)
}

// Fail records why src has no newer snapshot. Units that have one already keep
// it; the others are woken to say so.
func (f *Fleet) Fail(src lockstep.Unit, err error) {
	f.mu.Lock()
	o := f.origin(src)
	news := o.err == nil || o.err.Error() != err.Error()
	o.err = err
	var wake []lockstep.Unit
	if news && o.snapshot == nil {
		wake = slices.Collect(maps.Keys(o.users))
	}
	f.mu.Unlock()
	f.wakeAll(wake)
}

// Remove drops a Source that was deleted.
func (f *Fleet) Remove(src lockstep.Unit) {
	f.mu.Lock()
	o := f.origin(src)
	o.snapshot, o.at = nil, nil
	o.err = nil
	wake := slices.Collect(maps.Keys(o.users))
	f.mu.Unlock()
	f.wakeAll(wake)
}

// Snapshot returns the newest snapshot of src, or the one of commit. A Source
// that was not looked at yet is KindWaiting; one that failed before it ever
// succeeded is its fault.
func (f *Fleet) Snapshot(src lockstep.Unit, commit string) (source.Snapshot, error) {
	f.mu.Lock()
	o := f.origin(src)
	snap, err, at := o.snapshot, o.err, o.at
	f.mu.Unlock()
	switch {
	case snap == nil && err != nil:
		inner := fault.As(err)
		return nil, fault.New(inner.Kind, "source %q is not ready: %s", src, inner.What).WithHint("%s", inner.Hint).Because(err)
	case snap == nil:
		return nil, fault.Waiting("source %q has not been fetched yet", src)
	case commit == "" || commit == snap.Revision().Commit:
		return snap, nil
	}
	return at(commit)
}

// Memo returns what u last came to, if that still holds: same spec, and nothing
// that its render read has changed since.
func (f *Fleet) Memo(u lockstep.Unit, generation int64) (Memo, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.units[u]
	if x == nil || x.memo == nil || x.memo.Generation != generation || !f.untouched(x, nil) {
		return Memo{}, false
	}
	x.memo.Commit = f.commitOf(x)
	return *x.memo, true
}

// Remember keeps m for u.
func (f *Fleet) Remember(u lockstep.Unit, m Memo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unit(u).memo = &m
}

// Invalidate makes u render anew: something that is not in a tree changed, a
// Secret for instance.
func (f *Fleet) Invalidate(u lockstep.Unit) {
	f.mu.Lock()
	if x := f.units[u]; x != nil {
		x.memo = nil
	}
	f.mu.Unlock()
	f.wake(u)
}

// Stale says whether what m was rendered from has changed for u since: a pass
// that sees it stops at the next safe point.
func (f *Fleet) Stale(u lockstep.Unit) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.units[u]
	return x != nil && x.memo != nil && !f.untouched(x, nil)
}

// Set records how far u is and wakes those that depend on it when that matters
// to them.
func (f *Fleet) Set(u lockstep.Unit, s State) {
	f.mu.Lock()
	x := f.unit(u)
	news := x.state != s
	x.state = s
	var wake []lockstep.Unit
	if news {
		wake = slices.Collect(maps.Keys(x.waiters))
	}
	f.mu.Unlock()
	f.wakeAll(wake)
}

// Blocker returns the first dependency of u that is not ready, and why.
func (f *Fleet) Blocker(u lockstep.Unit) (lockstep.Unit, string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.unit(u).links.Dependencies {
		x := f.units[d]
		if x == nil || x.links.Sources == nil {
			return d, "which does not exist", true
		}
		if x.state == (State{}) {
			return d, "which has not been looked at yet", true
		}
		if !x.state.Ready {
			return d, x.state.Why, true
		}
	}
	return lockstep.Unit{}, "", false
}

// Cycle returns the ring of dependencies that u is part of, if any.
func (f *Fleet) Cycle(u lockstep.Unit) []lockstep.Unit {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.unit(u).links.Dependencies) == 0 {
		return nil
	}
	edges := graph.Edges{}
	for name, x := range f.units {
		if len(x.links.Dependencies) > 0 {
			edges[name] = x.links.Dependencies
		}
	}
	return graph.Cycle(edges, u)
}

// Deaf says whether drift is nothing to u.
func (f *Fleet) Deaf(u lockstep.Unit) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.units[u]
	return x != nil && x.links.Deaf
}

// On returns the units that run on a Target.
func (f *Fleet) On(t lockstep.TargetRef) []lockstep.Unit {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []lockstep.Unit
	for u, x := range f.units {
		if x.links.Sources != nil && x.links.Target == t {
			out = append(out, u)
		}
	}
	return out
}

// Dependent returns a unit that depends on u and is still there, the first by name.
func (f *Fleet) Dependent(u lockstep.Unit) (lockstep.Unit, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.units[u]
	if x == nil || len(x.waiters) == 0 {
		return lockstep.Unit{}, false
	}
	return slices.MinFunc(slices.Collect(maps.Keys(x.waiters)), graph.Compare), true
}

func (f *Fleet) unit(u lockstep.Unit) *unit {
	x := f.units[u]
	if x == nil {
		x = &unit{waiters: map[lockstep.Unit]bool{}}
		f.units[u] = x
	}
	return x
}

func (f *Fleet) origin(s lockstep.Unit) *origin {
	o := f.sources[s]
	if o == nil {
		o = &origin{users: map[lockstep.Unit]bool{}}
		f.sources[s] = o
	}
	return o
}

func (f *Fleet) unlink(u lockstep.Unit, l Links) {
	for _, s := range l.Sources {
		delete(f.origin(s).users, u)
	}
	for _, d := range l.Dependencies {
		if x := f.units[d]; x != nil {
			delete(x.waiters, u)
		}
	}
}

// comparisons are with the newest snapshots of Sources, for looking at many units
// while no other comes; nil is for looking at one.
type comparisons map[lockstep.Unit]*render.Comparison

func (c comparisons) same(r render.Reads, of lockstep.Unit, own source.Snapshot, trees map[string]lockstep.Tree) bool {
	if c == nil {
		return r.Same(own, trees)
	}
	if c[of] == nil {
		c[of] = render.Compare(own)
	}
	return c[of].Same(r, trees)
}

// untouched says whether everything that x's last render read is what the
// newest snapshots hold.
func (f *Fleet) untouched(x *unit, with comparisons) bool {
	if x.memo == nil || len(x.links.Sources) == 0 {
		return false
	}
	if x.links.Pin != "" {
		return true
	}
	own := f.origin(x.links.Sources[0]).snapshot
	if own == nil {
		return false
	}
	if len(x.links.Sources) == 1 && own.Revision().Commit == x.memo.Commit {
		return true
	}
	trees := make(map[string]lockstep.Tree, len(x.links.Sources)-1)
	for _, s := range x.links.Sources[1:] {
		snap := f.origin(s).snapshot
		if snap == nil {
			return false
		}
		trees[s.String()] = snap
	}
	return with.same(x.memo.Reads, x.links.Sources[0], own, trees)
}

func (f *Fleet) commitOf(x *unit) string {
	if x.links.Pin != "" {
		return x.memo.Commit
	}
	if own := f.origin(x.links.Sources[0]).snapshot; own != nil {
		return own.Revision().Commit
	}
	return x.memo.Commit
}

func (f *Fleet) wakeAll(us []lockstep.Unit) {
	slices.SortFunc(us, graph.Compare)
	for _, u := range us {
		f.wake(u)
	}
}

func equalLinks(a, b Links) bool {
	return (a.Sources == nil) == (b.Sources == nil) && a.Target == b.Target && a.Pin == b.Pin && a.Deaf == b.Deaf &&
		slices.Equal(a.Sources, b.Sources) && slices.Equal(a.Dependencies, b.Dependencies)
}
