// Package journal takes records from those that must not wait and brings them to a
// store.
//
// [Journal.Record] puts a record into a bounded queue and returns. One writer takes
// all that is there at a time. While the store does not take them, they are written
// to a spool in the data directory, bounded as well, and follow in order once it
// does. What fits nowhere is counted, and the count becomes an entry.
//
// What a process had taken and neither the store nor the spool holds is lost when
// the process is killed: that is what came within the last [Pace] and the write that
// is under way.
package journal

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Pace is how long records are gathered before they are written together.
const Pace = 200 * time.Millisecond

const (
	maxQueue = 20_000
	maxBatch = 500
	// tryFor bounds one write, and with it what a store that hangs keeps in memory.
	tryFor   = 10 * time.Second
	firstTry = time.Second
	lastTry  = 30 * time.Second
)

// Options says how a Journal works.
type Options struct {
	// Open opens the store. It is called until it succeeds: a server starts without
	// its store.
	Open func(context.Context) (store.Store, error)
	// Dir is where the spool is.
	Dir string
	// MaxSpool bounds the spool in bytes; default 64 MiB.
	MaxSpool int64
	Metrics  *Metrics
	Log      *slog.Logger
}

// Journal brings records to a store. Start it with Run.
type Journal struct {
	opts  Options
	spool *spool
	wake  chan struct{}

	mu     sync.Mutex
	queue  []store.Record
	lost   *loss
	behind error // why the store is not up to date; nil when it is
	since  time.Time
	store  store.Store
	taken  int64 // records taken, written: to the store or to the spool
	wrote  int64
	moved  chan struct{} // closed and made anew when wrote grows
}

// loss is what fitted nowhere.
type loss struct {
	of           map[store.Kind]int64
	since, until time.Time
}

// New returns a Journal. What an earlier process left in the spool is written
// first.
func New(o Options) (*Journal, error) {
	if o.MaxSpool <= 0 {
		o.MaxSpool = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := openSpool(filepath.Join(o.Dir, "spool"), o.MaxSpool)
	if err != nil {
		return nil, err
	}
	return &Journal{opts: o, spool: s, wake: make(chan struct{}, 1), moved: make(chan struct{})}, nil
}

// Record takes a record. It never waits, for a disk or a network.
func (j *Journal) Record(r store.Record) { j.take(r) }

func (j *Journal) take(r store.Record) (ticket int64) {
	if r.Draft.ID == "" {
		r.Draft.ID = store.NewID()
	}
	if r.Draft.Time.IsZero() {
		r.Draft.Time = time.Now()
	}
	j.mu.Lock()
	if len(j.queue) >= maxQueue {
		j.lose(r)
		j.mu.Unlock()
		return 0
	}
	j.queue = append(j.queue, r)
	j.taken++
	ticket = j.taken
	j.opts.Metrics.queued(len(j.queue))
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return ticket
}

// Keep is Record for what must be safe before it is answered: it returns once the
// store or the spool has it, or when ctx ends.
func (j *Journal) Keep(ctx context.Context, r store.Record) error {
	ticket := j.take(r)
	if ticket == 0 {
		return fault.Unavailable("the record of this cannot be kept: too much waits for the store")
	}
	for {
		j.mu.Lock()
		done, moved := j.wrote >= ticket, j.moved
		j.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fault.Unavailable("the record of this could not be kept in time").Because(ctx.Err())
		}
	}
}

// Store returns the store, once it is open.
func (j *Journal) Store() (store.Store, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.store != nil {
		return j.store, nil
	}
	if j.behind != nil {
		return nil, fault.Unavailable("the history is not there: %s", fault.As(j.behind).Error()).Because(j.behind)
	}
	return nil, fault.Waiting("the history is being opened")
}

// Behind returns since when the store is behind and why; nil when it is not.
func (j *Journal) Behind() (since time.Time, why error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.since, j.behind
}

// lose counts a record that fits nowhere; j.mu is held.
func (j *Journal) lose(r store.Record) {
	now := time.Now()
	if j.lost == nil {
		j.lost = &loss{of: map[store.Kind]int64{}, since: now}
	}
	j.lost.of[kindOf(r)]++
	j.lost.until = now
	j.opts.Metrics.lost(kindOf(r))
}

func kindOf(r store.Record) store.Kind {
	if r.Draft.Detail == nil {
		return ""
	}
	return r.Draft.Detail.Kind()
}

// Run writes until ctx ends, and then what is left.
func (j *Journal) Run(ctx context.Context) {
	defer j.end()
	wait := firstTry
	for {
		if err := j.round(ctx); err != nil && ctx.Err() == nil {
			j.fell(err)
			j.keep() // the queue is memory
			if !j.pause(ctx, wait) {
				return
			}
			wait = min(2*wait, lastTry)
			continue
		}
		j.caughtUp()
		wait = firstTry
		select {
		case <-ctx.Done():
			return
		case <-j.wake:
		}
		if !sleep(ctx, Pace) {
			return
		}
	}
}

// pause waits for the next try, and meanwhile saves what comes.
func (j *Journal) pause(ctx context.Context, d time.Duration) bool {
	again := time.NewTimer(d)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-again.C:
			return true
		case <-j.wake:
			if !sleep(ctx, Pace) {
				return false
			}
			j.keep()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// end saves what is left, where the store is too slow into the spool.
func (j *Journal) end() {
	grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := j.round(grace); err != nil {
		j.keep()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.store != nil {
		if err := j.store.Close(); err != nil {
			j.opts.Log.Warn("the store was not closed", "error", err)
		}
	}
	j.spool.close()
}

// round writes all that there is: first what the spool holds, since it is older.
func (j *Journal) round(ctx context.Context) error {
	s, err := j.open(ctx)
	if err != nil {
		return err
	}
	if err := j.replay(ctx, s); err != nil {
		return err
	}
	for {
		j.mu.Lock()
		batch := j.queue[:min(len(j.queue), maxBatch)]
		j.mu.Unlock()
		if len(batch) == 0 {
			return j.confess(ctx, s)
		}
		if err := j.write(ctx, s, batch); err != nil {
			return err
		}
		j.written(len(batch))
	}
}

func (j *Journal) open(ctx context.Context) (store.Store, error) {
	j.mu.Lock()
	s := j.store
	j.mu.Unlock()
	if s != nil {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 6*tryFor) // migrations may take longer than a write
	defer cancel()
	s, err := j.opts.Open(ctx)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	j.store = s
	j.mu.Unlock()
	return s, nil
}

// replay writes what the spool holds. What the store has by now already is known by
// its ID.
func (j *Journal) replay(ctx context.Context, s store.Store) error {
	for {
		batch, next, err := j.spool.read(maxBatch)
		if err != nil {
			j.opts.Log.Error("the spool of the history cannot be read and is left out", "error", err)
			j.spool.drop()
			return nil
		}
		if len(batch) == 0 {
			j.opts.Metrics.spooled(j.spool.size())
			return nil
		}
		if err := j.write(ctx, s, batch); err != nil {
			return err
		}
		j.spool.done(next)
	}
}

// write appends a batch. Where the store does not take it though it works, one
// record is the reason, and is given up rather than all that come after it.
func (j *Journal) write(ctx context.Context, s store.Store, batch []store.Record) error {
	began := time.Now()
	err := j.append(ctx, s, batch...)
	j.opts.Metrics.wrote(len(batch), time.Since(began), err)
	if err == nil || !refused(ctx, s, err) {
		return err
	}
	for _, r := range batch {
		err := j.append(ctx, s, r)
		if err == nil {
			continue
		}
		if !refused(ctx, s, err) {
			return err
		}
		j.opts.Log.Error("an entry of the history is given up", "kind", kindOf(r), "stack", r.Draft.Unit.String(), "error", err)
		j.mu.Lock()
		j.lose(r)
		j.mu.Unlock()
	}
	return nil
}

func (j *Journal) append(ctx context.Context, s store.Store, batch ...store.Record) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	head, err := s.Append(ctx, batch...)
	if err == nil {
		j.opts.Metrics.head(head.Seq)
	}
	return err
}

// refused says whether it is the record that is at fault.
func refused(ctx context.Context, s store.Store, err error) bool {
	if k := fault.KindOf(err); k == fault.KindTooLarge || k == fault.KindInvalid || k == fault.KindInternal {
		_, alive := s.Head(ctx)
		return alive == nil
	}
	return false
}

// confess makes what was lost an entry.
func (j *Journal) confess(ctx context.Context, s store.Store) error {
	j.mu.Lock()
	lost := j.lost
	j.lost = nil
	j.mu.Unlock()
	if lost == nil {
		return nil
	}
	var n int64
	for _, of := range lost.of {
		n += of
	}
	err := j.append(ctx, s, store.Record{Draft: store.Draft{
		ID: store.NewID(), Time: time.Now(), Person: lockstep.Itself(), Verb: "lose", Outcome: string(store.Failed),
		Reason: "more waited for the store than could be held",
		Detail: store.GapDetail{Lost: lost.of, Since: lost.since.UTC(), Until: lost.until.UTC()},
	}})
	if err == nil {
		j.opts.Log.Error("entries of the history were lost", "entries", n, "since", lost.since)
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost == nil {
		j.lost = lost
		return err
	}
	for k, of := range lost.of {
		j.lost.of[k] += of
	}
	j.lost.since = lost.since
	return err
}

// keep moves the queue to the spool.
func (j *Journal) keep() {
	j.mu.Lock()
	batch := j.queue
	j.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	fitted, err := j.spool.write(batch)
	j.opts.Metrics.spooled(j.spool.size())
	if err != nil {
		j.opts.Log.Error("the spool of the history cannot be written", "error", err, "kept", fitted)
		j.written(fitted)
		return // the rest stays in memory, which is bounded as well
	}
	j.mu.Lock()
	for _, r := range batch[fitted:] {
		j.lose(r)
	}
	j.mu.Unlock()
	j.written(len(batch))
}

// written takes the first n records out of the queue.
func (j *Journal) written(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.queue = j.queue[n:]; len(j.queue) == 0 {
		j.queue = nil
	}
	j.wrote += int64(n)
	j.opts.Metrics.queued(len(j.queue))
	close(j.moved)
	j.moved = make(chan struct{})
}

// fell says once that the store does not take records.
func (j *Journal) fell(err error) {
	j.mu.Lock()
	first := j.behind == nil
	if j.behind = err; first {
		j.since = time.Now()
	}
	j.mu.Unlock()
	j.opts.Metrics.behind(1)
	if first {
		j.opts.Log.Error("the history cannot be written; Stacks are kept live all the same, and it follows once the store is back", "error", err)
	}
}

func (j *Journal) caughtUp() {
	j.mu.Lock()
	was, since := j.behind, j.since
	j.behind = nil
	j.mu.Unlock()
	j.opts.Metrics.behind(0)
	if was != nil {
		j.opts.Log.Info("the history is written again, and whole but for what was said to be lost", "after", time.Since(since).Round(time.Millisecond).String())
	}
}
