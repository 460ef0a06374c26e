package worker

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of workers. No label grows with the fleet. All methods take nil.
type Metrics struct {
	jobs      *prometheus.HistogramVec
	memory    *prometheus.HistogramVec
	wait      prometheus.Histogram
	starts    prometheus.Counter
	ends      *prometheus.CounterVec
	processes prometheus.Gauge
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		jobs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_worker_job_duration_seconds",
			Help:    "Time that jobs ran in worker processes, by job and result.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"job", "result"}),
		memory: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_worker_job_memory_bytes",
			Help:    "Most memory that a worker process was seen to have while it did a job.",
			Buckets: prometheus.ExponentialBuckets(32<<20, 2, 7),
		}, []string{"job"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "lockstep_worker_wait_seconds",
			Help:    "Time that jobs waited until a worker was free.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}),
		starts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockstep_worker_starts_total",
			Help: "Worker processes that were started.",
		}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_worker_ends_total",
			Help: "Worker processes that ended, by reason.",
		}, []string{"reason"}),
		processes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockstep_worker_processes",
			Help: "Worker processes that there are.",
		}),
	}
	// Seen from the start, so that the first one is an increase.
	for _, reason := range []string{"idle", "deadline", "memory", "stack", "crashed", "killed", "protocol"} {
		m.ends.WithLabelValues(reason)
	}
	reg.MustRegister(m.jobs, m.memory, m.wait, m.starts, m.ends, m.processes)
	return m
}

func (m *Metrics) waited(d time.Duration) {
	if m != nil {
		m.wait.Observe(d.Seconds())
	}
}

func (m *Metrics) started() {
	if m != nil {
		m.starts.Inc()
		m.processes.Inc()
	}
}

func (m *Metrics) ended(reason string) {
	if m != nil {
		m.ends.WithLabelValues(reason).Inc()
		m.processes.Dec()
	}
}

func (m *Metrics) ran(job string, err error, d time.Duration, peak int64) {
	if m == nil {
		return
	}
	m.jobs.WithLabelValues(job, result(err)).Observe(d.Seconds())
	if peak > 0 {
		m.memory.WithLabelValues(job).Observe(float64(peak))
	}
}

func result(err error) string {
	var e *ended
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return string(e.reason)
	}
	return "failed"
}
