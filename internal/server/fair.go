package server

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// fair is a controller's queue in which no tenant stands in another's way.
//
// Namespaces take turns, so what waits for a worker waits for one item of each
// other namespace at the most, however many those have. What an event asks for, a
// commit, a person, a change on a Target, goes before what comes again by itself: a
// retry, a routine look, the first look after a start.
type fair struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	turns *turns
}

var _ priorityqueue.PriorityQueue[reconcile.Request] = (*fair)(nil)

func newFair(name string, limit workqueue.TypedRateLimiter[reconcile.Request]) *fair {
	t := &turns{asked: map[reconcile.Request]bool{}}
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[reconcile.Request]{Name: name, Queue: t})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[reconcile.Request]{Name: name, Queue: queue})
	limited := workqueue.NewTypedRateLimitingQueueWithConfig(limit, workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{Name: name, DelayingQueue: delaying})
	return &fair{TypedRateLimitingInterface: limited, turns: t}
}

// Add implements workqueue.TypedInterface: an event asks for it.
func (f *fair) Add(it reconcile.Request) {
	f.turns.ask(it)
	f.TypedRateLimitingInterface.Add(it)
}

// AddWithOpts implements priorityqueue.PriorityQueue.
func (f *fair) AddWithOpts(o priorityqueue.AddOpts, items ...reconcile.Request) {
	for _, it := range items {
		switch {
		case o.RateLimited:
			f.AddRateLimited(it)
		case o.After > 0:
			f.AddAfter(it, o.After)
		case o.Priority != nil && *o.Priority < 0:
			// The first look after a start: there is nothing new about it.
			f.TypedRateLimitingInterface.Add(it)
		default:
			f.Add(it)
		}
	}
}

// GetWithPriority implements priorityqueue.PriorityQueue.
func (f *fair) GetWithPriority() (it reconcile.Request, priority int, shutdown bool) {
	it, shutdown = f.Get()
	return it, 0, shutdown
}

// patience is how many times in a row those that an event asks for go first while
// others wait, too.
const patience = 8

// turns orders what waits. It is the store of a workqueue, which calls it with a
// lock held; its own is for ask.
type turns struct {
	mu      sync.Mutex
	asked   map[reconcile.Request]bool // by an event
	now     ring
	routine ring
	streak  int
}

var _ workqueue.Queue[reconcile.Request] = (*turns)(nil)

func (t *turns) ask(it reconcile.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked[it] = true
}

// Touch implements workqueue.Queue: an item that waits is added once more.
func (t *turns) Touch(it reconcile.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked[it] && t.routine.remove(it) {
		t.now.push(it)
	}
}

// Push implements workqueue.Queue.
func (t *turns) Push(it reconcile.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked[it] {
		t.now.push(it)
		return
	}
	t.routine.push(it)
}

// Len implements workqueue.Queue.
func (t *turns) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now.n + t.routine.n
}

// Pop implements workqueue.Queue.
func (t *turns) Pop() reconcile.Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.now.n > 0 && (t.streak < patience || t.routine.n == 0)
	if !first {
		t.streak = 0
		it := t.routine.pop()
		delete(t.asked, it)
		return it
	}
	t.streak++
	it := t.now.pop()
	delete(t.asked, it)
	return it
}

// ring holds items by namespace, and the namespaces in the order of their turns.
// What was taken out keeps its place in the lists, and is passed over there.
type ring struct {
	order []string
	items map[string][]reconcile.Request
	in    map[reconcile.Request]bool
	n     int
}

func (r *ring) push(it reconcile.Request) {
	if r.items == nil {
		r.items, r.in = map[string][]reconcile.Request{}, map[reconcile.Request]bool{}
	}
	if len(r.items[it.Namespace]) == 0 {
		r.order = append(r.order, it.Namespace)
	}
	r.items[it.Namespace] = append(r.items[it.Namespace], it)
	r.in[it] = true
	r.n++
}

// pop takes the next item of the namespace whose turn it is, which goes to the end
// of the line. There has to be one.
func (r *ring) pop() reconcile.Request {
	for {
		ns := r.order[0]
		r.order = r.order[1:]
		list := r.items[ns]
		for len(list) > 0 && !r.in[list[0]] {
			list = list[1:]
		}
		if len(list) == 0 {
			delete(r.items, ns)
			continue
		}
		it := list[0]
		if list = list[1:]; len(list) > 0 {
			r.items[ns] = list
			r.order = append(r.order, ns)
		} else {
			delete(r.items, ns)
		}
		delete(r.in, it)
		r.n--
		return it
	}
}

func (r *ring) remove(it reconcile.Request) bool {
	if !r.in[it] {
		return false
	}
	delete(r.in, it)
	r.n--
	return true
}
