package member

import (
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/shard"
)

// joined is a member that is alone and acts.
func joined(t *testing.T) *Member {
	t.Helper()
	id, err := Identify(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(id.Close)
	m := New(Options{Identity: id, Namespace: "lockstep-system"})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.r.Decide(m.now())
	rec := m.r.Write(m.now(), true)
	l := m.lease(rec, time.Now())
	l.ResourceVersion, l.UID = "1", "u"
	m.r.Wrote(rec, LeaseOf(l).Version)
	m.r.Seen(m.now(), LeaseOf(l))
	m.wall = time.Now().Add(time.Hour)
	m.look()
	return m
}

// TestLapseThatNobodySaw: the answer to a renewal came late, and for a moment this
// process might not act. Whoever asked in that moment was sent away and waits for
// Changed, so that it has to be called although all is as before.
func TestLapseThatNobodySaw(t *testing.T) {
	m := joined(t)
	m.Admit(m.Era(), nil)
	it := shard.Item{Kind: "Stack", Namespace: "shop", Name: "web"}
	_, p, ok := m.Enter(t.Context(), it)
	if !ok {
		t.Fatal("a member that is alone may not act")
	}
	p.Leave()
	<-m.changed // of joining

	renew := func(until time.Duration) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.wall = time.Now().Add(until)
	}
	renew(-time.Second)
	before := m.Era()
	if _, _, ok := m.Enter(t.Context(), it); ok {
		t.Fatal("time is up and it may act")
	}
	renew(time.Hour)
	m.mu.Lock()
	m.look() // as write does
	m.mu.Unlock()
	select {
	case <-m.changed:
	default:
		t.Error("who was sent away is never told to come back")
	}
	if m.Era() == before {
		t.Error("nobody knows that there was a time in which others may have acted")
	}
	if m.May(it) {
		t.Error("it may act on what it has not caught up with")
	}
}

// TestUnbroken: an item that went to another member and came back was another's for
// a while, whether or not anybody has looked meanwhile. A lapse takes it away from
// nobody.
func TestUnbroken(t *testing.T) {
	m := joined(t)
	it := shard.Item{Kind: "Stack", Namespace: "shop", Name: "web"}
	if m.Unbroken(it) {
		t.Error("nobody was let in to it yet")
	}
	m.Admit(m.Era(), nil)
	_, p, ok := m.Enter(t.Context(), it)
	if !ok {
		t.Fatal("a member that is alone may not act")
	}
	p.Leave()
	if !m.Unbroken(it) {
		t.Error("it was created a moment ago and is nobody else's")
	}

	lock := func(f func()) {
		m.mu.Lock()
		defer m.mu.Unlock()
		f()
		m.look()
	}
	wall := m.wall
	lock(func() { m.wall = time.Now().Add(-time.Second) })
	if !m.Wins(it) || m.Acts(it) {
		t.Error("time is up: it is this member's still, and it may not act")
	}
	lock(func() { m.wall = wall })
	if !m.Unbroken(it) {
		t.Error("a lapse takes it away, though nobody else can have acted")
	}

	// Another member holds a Lease with a view in which it wins everything.
	lock(func() {
		m.r.Seen(m.now(), shard.Lease{ID: "other", Version: "1", View: shard.NewView("other"), For: time.Hour})
	})
	if m.Wins(it) {
		t.Fatal("two members win it")
	}
	lock(func() { m.r.Gone("other") })
	if !m.Wins(it) {
		t.Fatal("nobody wins it")
	}
	if m.Unbroken(it) {
		t.Error("another member may have acted on it")
	}
	m.Admit(m.Era(), []shard.Item{it})
	if !m.Unbroken(it) {
		t.Error("it was caught up with and admitted")
	}
}
