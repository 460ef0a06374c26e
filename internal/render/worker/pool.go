package worker

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

const (
	// DefaultIdle is how long a worker is kept that nobody needs.
	DefaultIdle = time.Minute
	// wornAfter is how many jobs a worker does: what libraries leave behind in a
	// process is bounded by that.
	wornAfter = 1000
)

// Options say how a Pool runs its workers. The zero value is good.
type Options struct {
	Limits Limits
	// Size is how many jobs run at once; default the number of cores.
	Size int
	// Idle is how long a worker is kept that nobody needs; default a minute.
	Idle time.Duration
	// Metrics may be nil.
	Metrics *Metrics
	Log     *slog.Logger
}

// A Pool keeps worker processes. They are started when they are needed, used for
// many jobs, one at a time, and end when nobody needs them. It is safe for
// concurrent use.
type Pool struct {
	limits  Limits
	idle    time.Duration
	metrics *Metrics
	log     *slog.Logger
	slots   chan struct{}

	mu     sync.Mutex
	free   []*process // the last one used at the end
	plain  bool       // namespaces are not allowed here
	told   bool       // what workers give up was logged
	closed bool
}

// NewPool returns a Pool that has not started anything. The limits must have been
// checked.
func NewPool(o Options) *Pool {
	if o.Size <= 0 {
		o.Size = runtime.GOMAXPROCS(0)
	}
	if o.Idle <= 0 {
		o.Idle = DefaultIdle
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Pool{limits: o.Limits, idle: o.Idle, metrics: o.Metrics, log: o.Log, slots: make(chan struct{}, o.Size)}
}

// Limits are those of every job.
func (p *Pool) Limits() Limits { return p.limits }

// A Host is the other side of a job: it gives the input and answers what the job
// asks. It must not trust what it is asked.
type Host interface {
	// Input returns the input. It is asked again when the job is started anew in
	// another process.
	Input(*Peer) []byte
	// Answer answers one question. Faults go to the job.
	Answer(ctx context.Context, question []byte) ([]byte, error)
	// Note takes what the job wants known.
	Note([]byte)
}

// A Peer is one process, for a Host to remember what it has told it.
type Peer struct {
	// Known is nil for a process that has just been started.
	Known any
}

// Call does a job that needs nothing but its input.
func (p *Pool) Call(ctx context.Context, job string, in []byte) ([]byte, error) {
	return p.Do(ctx, job, input(in))
}

// Do does a job. The error is that of the job, or says why its worker died.
func (p *Pool) Do(ctx context.Context, job string, h Host) ([]byte, error) {
	return p.do(ctx, job, h, confined)
}

// DoNetworked does a job in a process of its own that may reach the network, run
// programs and write temporary files.
func (p *Pool) DoNetworked(ctx context.Context, job string, h Host) ([]byte, error) {
	return p.do(ctx, job, h, networked)
}

func (p *Pool) do(ctx context.Context, job string, h Host, c class) ([]byte, error) {
	asked := time.Now()
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fault.Timeout("no worker became free").Because(ctx.Err()).
			WithHint("other renders keep all of them busy; the server may need more cores")
	}
	defer func() { <-p.slots }()
	p.metrics.waited(time.Since(asked))
	for first := true; ; first = false {
		out, err := p.once(ctx, job, h, c)
		var e *ended
		if !errors.As(err, &e) {
			return out, err
		}
		p.log.Debug("a worker died", "job", job, "reason", e.reason, "place", e.at.place, "words", e.words, "after", e.ran)
		if e.reason.own() || !first {
			return nil, e.fault()
		}
	}
}

// once does a job in one process. An error of type *ended says that the process
// is gone.
func (p *Pool) once(ctx context.Context, job string, h Host, c class) ([]byte, error) {
	w, err := p.take(c)
	if err != nil {
		return nil, err
	}
	r := run{w: w, limits: p.limits, started: time.Now()}
	out, err := r.do(ctx, job, h)
	p.metrics.ran(job, err, r.busy(), r.peak)
	p.give(w)
	return out, err
}

// Error makes an ended an error on its way through the pool.
func (e *ended) Error() string { return e.fault().Error() }

func (p *Pool) take(c class) (*process, error) {
	for c == confined {
		w := p.pop()
		if w == nil {
			break
		}
		if w.alive() {
			return w, nil
		}
		p.retire(w, "idle")
	}
	return p.start(c)
}

func (p *Pool) pop() *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return nil
	}
	w := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	w.timer.Stop()
	return w
}

func (p *Pool) start(c class) (*process, error) {
	p.mu.Lock()
	plain := p.plain
	p.mu.Unlock()
	w, err := start(p.limits, c, plain)
	if err != nil && !plain {
		// Containers often forbid namespaces; the filter of system calls remains.
		if w, err = start(p.limits, c, true); err == nil {
			p.mu.Lock()
			p.plain = true
			p.mu.Unlock()
		}
	}
	if err != nil {
		return nil, fault.Unavailable("a worker process cannot be started").Because(err).
			WithHint("the machine may be out of memory or processes")
	}
	p.metrics.started()
	p.tell(w)
	return w, nil
}

// tell logs once what workers of this machine give up.
func (p *Pool) tell(w *process) {
	p.mu.Lock()
	told := p.told
	p.told = true
	plain := p.plain
	p.mu.Unlock()
	if !told {
		p.log.Debug("workers are confined", "by", w.confined, "namespaces", !plain)
	}
}

// give takes w back.
func (p *Pool) give(w *process) {
	w.jobs++
	switch {
	case !w.alive():
		p.retire(w, string(w.why()))
		return
	case w.class == networked:
		p.retire(w, "done")
		return
	case w.jobs >= wornAfter, w.meter.read() > p.limits.Memory/2:
		p.retire(w, "worn")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go p.retire(w, "closed")
		return
	}
	p.free = append(p.free, w)
	w.timer = time.AfterFunc(p.idle, func() { p.expire(w) })
}

// expire ends w if nobody has taken it meanwhile.
func (p *Pool) expire(w *process) {
	p.mu.Lock()
	found := false
	for i, f := range p.free {
		if f == w {
			p.free = append(p.free[:i:i], p.free[i+1:]...)
			found = true
			break
		}
	}
	p.mu.Unlock()
	if found {
		p.retire(w, "idle")
	}
}

func (p *Pool) retire(w *process, why string) {
	w.close()
	p.metrics.ended(why)
}

// Close ends the workers that are idle; those at work end with their job.
func (p *Pool) Close() {
	p.mu.Lock()
	free := p.free
	p.free, p.closed = nil, true
	p.mu.Unlock()
	for _, w := range free {
		w.timer.Stop()
		p.retire(w, "closed")
	}
}

// input is the Host of a job that asks nothing.
type input []byte

// Input returns the input.
func (i input) Input(*Peer) []byte { return i }

// Answer refuses.
func (input) Answer(context.Context, []byte) ([]byte, error) {
	return nil, fault.New(fault.KindInternal, "this job may not ask anything")
}

// Note takes nothing.
func (input) Note([]byte) {}
