package member

import (
	"github.com/lockstep-dev/lockstep/internal/core/shard"
)

// era is a time in which nothing changes about who acts on what. What is gained
// with a new one is not acted on before [Member.Admit]: what this process remembers
// of it is as old as the time when another replica had it.
type era struct {
	number   int
	admitted int
	// kept are the items that were admitted earlier and were never given away.
	kept map[shard.Item]bool
	// unbroken are the items that this process was let in to and that have been its
	// own ever since, by the views of all. While its time is up it is not let in, and
	// they still are: as long as its Lease is there, no other process may act on them.
	unbroken map[shard.Item]bool
	live     bool
	state    string
}

// Era is the number of the present era. It changes before Changed is called.
func (m *Member) Era() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.era.number
}

// Admit lets this process act on everything that is its own in an era, of which
// items is what there is, unless a newer era has begun.
func (m *Member) Admit(era int, items []shard.Item) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if era != m.era.number {
		return
	}
	m.era.admitted = era
	m.era.kept = make(map[shard.Item]bool, len(items))
	m.era.unbroken = make(map[shard.Item]bool, len(items))
	for _, it := range items {
		m.era.kept[it], m.era.unbroken[it] = true, true
	}
}

// Wins says whether it is this process's by the views of all, whether or not its
// time is up at the moment.
func (m *Member) Wins(it shard.Item) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.r.Acts(it)
}

// Unbroken says whether nobody else can have acted on it since this process was let
// in to it for the first time. It does not depend on who has looked in between.
func (m *Member) Unbroken(it shard.Item) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.era.unbroken[it] && m.r.Acts(it)
}

// May says whether a pass on it would be let in now.
func (m *Member) May(it shard.Item) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.admits(it) && !m.closing
}

// admits is called with the lock.
func (m *Member) admits(it shard.Item) bool {
	return m.acts(it) && (m.era.admitted == m.era.number || m.era.kept[it])
}

// look begins a new era if something is new. It is called with the lock.
func (m *Member) look() {
	if m.r.Joined() {
		select {
		case <-m.ready:
		default:
			close(m.ready)
		}
	}
	if live := m.valid(); m.era.live != live || m.era.state != m.r.Standing() {
		m.turnEra()
	}
}

// turnEra is called with the lock.
func (m *Member) turnEra() {
	m.era.number++
	m.era.live, m.era.state = m.valid(), m.r.Standing()
	for it := range m.era.kept {
		if !m.acts(it) {
			delete(m.era.kept, it)
		}
	}
	for it := range m.era.unbroken {
		if !m.r.Acts(it) {
			delete(m.era.unbroken, it)
		}
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
}
