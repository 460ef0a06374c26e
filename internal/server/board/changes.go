package board

import "github.com/lockstep-dev/lockstep/internal/lockstep"

// Kind says what a Change is about.
type Kind uint8

// The kinds of changes.
const (
	KindStack  Kind = iota // the row of a Stack, or that it is gone
	KindDetail             // a Stack, and nothing that its row shows
	KindSource
	KindTarget
)

// Change is one thing that is not as it was.
type Change struct {
	Version uint64
	Kind    Kind
	Unit    lockstep.Unit
}

// ringSize is how many changes are remembered. Who is further behind starts over,
// which is cheaper for both than so many events.
const ringSize = 4096

type ring struct {
	items []Change // at most ringSize; the oldest is at start
	start int
}

func (r *ring) add(c Change) {
	if len(r.items) < ringSize {
		r.items = append(r.items, c)
		return
	}
	r.items[r.start] = c
	r.start = (r.start + 1) % ringSize
}

func (r *ring) at(i int) Change { return r.items[(r.start+i)%len(r.items)] }

// News is what changed after a version: each thing once, the latest change of it.
type News struct {
	Version uint64
	Changes []Change
	// Lost: the changes go back further than is remembered; start over.
	Lost bool
}

// Since returns what changed after version, and a channel that is closed by the
// next change. A client needs no queue of its own: what it has not read yet is here,
// once for all clients.
func (b *Board) Since(version uint64) (News, <-chan struct{}) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := News{Version: b.version}
	n := len(b.log.items)
	missed := int(b.version - version)
	if version > b.version || missed > n {
		out.Lost = true
		return out, b.news
	}
	type thing struct {
		kind Kind
		unit lockstep.Unit
	}
	// A client that is far behind hears of a busy Stack once.
	seen := make(map[thing]int, missed)
	for i := n - missed; i < n; i++ {
		c := b.log.at(i)
		key := thing{c.Kind, c.Unit}
		if at, ok := seen[key]; ok {
			out.Changes[at].Version = c.Version
			continue
		}
		seen[key] = len(out.Changes)
		out.Changes = append(out.Changes, c)
	}
	return out, b.news
}
