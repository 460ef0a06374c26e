package driver_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestThousand puts a thousand units of one object each on one cluster, takes
// them over by a second connection as a restart would, and bounds what both
// cost in requests. Times are logged: they depend on the machine.
func TestThousand(t *testing.T) {
	const n = 1000
	p := newPlace(t)
	x := connect(t, p)
	object := func(i int) (lockstep.Unit, lockstep.Object) {
		o := p.object(t, settings)
		o.Tree["metadata"].(map[string]any)["name"] = fmt.Sprintf("app-%04d", i)
		o.Tree["data"] = map[string]any{"text": strings.Repeat("x", 1900), "rev": "1", "app": fmt.Sprint(i)}
		return lockstep.Unit{Namespace: p.namespace, Name: fmt.Sprintf("app-%04d", i)}, o
	}
	each := func(f func(lockstep.Unit, lockstep.Object)) time.Duration {
		start := time.Now()
		work := make(chan int)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for i := range work {
					f(object(i))
				}
			})
		}
		for i := range n {
			work <- i
		}
		close(work)
		wg.Wait()
		return time.Since(start)
	}
	look := func(x *target) func(lockstep.Unit, lockstep.Object) {
		return func(u lockstep.Unit, o lockstep.Object) {
			live, err := x.Observe(t.Context(), driver.Query{Unit: u, Desired: []lockstep.Object{o}})
			if err != nil || len(live.Objects) != 1 || len(live.Objects[0].Drift) != 0 {
				t.Errorf("%s: %+v, %v", u, live, err)
			}
		}
	}
	t.Logf("applied in %s", each(func(u lockstep.Unit, o lockstep.Object) {
		if out := x.send(driver.Actor{Unit: u}, stepFor(lockstep.Create, o)); out.Result != lockstep.Done {
			t.Errorf("%s: %v", u, out.Err)
		}
	}))
	if got := x.calls.take()["PATCH configmaps"]; got != n {
		t.Errorf("%d PATCHes for %d objects", got, n)
	}
	t.Logf("observed in %s", each(look(x)))
	x.Close()

	y := connect(t, p)
	t.Logf("known again after a restart in %s", each(look(y)))
	calls := y.calls.take()
	if total := sum(calls); total > 4 {
		t.Errorf("a restart over %d units made %d requests: %v", n, total, calls)
	}
	for c := range x.news {
		if c.Unit.Namespace == p.namespace { // others belong to tests that clean up
			t.Errorf("told of our own write to %s", c.Key)
		}
	}
}

func sum(m map[string]int) int {
	total := 0
	for _, n := range m {
		total += n
	}
	return total
}
