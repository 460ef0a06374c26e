package fleet

import (
	"maps"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Need is what a unit has begun to look at. Where other replicas keep it, somebody
// has to see that it is known here as well.
type Need struct {
	Sources []lockstep.Unit // that nobody here used before
	Units   []lockstep.Unit // that are depended on
}

// Needs has tell called, without locks, with what units begin to need. It is for
// whoever wires the parts, before anything runs.
func (f *Fleet) Needs(tell func(Need)) { f.needs = tell }

func (f *Fleet) need(n Need) {
	if f.needs != nil && len(n.Sources)+len(n.Units) > 0 {
		f.needs(n)
	}
}

// LinkAfar records that u exists, is another replica's, and what it waits for. No
// Source is used for it here and no commit wakes it.
func (f *Fleet) LinkAfar(u lockstep.Unit, dependencies []lockstep.Unit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.unit(u)
	next := Links{Sources: []lockstep.Unit{}, Dependencies: dependencies}
	x.memo, x.state = nil, State{}
	if equalLinks(x.links, next) {
		return
	}
	f.unlink(u, x.links)
	x.links = next
	for _, d := range dependencies {
		f.unit(d).waiters[u] = true
	}
}

// Waiters returns the units that depend on u.
func (f *Fleet) Waiters(u lockstep.Unit) []lockstep.Unit {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.units[u]
	if x == nil {
		return nil
	}
	return slices.SortedFunc(maps.Keys(x.waiters), graph.Compare)
}

// Awaited returns the units that others depend on.
func (f *Fleet) Awaited() []lockstep.Unit {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []lockstep.Unit
	for u, x := range f.units {
		if len(x.waiters) > 0 {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, graph.Compare)
	return out
}

// Uses says whether a unit of this replica reads src.
func (f *Fleet) Uses(src lockstep.Unit) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.sources[src]
	return o != nil && len(o.users) > 0
}

// Newest returns the newest commit of src that is known here, "" for none.
func (f *Fleet) Newest(src lockstep.Unit) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.sources[src]
	if o == nil || o.snapshot == nil {
		return ""
	}
	return o.snapshot.Revision().Commit
}

// Distrust drops what is known of src: it may be older than what another replica
// went by. err says why there is nothing newer.
func (f *Fleet) Distrust(src lockstep.Unit, err error) {
	f.mu.Lock()
	o := f.origin(src)
	o.snapshot, o.at, o.err = nil, nil, err
	wake := slices.Collect(maps.Keys(o.users))
	f.mu.Unlock()
	f.wakeAll(wake)
}
