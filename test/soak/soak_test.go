package soak

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/test/cluster"
)

var (
	length = flag.Duration("soak.for", 30*time.Second, "how long the soak goes on")
	seed   = flag.Uint64("soak.seed", 0, "repeats the operations of an earlier run; 0 for new ones")
	stacks = flag.Int("soak.stacks", 24, "how many Stacks there are")
	count  = flag.Int("soak.replicas", 1, "how many servers share them")
)

func TestMain(m *testing.M) { cluster.Main(m) }

// TestSoak is the soak.
func TestSoak(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d", *seed)
	s := newScene(t, rand.New(rand.NewPCG(*seed, 1)))
	s.rest("at the start")
	first := s.footprint()
	for end := time.Now().Add(*length); time.Now().Before(end); {
		s.round++
		s.trouble(time.Now().Add(s.between(4*time.Second, 15*time.Second)))
		s.rest(fmt.Sprintf("round %d", s.round))
	}
	last := s.footprint()
	t.Logf("%d rounds, %d operations %v; %s at first, %s at last", s.round, s.total(), s.done, first, last)
	// What a process gathers while faults go on it must give back when they are
	// over. A process that was restarted in between starts from less, which only
	// makes this easier to hold, so it is a bound on leaks and not a measurement.
	if last.goroutines > 2*first.goroutines+100 {
		t.Errorf("goroutines grow: %d at first, %d at last", first.goroutines, last.goroutines)
	}
}
