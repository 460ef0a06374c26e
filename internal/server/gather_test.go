package server

import (
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestStormIsGathered(t *testing.T) {
	g := newGather(nil)
	u, other := lockstep.Unit{Name: "a"}, lockstep.Unit{Name: "b"}
	start := time.Now()
	at, waits := 0, 0
	for i := range 1000 {
		switch wait := g.wait(u, start.Add(time.Duration(i)*time.Millisecond)); {
		case wait == 0:
			at++
		case wait > 0:
			waits++
			if wait > refill {
				t.Errorf("a push waits %s", wait)
			}
		}
	}
	if at != burst || waits != 1 {
		t.Errorf("1000 announcements in a second cause %d looks at once and %d later, want %d and 1", at, waits, burst)
	}
	if wait := g.wait(other, start); wait != 0 {
		t.Errorf("another Source waits %s for the storm of this one", wait)
	}
}

func TestPushesApartAreNotHeldUp(t *testing.T) {
	g := newGather(nil)
	start := time.Now()
	for i := range 20 {
		if wait := g.wait(lockstep.Unit{}, start.Add(time.Duration(i)*refill)); wait != 0 {
			t.Errorf("push %d waits %s", i, wait)
		}
	}
}
