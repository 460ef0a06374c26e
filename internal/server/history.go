package server

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/internal/store/journal"
)

// startHistory begins to keep what happens; stop writes what is left. It outlives
// everything that records.
func (s *server) startHistory(ctx context.Context) (stop func(), err error) {
	dir := filepath.Join(s.opts.DataDir, "history")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Unavailable("the directory of the history %q cannot be used", dir).Because(err)
	}
	address := s.opts.Store
	if address == "" {
		address = filepath.Join(s.opts.DataDir, "lockstep.db")
	}
	s.history, err = journal.New(journal.Options{
		Dir: dir, Metrics: journal.NewMetrics(s.meters), Log: s.opts.Log,
		Open: func(ctx context.Context) (store.Store, error) {
			d, err := db.Open(ctx, address, db.Migrated)
			if err != nil {
				return nil, err
			}
			return d, nil
		},
	})
	if err != nil {
		return nil, err
	}
	s.retention = newRetention(s.history.Store, s.opts.Keep, s.meters)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); s.history.Run(ctx) }()
	return func() { cancel(); <-done }, nil
}

// readyz is ready also while the history cannot be written: Stacks are kept live,
// and taking the server out of service would help nobody. It says so, though.
func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("ok\n")) // the peer may be gone
	if since, why := s.history.Behind(); why != nil {
		// Why is for operators, in the log: this is answered to everybody.
		_, _ = fmt.Fprintf(w, "history: not written for %s\n", time.Since(since).Round(time.Second))
	}
}

// keepFor bounds how long an answer waits until the record of what was done is safe.
const keepFor = 2 * time.Second

// keep records what somebody did before they are answered. What was done stays done
// where the record cannot be kept in time; that is said in the log.
func (s *server) keep(ctx context.Context, r store.Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepFor)
	defer cancel()
	if err := s.history.Keep(ctx, r); err != nil {
		s.opts.Log.ErrorContext(ctx, "what somebody did is not on record yet", "person", r.Draft.Person.Name, "verb", r.Draft.Verb, "stack", r.Draft.Unit.String(), "error", err)
	}
}
