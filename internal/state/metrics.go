package state

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

type meters struct {
	writes    *prometheus.CounterVec
	bytes     prometheus.Counter
	conflicts prometheus.Counter
	released  prometheus.Counter
	locks     prometheus.Gauge

	mu     sync.Mutex
	locked map[Key]bool
}

func newMeters(reg prometheus.Registerer) *meters {
	m := &meters{
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_state_writes_total",
			Help: "Versions of states that somebody sent, by what became of them: written, unchanged, refused or failed.",
		}, []string{"result"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockstep_state_written_bytes_total",
			Help: "Bytes of the versions of states that were written, before they are packed.",
		}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockstep_state_lock_conflicts_total",
			Help: "How often somebody wanted the lock of a state that somebody else had.",
		}),
		released: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockstep_state_orphaned_locks_released_total",
			Help: "Locks of states that were released because their run was over.",
		}),
		locks: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockstep_state_locks",
			Help: "States that were locked when this process last looked at them.",
		}),
		locked: map[Key]bool{},
	}
	for _, result := range []string{"written", "unchanged", "refused", "failed"} {
		m.writes.WithLabelValues(result)
	}
	if reg != nil {
		reg.MustRegister(m.writes, m.bytes, m.conflicts, m.released, m.locks)
	}
	return m
}

// saw remembers whether a state is locked.
func (m *meters) saw(k Key, locked bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if locked {
		m.locked[k] = true
	} else {
		delete(m.locked, k)
	}
	m.locks.Set(float64(len(m.locked)))
}

// resultOf tells a refusal from a failure.
func resultOf(err error) string {
	switch fault.KindOf(err) {
	case fault.KindUnavailable, fault.KindInternal, fault.KindTimeout:
		return "failed"
	}
	return "refused"
}
