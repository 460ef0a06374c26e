package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type bench struct {
	*Manager
	mu    sync.Mutex
	woken []lockstep.Unit
	begun []string
}

func newBench(l Limits) *bench {
	b := &bench{}
	b.Manager = New(l, func(u lockstep.Unit) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.woken = append(b.woken, u)
	})
	return b
}

func (b *bench) job(ns, name, group string, release <-chan struct{}) Job {
	return Job{Unit: lockstep.Unit{Namespace: ns, Name: name}, ID: name, Intent: "plan", Group: group, Do: func(ctx context.Context, tell func(driver.Event)) (Result, error) {
		b.mu.Lock()
		b.begun = append(b.begun, ns+"/"+name)
		b.mu.Unlock()
		tell(driver.Event{Phase: "plan", Message: "hello"})
		select {
		case <-release:
			return Result{Applied: driver.Applied{Resources: 3}}, nil
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}}
}

func (b *bench) started() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.begun)
}

// TestOneAtATime: a unit has one run; starting the same again is no second one.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, release := newBench(Limits{All: 5}), make(chan struct{})
		j := b.job("a", "x", "", release)
		other := j
		other.ID = "y"
		for range 2 {
			if !b.Start(j) {
				t.Error("the same run was refused")
			}
		}
		if b.Start(other) {
			t.Error("a second run was begun")
		}
		synctest.Wait()
		if r, ok := b.Find(j.Unit); !ok || r.State != Running || r.Last.Message != "hello" {
			t.Errorf("the run is %+v", r)
		}
		close(release)
		synctest.Wait()
		r, _ := b.Find(j.Unit)
		if r.State != Ended || r.Err != nil || r.Result.Applied.Resources != 3 || len(b.woken) != 1 {
			t.Errorf("the run ended as %+v, woke %v", r, b.woken)
		}
		if len(b.started()) != 1 {
			t.Errorf("%v were begun", b.begun)
		}
		b.Drop(j.Unit, "x")
		if _, ok := b.Find(j.Unit); ok {
			t.Error("it is still known")
		}
	})
}

// TestFair: a namespace with many runs does not hold up another, and a group that is
// full does not hold up anybody.
func TestFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, release := newBench(Limits{All: 2, PerGroup: 1}), make(chan struct{})
		for i := range 5 {
			b.Start(b.job("big", fmt.Sprint(i), "aws", release))
		}
		b.Start(b.job("big", "free", "", release))
		b.Start(b.job("small", "one", "", release))
		synctest.Wait()
		// The two begin at once.
		if got, want := slices.Sorted(slices.Values(b.started())), []string{"big/0", "big/free"}; !slices.Equal(got, want) {
			t.Errorf("begun %v, want %v: the second of a full group waits", got, want)
		}
		release <- struct{}{}
		synctest.Wait()
		if got := b.started(); len(got) != 3 || got[2] != "small/one" {
			t.Errorf("begun %v, want small/one third: its namespace has none", got)
		}
		close(release)
		synctest.Wait()
		if got := b.started(); len(got) != 7 {
			t.Errorf("begun %v, want all 7", got)
		}
	})
}

// TestCancel: one that is queued ends at once, one that runs when it lets go.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Limits{All: 1})
		first, second := b.job("a", "x", "", nil), b.job("a", "y", "", nil)
		b.Start(first)
		b.Start(second)
		synctest.Wait()
		why := errors.New("a newer commit")
		b.Cancel(second.Unit, why)
		if r, _ := b.Find(second.Unit); r.State != Ended || !errors.Is(r.Err, why) || !r.Canceled {
			t.Errorf("the queued one is %+v", r)
		}
		b.Cancel(first.Unit, why)
		synctest.Wait()
		if r, _ := b.Find(first.Unit); r.State != Ended || !errors.Is(r.Err, why) || !r.Canceled {
			t.Errorf("the running one is %+v", r)
		}
		if len(b.started()) != 1 {
			t.Errorf("begun %v", b.begun)
		}
	})
}

// TestStop waits for all, and nothing begins afterwards.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Limits{All: 1})
		x, y := b.job("a", "x", "", nil), b.job("a", "y", "", nil)
		b.Start(x)
		b.Start(y)
		b.Stop(t.Context())
		for _, j := range []Job{x, y} {
			if r, _ := b.Find(j.Unit); r.State != Ended {
				t.Errorf("%s is %+v", j.ID, r)
			}
		}
		if b.Start(b.job("a", "z", "", nil)) {
			t.Error("one was begun after the stop")
		}
	})
}

// TestTimeout ends the context.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Limits{All: 1})
		j := b.job("a", "x", "", nil)
		j.Timeout = time.Minute
		b.Start(j)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if r, _ := b.Find(j.Unit); !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("it is %+v", r)
		}
	})
}

// TestEvents: whoever follows misses nothing that is kept, and learns of the end.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Limits{All: 1})
		go_ := make(chan struct{})
		u := lockstep.Unit{Namespace: "a", Name: "x"}
		b.Start(Job{Unit: u, ID: "x", Do: func(_ context.Context, tell func(driver.Event)) (Result, error) {
			for i := range 3 * keptEvents {
				tell(driver.Event{Seconds: float64(i)})
			}
			<-go_
			tell(driver.Event{Message: "end"})
			return Result{}, nil
		}})
		synctest.Wait()
		got, next, more := b.Events(u, "x", 0)
		if next != 3*keptEvents || len(got) < keptEvents || len(got) > keptEvents*11/10 || got[len(got)-1].Seconds != float64(next-1) || more == nil {
			t.Fatalf("%d events, next is %d", len(got), next)
		}
		close(go_)
		<-more
		synctest.Wait()
		got, _, more = b.Events(u, "x", next)
		if len(got) != 1 || got[0].Message != "end" || more != nil {
			t.Errorf("the end is %v", got)
		}
		if got, _, more := b.Events(u, "other", 0); got != nil || more != nil {
			t.Error("another run's events were returned")
		}
	})
}
