package access

import "github.com/prometheus/client_golang/prometheus"

// Metrics of access. A nil Metrics counts nothing.
type Metrics struct {
	checks  *prometheus.CounterVec
	seconds prometheus.Histogram
}

// What became of a question.
const (
	resultAllowed = "allowed"
	resultDenied  = "denied"
	resultFailed  = "failed"
)

// Where the answer came from.
const (
	fromMemory = "memory"
	fromAPI    = "api"
	fromScope  = "scope"
)

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_access_checks_total",
			Help: "Questions whether a person may do something, by result (allowed, denied, failed) and by where the answer came from (memory, api, scope).",
		}, []string{"result", "from"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "lockstep_access_check_duration_seconds",
			Help:    "How long the Kubernetes API took to answer a SubjectAccessReview.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5},
		}),
	}
	reg.MustRegister(m.checks, m.seconds)
	return m
}

func (m *Metrics) checked(result, from string) {
	if m != nil {
		m.checks.WithLabelValues(result, from).Inc()
	}
}

func (m *Metrics) took(seconds float64) {
	if m != nil {
		m.seconds.Observe(seconds)
	}
}
