package stack

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/core/drift"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// driftMetrics count drift. Managers are counted by class: their names are as
// many as programs.
type driftMetrics struct {
	objects *prometheus.GaugeVec
	found   *prometheus.CounterVec
	undone  *prometheus.CounterVec
	seconds prometheus.Histogram

	mu    sync.Mutex
	units map[lockstep.Unit]map[lockstep.DriftState]int
}

func newDriftMetrics(reg prometheus.Registerer) *driftMetrics {
	m := &driftMetrics{
		objects: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lockstep_drift_objects",
			Help: "Objects that differ from Git now, by what happens next: reported, waiting, resting, held.",
		}, []string{"state"}),
		found: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_drift_detected_total",
			Help: "Fields that somebody else changed, by class of field manager.",
		}, []string{"manager"}),
		undone: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_drift_healed_total",
			Help: "Fields that were set back to what Git decides, by class of field manager.",
		}, []string{"manager"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "lockstep_drift_heal_duration_seconds",
			Help:    "Time from the watch event that brought a change to the API's answer that it is undone.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2.5, 12),
		}),
		units: map[lockstep.Unit]map[lockstep.DriftState]int{},
	}
	for _, c := range drift.Classes {
		m.found.WithLabelValues(c)
		m.undone.WithLabelValues(c)
	}
	reg.MustRegister(m.objects, m.found, m.undone, m.seconds)
	return m
}

func (m *driftMetrics) detected(changes []lockstep.FieldChange) {
	for _, c := range changes {
		m.found.WithLabelValues(drift.Class(c.Manager)).Inc()
	}
}

func (m *driftMetrics) healed(s plan.Step, took time.Duration) {
	for _, c := range s.Changes {
		m.undone.WithLabelValues(drift.Class(c.Manager)).Inc()
	}
	if s.Verb == lockstep.Create {
		m.undone.WithLabelValues(drift.Class("")).Inc()
	}
	if took > 0 {
		m.seconds.Observe(took.Seconds())
	}
}

// now sets what is drifted of one unit.
func (m *driftMetrics) now(u lockstep.Unit, records []lockstep.Drift) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.units[u]
	if len(before) == 0 && len(records) == 0 {
		return
	}
	after := map[lockstep.DriftState]int{}
	var last lockstep.Key
	for i, r := range records {
		if i == 0 || r.Object != last {
			after[r.State]++
			last = r.Object
		}
	}
	for s, n := range before {
		m.objects.WithLabelValues(string(s)).Sub(float64(n))
	}
	for s, n := range after {
		m.objects.WithLabelValues(string(s)).Add(float64(n))
	}
	if len(after) == 0 {
		delete(m.units, u)
		return
	}
	m.units[u] = after
}
