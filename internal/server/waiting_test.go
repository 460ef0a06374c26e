package server

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func item(name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "n", Name: name}}
}

func TestWaiting(t *testing.T) {
	l := newLines()
	q := l.queue("stack", workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(q.ShutDown)
	w := q.(*waiting)

	q.Add(item("first"))
	time.Sleep(20 * time.Millisecond)
	q.Add(item("second"))
	q.Add(item("first")) // asked for twice, it waits since the first time
	q.AddAfter(item("later"), time.Hour)
	w.AddWithOpts(priorityqueue.AddOpts{After: time.Hour}, item("second")) // and the sooner one counts

	ready, later, oldest := w.standing(time.Now())
	if ready != 2 || later != 1 || oldest < 20*time.Millisecond {
		t.Errorf("%d ready, %d later, oldest %s; want 2, 1, 20ms or more", ready, later, oldest)
	}
	if diff := cmp.Diff([]string{"n/first", "n/second"}, l.dump()["stack"].First); diff != "" {
		t.Errorf("who waits (-want +got):\n%s", diff)
	}
	for range 2 {
		it, _ := q.Get()
		q.Done(it)
	}
	if ready, _, oldest = w.standing(time.Now()); ready != 0 || oldest != 0 {
		t.Errorf("%d still wait, for %s, after all had their turn", ready, oldest)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(l)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range families {
		all.WriteString(f.String() + "\n")
	}
	for _, want := range []string{"lockstep_queue_depth", "lockstep_queue_oldest_seconds", "lockstep_queue_scheduled", "lockstep_queue_wait_seconds"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("%s is not scraped", want)
		}
	}
}

// What it costs a pass that its queue knows since when it waits.
func BenchmarkQueue(b *testing.B) {
	limit := workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()
	queues := map[string]workqueue.TypedRateLimitingInterface[reconcile.Request]{
		"plain":   priorityqueue.New("plain", func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limit }),
		"watched": newLines().queue("watched", limit),
	}
	for name, q := range queues {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q.Add(item("a"))
				it, _ := q.Get()
				q.Done(it)
			}
		})
		q.ShutDown()
	}
}
