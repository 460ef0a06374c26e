package fleet

import (
	"fmt"
	"testing"
	"time"
)

func TestWhenACommitArrived(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	t.Run("First", func(t *testing.T) {
		s := newScene(t)
		s.Arrived(src, "c1", "c1", in(0))
		if got := s.Fetched(src, "c1"); !got.IsZero() {
			t.Errorf("what was on record before this process began came at %v, which nobody can know", got)
		}
		s.Arrived(src, "c2", "c1", in(1))
		if got := s.Fetched(src, "c2"); !got.Equal(in(1)) {
			t.Errorf("what was pushed while no server ran came at %v", got)
		}
	})
	s := newScene(t)
	s.Publish(src, commit("c1", nil), at)
	s.Arrived(src, "c1", "", in(2))
	if got := s.Fetched(src, "c1"); !got.IsZero() {
		t.Errorf("looking again is no arrival, also while the status is behind: %v", got)
	}
	s.Arrived(src, "c2", "c2", in(3))
	s.Publish(src, commit("c2", nil), at)
	if got := s.Fetched(src, "c2"); !got.Equal(in(3)) {
		t.Errorf("a replica that follows another knows when it fetched: %v", got)
	}
	for i := range 3 * arrivals {
		c := fmt.Sprintf("d%d", i)
		s.Arrived(src, c, "", in(10+i))
		s.Publish(src, commit(c, nil), at)
	}
	if n := len(s.sources[src].arrived); n != arrivals {
		t.Errorf("%d arrivals are remembered, want %d", n, arrivals)
	}
	if got := s.Fetched(src, fmt.Sprintf("d%d", 3*arrivals-2)); !got.Equal(in(10 + 3*arrivals - 2)) {
		t.Errorf("a pass may still be at the commit before: %v", got)
	}
	if got := s.Fetched(stackNamed("none"), "c"); !got.IsZero() {
		t.Errorf("of an unknown Source: %v", got)
	}
}
