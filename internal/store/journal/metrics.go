package journal

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/store"
)

// Metrics of writing the history. A nil one counts nothing.
type Metrics struct {
	queue, spool, late, end prometheus.Gauge
	entries, losses         *prometheus.CounterVec
	batches                 *prometheus.HistogramVec
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		queue: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lockstep_store_queue_entries", Help: "Entries of the history that wait in memory."}),
		spool: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lockstep_store_spool_bytes", Help: "Bytes of entries that wait in the data directory because the store does not take them."}),
		late:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "lockstep_store_behind", Help: "1 while the store does not take entries, else 0."}),
		end:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "lockstep_store_head_entry", Help: "Number of the newest entry that this server has appended."}),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_store_entries_total", Help: "Entries that were written, by result.",
		}, []string{"result"}),
		losses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_store_lost_entries_total", Help: "Entries that neither the store nor the spool could take, by kind.",
		}, []string{"kind"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lockstep_store_write_seconds", Help: "Time that writing one batch took, by result.",
			Buckets: []float64{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10},
		}, []string{"result"}),
	}
	for _, k := range store.Kinds() {
		m.losses.WithLabelValues(string(k)) // so that the first loss is an increase
	}
	r.MustRegister(m.queue, m.spool, m.late, m.end, m.entries, m.losses, m.batches)
	return m
}

func (m *Metrics) queued(n int) {
	if m != nil {
		m.queue.Set(float64(n))
	}
}

func (m *Metrics) spooled(bytes int64) {
	if m != nil {
		m.spool.Set(float64(bytes))
	}
}

func (m *Metrics) behind(v float64) {
	if m != nil {
		m.late.Set(v)
	}
}

func (m *Metrics) head(seq int64) {
	if m != nil {
		m.end.Set(float64(seq))
	}
}

func (m *Metrics) lost(k store.Kind) {
	if m != nil {
		m.losses.WithLabelValues(string(k)).Inc()
	}
}

func (m *Metrics) wrote(n int, took time.Duration, err error) {
	if m == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.entries.WithLabelValues(result).Add(float64(n))
	m.batches.WithLabelValues(result).Observe(took.Seconds())
}
