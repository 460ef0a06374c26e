package bench

import (
	"testing"
	"time"
)

// TestCounts holds what does not depend on how fast a machine is: requests and
// renders of a small fleet, cold, for one commit, for a heal, while nothing happens,
// and after a restart. It is part
// of the full lane; times are for the benchmarks.
func TestCounts(t *testing.T) {
	f := newField(t)
	x := f.fleet(cm, 100)
	x.requests(x.cold())
	x.onePath(10, 7)
	x.drift(10)
	x.reportIdle(x.idle(20 * time.Second))
	x.restart()
}
