package server

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// waiting is a controller's queue that knows since when each of its items waits.
// The queue's own metrics say how long those waited that had their turn, which
// looks best when nobody has one.
type waiting struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	waited prometheus.Observer

	mu  sync.Mutex
	due map[reconcile.Request]time.Time // in the future for what comes again by itself
}

var _ priorityqueue.PriorityQueue[reconcile.Request] = (*waiting)(nil)

func (w *waiting) from(at time.Time, items ...reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, it := range items {
		if old, ok := w.due[it]; !ok || at.Before(old) {
			w.due[it] = at
		}
	}
}

// turn ends an item's wait.
func (w *waiting) turn(it reconcile.Request) {
	w.mu.Lock()
	at, ok := w.due[it]
	delete(w.due, it)
	w.mu.Unlock()
	if ok {
		w.waited.Observe(max(time.Since(at), 0).Seconds())
	}
}

// Add implements workqueue.TypedInterface.
func (w *waiting) Add(it reconcile.Request) { w.AddWithOpts(priorityqueue.AddOpts{}, it) }

// AddAfter implements workqueue.TypedDelayingInterface.
func (w *waiting) AddAfter(it reconcile.Request, after time.Duration) {
	w.AddWithOpts(priorityqueue.AddOpts{After: after}, it)
}

// AddRateLimited implements workqueue.TypedRateLimitingInterface.
func (w *waiting) AddRateLimited(it reconcile.Request) {
	w.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, it)
}

// AddWithOpts implements priorityqueue.PriorityQueue.
func (w *waiting) AddWithOpts(o priorityqueue.AddOpts, items ...reconcile.Request) {
	if !o.RateLimited { // how long its punishment is, only the queue knows
		w.from(time.Now().Add(o.After), items...)
	}
	w.PriorityQueue.AddWithOpts(o, items...)
}

// Get implements workqueue.TypedInterface.
func (w *waiting) Get() (it reconcile.Request, shutdown bool) {
	it, _, shutdown = w.GetWithPriority()
	return it, shutdown
}

// GetWithPriority implements priorityqueue.PriorityQueue.
func (w *waiting) GetWithPriority() (it reconcile.Request, priority int, shutdown bool) {
	it, priority, shutdown = w.PriorityQueue.GetWithPriority()
	if !shutdown {
		w.turn(it)
	}
	return it, priority, shutdown
}

// standing says how many items wait for a worker now, how many come again later,
// and how long the first of them has been waiting.
func (w *waiting) standing(now time.Time) (ready, later int, oldest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range w.due {
		wait := now.Sub(at)
		if wait < 0 {
			later++
			continue
		}
		ready++
		oldest = max(oldest, wait)
	}
	return ready, later, oldest
}

// lines are the queues of all controllers.
type lines struct {
	waited *prometheus.HistogramVec

	mu  sync.Mutex
	all map[string]*waiting
}

func newLines() *lines {
	return &lines{
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_queue_wait_seconds",
			Help:    "How long those waited for a worker that had their turn, by controller.",
			Buckets: prometheus.ExponentialBuckets(0.001, 5, 8),
		}, []string{"controller"}),
		all: map[string]*waiting{},
	}
}

// queue makes a controller's queue.
func (l *lines) queue(name string, limit workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	w := &waiting{
		PriorityQueue: newFair(name, limit),
		waited:        l.waited.WithLabelValues(name),
		due:           map[reconcile.Request]time.Time{},
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[name] = w
	return w
}

var (
	descDepth = prometheus.NewDesc("lockstep_queue_depth",
		"Objects that wait for a worker now, by controller.", []string{"controller"}, nil)
	descLater = prometheus.NewDesc("lockstep_queue_scheduled",
		"Objects that come again by themselves at a later time, by controller.", []string{"controller"}, nil)
	descOldest = prometheus.NewDesc("lockstep_queue_oldest_seconds",
		"How long the one has been waiting that has waited longest, by controller.", []string{"controller"}, nil)
)

// Describe implements prometheus.Collector.
func (l *lines) Describe(ch chan<- *prometheus.Desc) {
	ch <- descDepth
	ch <- descLater
	ch <- descOldest
	l.waited.Describe(ch)
}

// Collect implements prometheus.Collector.
func (l *lines) Collect(ch chan<- prometheus.Metric) {
	l.waited.Collect(ch)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for name, w := range l.all {
		ready, later, oldest := w.standing(now)
		ch <- prometheus.MustNewConstMetric(descDepth, prometheus.GaugeValue, float64(ready), name)
		ch <- prometheus.MustNewConstMetric(descLater, prometheus.GaugeValue, float64(later), name)
		ch <- prometheus.MustNewConstMetric(descOldest, prometheus.GaugeValue, oldest.Seconds(), name)
	}
}

// dump lists what waits, for a person.
func (l *lines) dump() map[string]queueDump {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, out := time.Now(), map[string]queueDump{}
	for name, w := range l.all {
		ready, later, oldest := w.standing(now)
		d := queueDump{Waiting: ready, Later: later, First: w.first(now)}
		if ready > 0 {
			d.Oldest = oldest.Round(time.Millisecond).String()
		}
		out[name] = d
	}
	return out
}

// first are the ten that have waited longest.
func (w *waiting) first(now time.Time) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []reconcile.Request
	for it, at := range w.due {
		if !at.After(now) {
			all = append(all, it)
		}
	}
	slices.SortFunc(all, func(a, b reconcile.Request) int {
		return cmp.Or(w.due[a].Compare(w.due[b]), cmp.Compare(a.String(), b.String()))
	})
	var out []string
	for _, it := range all[:min(len(all), 10)] {
		out = append(out, it.String())
	}
	return out
}
