package server

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/witness"
)

const (
	// rememberEvery is seldom, as each new end is a write to the Kubernetes API.
	rememberEvery = 5 * time.Minute
	rememberTime  = 20 * time.Second
)

// memory has the end of the chain remembered outside of the store.
type memory struct {
	witness   *witness.Witness
	tampering prometheus.Gauge
	end       prometheus.Gauge
}

func newMemory(w *witness.Witness, reg prometheus.Registerer) *memory {
	m := &memory{
		witness:   w,
		tampering: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lockstep_store_tampered", Help: "1 while the history does not lead on from where it is remembered to have ended, else 0."}),
		end:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "lockstep_store_remembered_entry", Help: "Number of the entry at which the history ended when that was last remembered outside of the store."}),
	}
	reg.MustRegister(m.tampering, m.end)
	return m
}

// remember looks now and then until ctx ends.
func (s *server) remember(ctx context.Context) {
	every := s.opts.RememberEvery
	if every <= 0 {
		every = rememberEvery
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		if err := s.memory.look(ctx, s.history.Store); err != nil && ctx.Err() == nil {
			s.opts.Log.Error("where the history ends is not remembered", "error", err)
		}
	}
}

func (m *memory) look(ctx context.Context, open func() (store.Store, error)) error {
	s, err := open()
	if err != nil {
		return nil // the journal says why, and since when
	}
	ctx, cancel := context.WithTimeout(ctx, rememberTime)
	defer cancel()
	head, err := m.witness.Look(ctx, s, time.Now())
	switch {
	case errors.Is(err, witness.ErrTampered):
		m.tampering.Set(1)
	case err == nil:
		m.tampering.Set(0)
		m.end.Set(float64(head.Seq))
	}
	return err
}

// remembered is what the API holds a chain against.
func (s *server) remembered(ctx context.Context, of store.Store) (store.Head, error) {
	chain, err := of.ChainName(ctx)
	if err != nil {
		return store.Head{}, err
	}
	return s.memory.witness.Remembered(ctx, chain)
}
