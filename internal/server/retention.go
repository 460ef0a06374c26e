package server

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/store"
)

const (
	// retainFirst keeps the removal out of a start, retainEvery is how often there is
	// one. Replicas begin at different moments; what one has removed the next does not
	// find, and a run that finds nothing writes nothing.
	retainFirst = 5 * time.Minute
	retainEvery = time.Hour
	// retainPause lets entries in between two parts of a long removal.
	retainPause = 500 * time.Millisecond
	retainTime  = time.Minute
)

// retention removes what is older than is kept.
type retention struct {
	open    func() (store.Store, error)
	policy  store.Policy
	removed *prometheus.CounterVec
	runs    *prometheus.CounterVec
	last    prometheus.Gauge
}

func newRetention(open func() (store.Store, error), keep store.Keep, reg prometheus.Registerer) *retention {
	r := &retention{
		open: open, policy: keep.Policy(),
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_store_removed_total", Help: "What was removed from the history since it is older than is kept, by what: entry or release.",
		}, []string{"what"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_store_retention_runs_total", Help: "Looks for what is older than is kept, by result: ok or error.",
		}, []string{"result"}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockstep_store_retention_timestamp_seconds", Help: "When such a look last succeeded; 0 before the first.",
		}),
	}
	for _, what := range []string{"entry", "release"} {
		r.removed.WithLabelValues(what)
	}
	for _, result := range []string{"ok", "error"} {
		r.runs.WithLabelValues(result)
	}
	reg.MustRegister(r.removed, r.runs, r.last)
	return r
}

// retain looks now and then until ctx ends.
func (s *server) retain(ctx context.Context) {
	wait := retainFirst + rand.N(retainFirst)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = retainEvery
		if err := s.retention.once(ctx); err != nil && ctx.Err() == nil {
			s.opts.Log.Error("what is older than is kept cannot be removed from the history", "error", err)
		}
	}
}

// once removes all that is too old.
func (r *retention) once(ctx context.Context) error {
	err := r.remove(ctx)
	if err != nil {
		r.runs.WithLabelValues("error").Inc()
		return err
	}
	r.runs.WithLabelValues("ok").Inc()
	r.last.SetToCurrentTime()
	return nil
}

func (r *retention) remove(ctx context.Context) error {
	s, err := r.open()
	if err != nil {
		return err
	}
	for {
		within, cancel := context.WithTimeout(ctx, retainTime)
		out, err := s.Retain(within, r.policy, time.Now())
		cancel()
		if err != nil {
			return err
		}
		r.removed.WithLabelValues("entry").Add(float64(out.Entries))
		r.removed.WithLabelValues("release").Add(float64(out.Releases))
		if !out.More {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retainPause):
		}
	}
}
