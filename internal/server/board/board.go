// Package board is what the server shows of all Stacks at once: a row for each,
// kept from the events of the cache that the controllers have anyway, so that a
// list, its numbers and the map cost no request to Kubernetes and no copy of an
// object.
//
// [Board.Put] and [Board.Remove] keep it; [Board.Page] and [Board.Map] read it for
// one person and one filter; [Board.Since] says what changed after a version, which
// is what streams of events are made of. Rows are never changed once they are in:
// a reader may keep what it was given.
package board

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Sight says what somebody may see.
type Sight interface {
	Contains(lockstep.Unit) bool
}

// Board is safe for concurrent use.
type Board struct {
	// Epoch tells this Board's versions from those of another server's, or of an
	// earlier run of this one.
	Epoch string

	mu      sync.RWMutex
	version uint64
	rows    map[lockstep.Unit]*entry
	orders  map[string][]*entry // sorted, made when asked for, dropped by a change
	log     ring
	news    chan struct{} // closed by the next change
}

// New returns an empty Board.
func New() *Board {
	return &Board{
		Epoch: rand.Text()[:10], rows: map[lockstep.Unit]*entry{}, orders: map[string][]*entry{},
		log: ring{items: make([]Change, 0, ringSize)}, news: make(chan struct{}),
	}
}

// Put takes in what a Stack has become. A change that nobody would see in a list
// is news for who looks at the Stack alone.
func (b *Board) Put(s *v1alpha1.Stack) {
	e := entryOf(s)
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.rows[e.unit]
	if old != nil && e.same(old) {
		b.note(Change{Kind: KindDetail, Unit: e.unit})
		return
	}
	b.note(Change{Kind: KindStack, Unit: e.unit})
	e.row.Version = b.version
	b.rows[e.unit] = e
	clear(b.orders)
}

// Remove takes in that a Stack is gone.
func (b *Board) Remove(u lockstep.Unit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rows[u] == nil {
		return
	}
	delete(b.rows, u)
	clear(b.orders)
	b.note(Change{Kind: KindStack, Unit: u})
}

// Note takes in that a Source or Target changed.
func (b *Board) Note(k Kind, u lockstep.Unit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(Change{Kind: k, Unit: u})
}

func (b *Board) note(c Change) {
	b.version++
	c.Version = b.version
	b.log.add(c)
	close(b.news)
	b.news = make(chan struct{})
}

// Version returns the version of what the Board knows.
func (b *Board) Version() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.version
}

// Row returns the row of u.
func (b *Board) Row(u lockstep.Unit) (StackRow, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e := b.rows[u]
	if e == nil {
		return StackRow{}, false
	}
	return e.row, true
}

// Len returns how many Stacks there are.
func (b *Board) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.rows)
}

// sorted returns all entries in an order, and the version that they are of.
func (b *Board) sorted(key string) ([]*entry, uint64) {
	b.mu.RLock()
	out, version := b.orders[key], b.version
	b.mu.RUnlock()
	if out != nil {
		return out, version
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if out = b.orders[key]; out == nil {
		out = make([]*entry, 0, len(b.rows))
		for _, e := range b.rows {
			out = append(out, e)
		}
		slices.SortFunc(out, orderOf(key))
		b.orders[key] = out
	}
	return out, b.version
}

// Waiters returns the Stacks that depend on u, in order of their names.
func (b *Board) Waiters(u lockstep.Unit) []lockstep.Unit {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var out []lockstep.Unit
	for _, e := range b.rows {
		if slices.ContainsFunc(e.needs, func(n stack.Need) bool { return n.Unit == u }) {
			out = append(out, e.unit)
		}
	}
	slices.SortFunc(out, func(a, b lockstep.Unit) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// Namespaces returns those that have Stacks, in order.
func (b *Board) Namespaces() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	seen := map[string]bool{}
	for u := range b.rows {
		seen[u.Namespace] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
