package git

import (
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Metrics of mirrors. A nil Metrics counts nothing.
type Metrics struct {
	processes *prometheus.HistogramVec
	reads     *prometheus.CounterVec
	cached    prometheus.Counter
	mirror    prometheus.Counter
	bytes     prometheus.Counter
	pushes    *prometheus.CounterVec
}

// NewMetrics registers the metrics of a Store to be.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		processes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_git_process_duration_seconds",
			Help:    "Time of one run of git, by verb and result.",
			Buckets: prometheus.ExponentialBuckets(0.003, 4, 9),
		}, []string{"verb", "result"}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_git_reads_total",
			Help: "Objects that snapshots were asked for, by where they came from: memory or mirror.",
		}, []string{"from"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lockstep_git_read_bytes_total",
			Help: "Bytes of objects that were read from mirrors.",
		}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_git_pushes_total",
			Help: "Commits that were pushed, by result (ok or the fault's reason).",
		}, []string{"result"}),
	}
	m.cached, m.mirror = m.reads.WithLabelValues("memory"), m.reads.WithLabelValues("mirror")
	reg.MustRegister(m.processes, m.reads, m.bytes, m.pushes)
	return m
}

func (m *Metrics) ran(verb string, took time.Duration, err error) {
	if m == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.processes.WithLabelValues(verb, result).Observe(took.Seconds())
}

func (m *Metrics) pushed(err error) {
	if m == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = fault.KindOf(err).String()
	}
	m.pushes.WithLabelValues(result).Inc()
}

func (m *Metrics) remembered() {
	if m != nil {
		m.cached.Inc()
	}
}

func (m *Metrics) read(n int) {
	if m != nil {
		m.mirror.Inc()
		m.bytes.Add(float64(n))
	}
}

var (
	descMirrors = prometheus.NewDesc("lockstep_git_mirrors", "Repositories that are mirrored.", nil, nil)
	descDisk    = prometheus.NewDesc("lockstep_git_mirror_bytes", "Bytes that all mirrors take on disk, as of a minute ago at most.", nil, nil)
)

// Collector tells a scrape what the Store holds.
func (s *Store) Collector() prometheus.Collector { return &holdings{store: s} }

type holdings struct {
	store *Store

	mu    sync.Mutex
	bytes int64
	asked time.Time
}

// Describe implements prometheus.Collector.
func (h *holdings) Describe(ch chan<- *prometheus.Desc) {
	ch <- descMirrors
	ch <- descDisk
}

// Collect implements prometheus.Collector.
func (h *holdings) Collect(ch chan<- prometheus.Metric) {
	h.store.mu.Lock()
	n := len(h.store.repos)
	h.store.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(descMirrors, prometheus.GaugeValue, float64(n))
	ch <- prometheus.MustNewConstMetric(descDisk, prometheus.GaugeValue, float64(h.disk()))
}

// disk walks the mirrors, once a minute at most: a mirror between two repacks has
// thousands of files.
func (h *holdings) disk() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) < time.Minute {
		return h.bytes
	}
	h.bytes, h.asked = 0, time.Now()
	// What vanishes while it is counted, as packs do, is not counted.
	_ = filepath.WalkDir(h.store.opts.Dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			h.bytes += info.Size()
		}
		return nil
	})
	return h.bytes
}
