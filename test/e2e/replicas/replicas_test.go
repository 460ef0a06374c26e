package replicas

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/test/world"
)

// TestThreeShareAndOneDies has three servers share two hundred Stacks of one
// cluster, and kills one.
func TestThreeShareAndOneDies(t *testing.T) {
	s := newScene(t, 200)
	servers := []*world.Server{s.serve("a", t.TempDir()), s.serve("b", t.TempDir()), s.serve("c", t.TempDir())}
	s.create()
	t.Logf("200 Stacks live after %s", s.live("one", 60*time.Second))
	for i, srv := range servers {
		n := stacks(srv)
		t.Logf("replica %d keeps %d", i, n)
		if n < 40 || n > 95 {
			t.Errorf("replica %d keeps %d of 200 Stacks, want about a third", i, n)
		}
	}
	s.kept(servers...)
	took := time.Now()
	s.all("two")
	s.live("two", 30*time.Second)
	t.Logf("a commit to all of them is live after %s", time.Since(took))

	killed := time.Now()
	servers[2].Kill()
	s.all("three")
	s.live("three", 20*time.Second)
	t.Logf("after a kill, a commit to all of them is live after %s", time.Since(killed))
	s.kept(servers[0], servers[1])
	if twice := s.audit.twice(); len(twice) > 0 {
		t.Errorf("%d objects got one content from two replicas: %v", len(twice), twice)
	}
}

// TestJoinAndLeaveWhileCommitsFlow has replicas come and go in order.
func TestJoinAndLeaveWhileCommitsFlow(t *testing.T) {
	s := newScene(t, 60)
	first := s.serve("a", t.TempDir())
	s.create()
	s.live("one", 60*time.Second)
	values := make(chan string, 100)
	stop := make(chan struct{})
	go func() {
		defer close(values)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(150 * time.Millisecond):
			}
			value := fmt.Sprintf("v%d", i)
			s.all(value)
			values <- value
		}
	}()
	second := s.serve("b", t.TempDir())
	time.Sleep(time.Second)
	third := s.serve("c", t.TempDir())
	time.Sleep(time.Second)
	first.Stop()
	time.Sleep(time.Second)
	s.kept(second, third)
	third.Stop()
	close(stop)
	last := ""
	for v := range values {
		last = v
	}
	took := s.live(last, 10*time.Second)
	t.Logf("the last commit is live after %s", took)
	s.kept(second)
	if twice := s.audit.twice(); len(twice) > 0 {
		t.Errorf("%d objects got one content from two replicas: %v", len(twice), twice)
	}
}

// TestPausedReplicaWritesNothingStale stops a replica for longer than its lease.
// What it would have written is another's business when it goes on.
func TestPausedReplicaWritesNothingStale(t *testing.T) {
	s := newScene(t, 60)
	dir := t.TempDir()
	a, b := s.serve("a", t.TempDir()), s.serve("b", dir)
	s.create()
	s.live("one", 60*time.Second)
	if stacks(b) == 0 {
		t.Fatal("the one that is to be paused keeps nothing")
	}
	// It is stopped in the middle of its work.
	s.all("two")
	if err := syscall.Kill(b.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(b.PID, syscall.SIGCONT) })
	paused := time.Now()
	s.live("two", 20*time.Second)
	t.Logf("its Stacks moved within %s", time.Since(paused))
	s.all("three")
	s.live("three", 10*time.Second)
	time.Sleep(time.Until(paused.Add(30 * time.Second)))
	resumed := time.Now()
	if err := syscall.Kill(b.PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { b.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Errorf("it did not notice that others took over\n%s", b.Log())
	}
	if n := s.audit.since("b", resumed); n > 0 {
		t.Errorf("it wrote %d objects after it had been away for 30 s", n)
	}
	s.live("three", time.Second)
	// Started anew by whoever watches over it, it takes part again.
	b = s.serve("b2", dir)
	s.all("four")
	s.live("four", 20*time.Second)
	s.kept(a, b)
	if stacks(b) == 0 {
		t.Error("it takes no part")
	}
}
