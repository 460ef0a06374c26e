package worker

import (
	"sync"
	"time"
)

// tick is how often a worker is looked at while it works. What it can allocate in
// that time is bounded by the kernel.
const tick = 25 * time.Millisecond

// watch kills a worker that goes over its limits.
type watch struct {
	mu     sync.Mutex
	w      *process
	limits Limits
	timer  *time.Timer
	since  time.Time     // of the stretch under way
	before time.Duration // the stretches before it
	paused bool
	over   bool
	peak   int64
}

func (x *watch) begin(w *process, l Limits) {
	x.mu.Lock() // the timer may fire before it is assigned
	defer x.mu.Unlock()
	x.w, x.limits, x.since = w, l, time.Now()
	x.timer = time.AfterFunc(min(tick, l.Time), x.look)
}

func (x *watch) look() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	x.measure()
	left := x.limits.Time - x.elapsed()
	switch {
	case x.peak > x.limits.Memory:
		x.w.end(Memory)
	case left <= 0:
		x.w.end(Deadline)
	default:
		x.timer.Reset(min(tick, left))
	}
}

func (x *watch) measure() { x.peak = max(x.peak, x.w.meter.read()) }

func (x *watch) elapsed() time.Duration {
	if x.paused {
		return x.before
	}
	return x.before + time.Since(x.since)
}

func (x *watch) pause() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.before, x.paused = x.elapsed(), true
}

func (x *watch) resume() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.since, x.paused = time.Now(), false
}

// finish stops looking and returns the most memory that was seen.
func (x *watch) finish() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.before, x.paused, x.over = x.elapsed(), true, true
	x.timer.Stop()
	x.measure()
	return x.peak
}

func (x *watch) ran() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.elapsed()
}
