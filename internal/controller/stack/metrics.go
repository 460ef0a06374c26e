package stack

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Metrics of passes. No label grows with the fleet.
type Metrics struct {
	renders *prometheus.CounterVec
	objects *prometheus.CounterVec
	passes  *prometheus.HistogramVec
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		renders: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_stack_renders_total",
			Help: "Renders, by renderer and result. A commit that does not touch a Stack renders nothing.",
		}, []string{"renderer", "result"}),
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_stack_objects_total",
			Help: "Plan steps carried out, by verb and result.",
		}, []string{"verb", "result"}),
		passes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_stack_pass_duration_seconds",
			Help:    "Time of one pass over a Stack, by the reason of the Ready condition that it ended in.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"reason"}),
	}
	reg.MustRegister(m.renders, m.objects, m.passes)
	return m
}

func (m *Metrics) rendered(kind render.Kind, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.renders.WithLabelValues(string(kind), result).Inc()
}

func (m *Metrics) applied(outcomes []lockstep.Outcome) {
	for _, o := range outcomes {
		m.objects.WithLabelValues(o.Verb.String(), o.Result.String()).Inc()
	}
}
