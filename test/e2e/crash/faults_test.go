package crash

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestEveryRequestFailsOnce lives a life for each way in which an API fails. In
// it, the first request of every verb to every object fails in that way: reads,
// lists and watches as well as changes.
func TestEveryRequestFailsOnce(t *testing.T) {
	tests := map[string]faulty.Act{
		"409":            {Status: http.StatusConflict},
		"410":            {Status: http.StatusGone},
		"429":            {Status: http.StatusTooManyRequests, RetryAfter: 1},
		"500":            {Status: http.StatusInternalServerError},
		"503":            {Status: http.StatusServiceUnavailable},
		"request-lost":   {LoseRequest: true},
		"answer-lost":    {LoseAnswer: true},
		"never-answered": {Hang: true},
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			w := world.New(t)
			api := faulty.New(t, w.Cluster.Config(t))
			// The definitions are installed without faults: a server that cannot reach
			// its API at all says so and ends, and whoever started it starts it again.
			w.Serve(world.ServeOptions{Kubeconfig: api.Kubeconfig}).Stop()
			l := newLifeWithoutServer(t, w, "life")
			once := &once{act: act, seen: map[string]bool{}, release: api.Release}
			api.Decide(once.decide)
			w.Serve(world.ServeOptions{Kubeconfig: api.Kubeconfig, Args: []string{"--skip-crds"}})
			l.awaitSource()
			l.live()
			if n := len(once.faults()); n < 10 {
				t.Errorf("only %d requests failed; the life must have more: %v", n, once.faults())
			}
		})
	}
}

// once fails the first of each kind of request.
type once struct {
	act     faulty.Act
	release func()

	mu   sync.Mutex
	seen map[string]bool
	list []string
}

func (o *once) decide(r *http.Request) faulty.Act {
	call := faulty.CallOf(r)
	if strings.HasPrefix(call.Resource, "/") && call.Resource != "/apis" && !strings.HasPrefix(call.Resource, "/api") {
		return faulty.Act{}
	}
	// A list and the watch after it are the same for everybody; what changes an
	// object is told apart by the object.
	id := call.Verb + " " + call.Resource
	if faulty.Changes(r) {
		id += " " + r.URL.Path
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[id] {
		return faulty.Act{}
	}
	o.seen[id] = true
	o.list = append(o.list, id)
	if o.act.Hang {
		// Nobody has half an hour for each. What is tested is that work goes on
		// beside a request that hangs, and that its loss in the end is borne.
		time.AfterFunc(2*time.Second, o.release)
	}
	return o.act
}

func (o *once) faults() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.list
}

// TestWatchesAreLost cuts all watches again and again while a life goes on. What
// happened meanwhile has to be found by listing.
func TestWatchesAreLost(t *testing.T) {
	w := world.New(t)
	api := faulty.New(t, w.Cluster.Config(t))
	w.Serve(world.ServeOptions{Kubeconfig: api.Kubeconfig})
	l := newLife(t, w, "life")
	stop := make(chan struct{})
	over := make(chan int)
	go func() {
		cuts := 0
		for {
			select {
			case <-stop:
				over <- cuts
				return
			case <-time.After(150 * time.Millisecond):
				cuts += api.CutWatches()
			}
		}
	}()
	l.live()
	close(stop)
	if cuts := <-over; cuts == 0 {
		t.Error("no watch was cut")
	}
}

// TestFullDisk gives the server a disk for its data that is full before the
// repository is on it. It has to say so, keep what it has live, and go on by
// itself when there is room.
func TestFullDisk(t *testing.T) {
	w := world.New(t)
	disk := smallDisk(t)
	w.Serve(world.ServeOptions{}).Stop() // installs the definitions
	l := newLifeWithoutServer(t, w, "life")
	large := map[string]string{}
	for i := range 64 {
		large[fmt.Sprintf("large/%02d.bin", i)] = noise(i)
	}
	s := w.Serve(world.ServeOptions{DataDir: filepath.Join(disk, "data")})
	l.awaitSource()
	if _, err := l.repo.Change("main", "more than the disk holds", large); err != nil {
		t.Fatal(err)
	}
	src := &v1alpha1.Source{ObjectMeta: l.meta()}
	l.w.Poke(src)
	l.eventually("the source says that its disk is full", func() (bool, string) {
		err := w.Client.Get(t.Context(), l.key(), src)
		text := fmt.Sprint(src.Status.Conditions)
		return err == nil && strings.Contains(text, "disk") && strings.Contains(text, string(metav1.ConditionFalse)), text
	})
	resp, err := http.Get("http://" + s.Addr + "/healthz")
	if err != nil {
		t.Fatalf("the server does not answer with a full disk: %s", err)
	}
	_ = resp.Body.Close()
	grow(t, disk)
	l.w.Poke(src)
	l.live()
}

// noise is text that does not compress.
func noise(seed int) string {
	var b strings.Builder
	x := uint64(seed)*2654435761 + 1
	for b.Len() < 256<<10 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		fmt.Fprintf(&b, "%016x", x)
	}
	return b.String()
}

// smallDisk mounts a file system of a few MiB. That needs root, which the machines
// that run the full lane have; elsewhere the test says what it lacks.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("a small file system cannot be mounted, which takes root: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func grow(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,size=64m", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v\n%s", err, out)
	}
}
