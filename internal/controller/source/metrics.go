package source

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Metrics of fetching. No label grows with the fleet.
type Metrics struct {
	fetches *prometheus.HistogramVec
	checked prometheus.Counter
	touched prometheus.Counter
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		fetches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_source_fetch_duration_seconds",
			Help:    "Time of one look at a remote, by result (ok or the fault's reason).",
			Buckets: prometheus.ExponentialBuckets(0.01, 3, 9),
		}, []string{"result"}),
		checked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockstep_source_stacks_checked_total",
			Help: "Stacks that were compared with a fetched snapshot.",
		}),
		touched: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockstep_source_stacks_touched_total",
			Help: "Stacks whose content a fetched snapshot changed.",
		}),
	}
	reg.MustRegister(m.fetches, m.checked, m.touched)
	return m
}

func (m *Metrics) fetched(d time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = fault.KindOf(err).String()
	}
	m.fetches.WithLabelValues(result).Observe(d.Seconds())
}

func (m *Metrics) published(users, touched int) {
	m.checked.Add(float64(users))
	m.touched.Add(float64(touched))
}
