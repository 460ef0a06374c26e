package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
)

// sseWriter writes events. A client that does not read is cut off by the deadline of
// a write: nothing waits for it, and nothing is kept for it.
type sseWriter struct {
	w     http.ResponseWriter
	c     *http.ResponseController
	epoch string
	buf   bytes.Buffer
}

// add puts one event beside those that flush sends.
func (w *sseWriter) add(name string, version uint64, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	fmt.Fprintf(&w.buf, "event: %s\nid: %s-%d\ndata: %s\n\n", name, w.epoch, version, text)
	return nil
}

func (w *sseWriter) flush() error {
	_ = w.c.SetWriteDeadline(time.Now().Add(writeTimeout)) // a recorder of a test has none
	_, err := w.w.Write(w.buf.Bytes())
	w.buf.Reset()
	if w.buf.Cap() > 64<<10 {
		w.buf = bytes.Buffer{} // one large batch is no reason to keep so much for each client
	}
	if err != nil {
		return err
	}
	return w.c.Flush()
}

// feed is one client's. It has no queue: it remembers a version, and reads what
// came after it from the Board.
type feed struct {
	d      *Deps
	p      lockstep.Person
	see    board.Sight
	topics topics
	out    sseWriter
	at     uint64
	// proved is when it was last asked whether the person is still signed in.
	proved time.Time
	// counted is when the numbers were sent last, and owed that they changed since.
	counted time.Time
	owed    bool
}

func (s *feed) run(ctx context.Context, lastID string) {
	if err := s.begin(lastID); err != nil {
		return
	}
	ping := time.NewTimer(pingEvery)
	defer ping.Stop()
	end := time.NewTimer(streamMaximum)
	defer end.Stop()
	for {
		news, changed := s.d.Board.Since(s.at)
		sent, err := s.tell(ctx, news)
		if err != nil {
			return
		}
		if sent {
			ping.Reset(pingEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.d.Done:
			s.bye("shutdown")
			return
		case <-end.C:
			s.bye("tooLong")
			return
		case <-ping.C:
			if s.out.add("ping", s.at, PingEvent{time.Now().UTC()}) != nil || s.out.flush() != nil {
				return
			}
			ping.Reset(pingEvery)
			if !s.look(ctx) {
				return
			}
		case <-s.dueCounts():
		case <-changed:
			if !s.rest(ctx) || !s.look(ctx) {
				return
			}
		}
	}
}

// rest lets changes gather, so that a burst is one batch.
func (s *feed) rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(gather):
		return true
	}
}

func (s *feed) dueCounts() <-chan time.Time {
	if !s.owed {
		return nil
	}
	return time.After(max(0, countsEvery-time.Since(s.counted)))
}

func (s *feed) begin(lastID string) error {
	now := s.d.Board.Version()
	s.at = now
	version, ok := resumeAt(lastID, s.d.Board.Epoch)
	if ok && version <= now {
		s.at = version
	}
	fmt.Fprint(&s.out.buf, "retry: 2000\n\n")
	if err := s.out.add("hello", s.at, HelloEvent{Build: s.d.Build, Version: now, Resumed: ok && version <= now}); err != nil {
		return err
	}
	if lastID != "" && !ok {
		if err := s.out.add("resync", s.at, ResyncEvent{Reason: "restarted", Version: now}); err != nil {
			return err
		}
	}
	s.owed = s.topics.fleet
	return s.out.flush()
}

func (s *feed) bye(why string) {
	fmt.Fprint(&s.out.buf, "retry: 1000\n\n")
	if s.out.add("bye", s.at, ByeEvent{why}) == nil {
		_ = s.out.flush() // it ends either way
	}
}

// look finds out anew what the person may see.
func (s *feed) look(ctx context.Context) bool {
	if time.Since(s.proved) >= recheck {
		p, err := s.d.still(ctx, s.p)
		if err != nil {
			s.bye("signedOut")
			return false
		}
		s.p, s.proved = p, time.Now()
	}
	see, err := s.d.sightOf(ctx, s.p)
	if err != nil {
		s.bye("signedOut")
		return false
	}
	if !sameSight(s.see, see) {
		s.see, s.owed = see, s.topics.fleet // the numbers are others as well
		return s.out.add("resync", s.at, ResyncEvent{Reason: "access", Version: s.at}) == nil && s.out.flush() == nil
	}
	return true
}

func sameSight(a, b board.Sight) bool {
	x, ok := a.(access.Set)
	y, ok2 := b.(access.Set)
	if ok && ok2 {
		return x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}

// tell sends what changed and is this person's business.
func (s *feed) tell(ctx context.Context, news board.News) (sent bool, err error) {
	s.at = news.Version
	if news.Lost {
		err = s.out.add("resync", s.at, ResyncEvent{Reason: "behind", Version: s.at})
		s.owed = s.topics.fleet
	}
	rows := RowsEvent{Rows: []board.StackRow{}, Gone: []StackName{}, Version: s.at}
	detailed := map[lockstep.Unit]bool{}
	for _, c := range news.Changes {
		if err != nil {
			return false, err
		}
		switch c.Kind {
		case board.KindStack, board.KindDetail:
			if !s.see.Contains(c.Unit) {
				continue
			}
			if s.topics.stacks[c.Unit] && !detailed[c.Unit] {
				detailed[c.Unit] = true
				err = s.stack(ctx, c.Unit)
			}
			if s.topics.fleet && c.Kind == board.KindStack {
				s.owed = true
				rows.put(s.d.Board, c.Unit)
			}
		case board.KindSource:
			if s.topics.sources {
				err = s.source(ctx, c.Unit)
			}
		case board.KindTarget:
			if s.topics.targets {
				err = s.target(ctx, c.Unit)
			}
		}
	}
	if err == nil && len(rows.Rows)+len(rows.Gone) > 0 {
		err = s.out.add("rows", s.at, rows)
	}
	if err == nil && s.owed && time.Since(s.counted) >= countsEvery {
		s.owed, s.counted = false, time.Now()
		err = s.out.add("fleet", s.at, FleetEvent{s.d.fleetCounts(s.see), s.at})
	}
	if err != nil || s.out.buf.Len() == 0 {
		return false, err
	}
	return true, s.out.flush()
}

func (r *RowsEvent) put(b *board.Board, u lockstep.Unit) {
	if row, ok := b.Row(u); ok {
		r.Rows = append(r.Rows, row)
		return
	}
	r.Gone = append(r.Gone, StackName{u.Namespace, u.Name})
}

func (s *feed) stack(ctx context.Context, u lockstep.Unit) error {
	out := StackEvent{Namespace: u.Namespace, Name: u.Name, Version: s.at}
	if detail, err := s.d.detail(ctx, s.p, s.see, u); err == nil {
		out.Detail = detail
	}
	return s.out.add("stack", s.at, out)
}

func (s *feed) source(ctx context.Context, u lockstep.Unit) error {
	if s.d.asks(ctx, s.p, access.Question{Verb: access.Get, Resource: access.Sources, Unit: u}) != nil {
		return nil
	}
	out := SourceEvent{Namespace: u.Namespace, Name: u.Name}
	if src := (&v1alpha1.Source{}); s.d.object(ctx, u, src, "source") == nil {
		r := s.d.sourceRow(s.see, src)
		out.Row = &r
	}
	return s.out.add("source", s.at, out)
}

func (s *feed) target(ctx context.Context, u lockstep.Unit) error {
	if s.d.asks(ctx, s.p, access.Question{Verb: access.Get, Resource: access.Targets, Unit: u}) != nil {
		return nil
	}
	out := TargetEvent{Namespace: u.Namespace, Name: u.Name}
	if t := (&v1alpha1.Target{}); s.d.object(ctx, u, t, "target") == nil {
		r := s.d.targetRow(s.see, t)
		out.Row = &r
	}
	return s.out.add("target", s.at, out)
}

// totals are the numbers of those who see everything, counted once for all of them.
type totals struct {
	mu      sync.Mutex
	counts  board.Counts
	version uint64
}

func (d *Deps) fleetCounts(see board.Sight) board.Counts {
	whole, ok := see.(interface{ All() bool })
	if !ok || !whole.All() {
		return d.Board.Counts(see, nil)
	}
	d.totals.mu.Lock()
	defer d.totals.mu.Unlock()
	if v := d.Board.Version(); v != d.totals.version {
		d.totals.counts, d.totals.version = d.Board.Counts(see, nil), v
	}
	return d.totals.counts
}
