// Package runs makes in the background what takes longer than a pass may: plans and
// applies of tools that need minutes.
//
// There is one run of a unit at a time. A pass starts one, or finds how far it is; when
// it has ended the unit is woken. How many go at once is limited, for all and for each
// credential, and those that wait are taken so that no namespace holds up the others.
package runs

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// State says how far a run is.
type State uint8

// The states.
const (
	Queued State = iota
	Running
	Ended
)

// Result is what a run came to; which part is set depends on what it was for.
type Result struct {
	Proposal driver.Proposal
	Applied  driver.Applied
}

// Job is what is to be run.
type Job struct {
	Unit lockstep.Unit
	// ID names the run; starting one with the ID of the unit's present run does nothing.
	ID string
	// Intent is plan, apply, destroy or drift: for people, and for metrics.
	Intent string
	// Group shares a limit: the credential that the run works with.
	Group string
	// Timeout ends the context of Do; 0 for none.
	Timeout time.Duration
	// Do does it. It returns soon after its context ends, but not before it is safe to.
	Do func(ctx context.Context, tell func(driver.Event)) (Result, error)
}

// Run is how far a job is.
type Run struct {
	ID, Intent string
	State      State
	Queued     time.Time
	Began      time.Time // zero while it is queued
	Ended      time.Time // zero until it has ended
	Canceled   bool
	Last       driver.Event
	Result     Result
	Err        error
}

// Limits is how many runs go at once.
type Limits struct {
	All      int // at least 1
	PerGroup int // 0 for as many as All
}

// Manager is safe for concurrent use.
type Manager struct {
	wake   func(lockstep.Unit)
	limits Limits

	mu      sync.Mutex
	runs    map[lockstep.Unit]*entry
	queue   []*entry
	running int
	groups  map[string]int
	spaces  map[string]int // running, by namespace
	stopped bool
	idle    sync.WaitGroup
}

type entry struct {
	job    Job
	run    Run
	cancel context.CancelCauseFunc
	events []driver.Event
	first  int           // number of events[0]
	news   chan struct{} // closed by the next event
}

// keptEvents bounds what is remembered of one run's progress.
const keptEvents = 5000

// New returns a Manager that calls wake, without holding locks, when a run has ended.
func New(limits Limits, wake func(lockstep.Unit)) *Manager {
	limits.All = max(limits.All, 1)
	return &Manager{
		wake: wake, limits: limits,
		runs: map[lockstep.Unit]*entry{}, groups: map[string]int{}, spaces: map[string]int{},
	}
}

// Start begins j, or queues it. It reports false if another run of the unit is under
// way, or the Manager was stopped. The result of one that has ended is forgotten.
func (m *Manager) Start(j Job) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.runs[j.Unit]; e != nil && e.run.State != Ended {
		return e.job.ID == j.ID
	}
	if m.stopped {
		return false
	}
	e := &entry{job: j, run: Run{ID: j.ID, Intent: j.Intent, Queued: time.Now()}, news: make(chan struct{})}
	m.runs[j.Unit] = e
	m.queue = append(m.queue, e)
	m.fill()
	return true
}

// Find returns the unit's run.
func (m *Manager) Find(u lockstep.Unit) (Run, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.runs[u]
	if e == nil {
		return Run{}, false
	}
	return e.run, true
}

// Going says whether a run with this ID is under way.
func (m *Manager) Going(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.runs {
		if e.run.ID == id && e.run.State != Ended {
			return true
		}
	}
	return false
}

// Drop forgets the run with this ID if it has ended.
func (m *Manager) Drop(u lockstep.Unit, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.runs[u]; e != nil && e.run.ID == id && e.run.State == Ended {
		delete(m.runs, u)
	}
}

// Cancel asks the unit's run to stop. One that is queued ends at once.
func (m *Manager) Cancel(u lockstep.Unit, why error) {
	m.mu.Lock()
	e := m.runs[u]
	if e == nil || e.run.State == Ended {
		m.mu.Unlock()
		return
	}
	e.run.Canceled = true
	queued := e.run.State == Queued
	if queued {
		m.queue = slices.DeleteFunc(m.queue, func(q *entry) bool { return q == e })
		m.end(e, Result{}, why)
	} else {
		e.cancel(why)
	}
	m.mu.Unlock()
	if queued {
		m.wake(u)
	}
}

// Events returns the progress of the unit's run with number from and later, the number
// that comes next, and a channel that is closed when there is more; nil when the run has
// ended, and none will come.
func (m *Manager) Events(u lockstep.Unit, id string, from int) (events []driver.Event, next int, more <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.runs[u]
	if e == nil || id != "" && e.run.ID != id {
		return nil, from, nil
	}
	from = max(from, e.first)
	if i := from - e.first; i < len(e.events) {
		events = slices.Clone(e.events[i:])
	}
	next = e.first + len(e.events)
	if e.run.State != Ended {
		more = e.news
	}
	return events, next, more
}

// Count is how many runs there are in each state that is not Ended, by intent.
func (m *Manager) Count() map[string][2]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][2]int{}
	for _, e := range m.runs {
		if e.run.State != Ended {
			n := out[e.job.Intent]
			n[e.run.State]++
			out[e.job.Intent] = n
		}
	}
	return out
}

// Stop asks every run to stop, starts none any more, and waits until all have ended or
// ctx does.
func (m *Manager) Stop(ctx context.Context) {
	m.mu.Lock()
	m.stopped = true
	var units []lockstep.Unit
	for u, e := range m.runs {
		if e.run.State != Ended {
			units = append(units, u)
		}
	}
	m.mu.Unlock()
	for _, u := range units {
		m.Cancel(u, errStopped)
	}
	done := make(chan struct{})
	go func() { m.idle.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

var errStopped = fault.Unavailable("the server is stopping")

// fill starts what there is room for. The lock is held.
func (m *Manager) fill() {
	for m.running < m.limits.All {
		i := m.next()
		if i < 0 {
			return
		}
		e := m.queue[i]
		m.queue = slices.Delete(m.queue, i, i+1)
		m.begin(e)
	}
}

// next is the place in the queue of the run to begin: the oldest of the namespace with
// the fewest under way, if its group has room. -1 if there is none.
func (m *Manager) next() int {
	best := -1
	for i, e := range m.queue {
		if n := m.limits.PerGroup; n > 0 && e.job.Group != "" && m.groups[e.job.Group] >= n {
			continue
		}
		if best < 0 || m.spaces[e.job.Unit.Namespace] < m.spaces[m.queue[best].job.Unit.Namespace] {
			best = i
		}
	}
	return best
}

func (m *Manager) begin(e *entry) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := func() {}
	if e.job.Timeout > 0 {
		ctx, stop = context.WithTimeout(ctx, e.job.Timeout)
	}
	e.cancel = cancel
	e.run.State, e.run.Began = Running, time.Now()
	m.running++
	m.groups[e.job.Group]++
	m.spaces[e.job.Unit.Namespace]++
	m.idle.Go(func() {
		defer stop()
		defer cancel(nil)
		res, err := e.job.Do(ctx, func(ev driver.Event) { m.tell(e, ev) })
		m.mu.Lock()
		m.running--
		less(m.groups, e.job.Group)
		less(m.spaces, e.job.Unit.Namespace)
		m.end(e, res, err)
		m.fill()
		m.mu.Unlock()
		m.wake(e.job.Unit)
	})
}

func (m *Manager) end(e *entry, res Result, err error) {
	e.run.State, e.run.Ended, e.run.Result, e.run.Err = Ended, time.Now(), res, err
	close(e.news)
}

func (m *Manager) tell(e *entry, ev driver.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.run.State == Ended {
		return
	}
	e.run.Last = ev
	e.events = append(e.events, ev)
	if n := len(e.events) - keptEvents; n > keptEvents/10 {
		e.events = slices.Clone(e.events[n:])
		e.first += n
	}
	close(e.news)
	e.news = make(chan struct{})
}

func less(m map[string]int, k string) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}
