package report

import (
	"reflect"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Metrics of what is told. A nil Metrics counts nothing.
type Metrics struct {
	events   *prometheus.CounterVec
	statuses *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_events_total",
			Help: "Kubernetes events, by type and result: sent, or suppressed because there are too many that say that all is well.",
		}, []string{"type", "result"}),
		statuses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_status_writes_total",
			Help: "Writes of a status, by kind and result. A pass that changes nothing writes none.",
		}, []string{"kind", "result"}),
	}
	// Seen from the start, so that the first failure is an increase.
	for _, kind := range []string{"Source", "Stack", "Target"} {
		m.statuses.WithLabelValues(kind, "failed")
	}
	reg.MustRegister(m.events, m.statuses)
	return m
}

func (m *Metrics) event(kind string, sent bool) {
	if m == nil {
		return
	}
	result := "suppressed"
	if sent {
		result = "sent"
	}
	m.events.WithLabelValues(kind, result).Inc()
}

func (m *Metrics) status(o client.Object, err error) {
	if m == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.statuses.WithLabelValues(kindOf(o), result).Inc()
}

func kindOf(o client.Object) string { return reflect.TypeOf(o).Elem().Name() }
