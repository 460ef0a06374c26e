package stack

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Metrics of passes. No label grows with the fleet, but for those of Standing.
type Metrics struct {
	renders *prometheus.CounterVec
	memos   *prometheus.CounterVec
	steps   *prometheus.CounterVec
	objects *prometheus.CounterVec
	passes  *prometheus.HistogramVec
	running prometheus.Gauge
	beats   [beats]prometheus.Observer
	// recalled and forgotten are of memos; looking them up would cost every pass.
	recalled, forgotten prometheus.Counter

	*Standing
	drift *driftMetrics
}

// NewMetrics registers the metrics. each says whether every Stack has series of
// its own.
func NewMetrics(reg prometheus.Registerer, each PerStack) *Metrics {
	m := &Metrics{
		renders: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_stack_renders_total",
			Help: "Renders, by renderer and result. A commit that does not touch a Stack renders nothing.",
		}, []string{"renderer", "result"}),
		memos: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_stack_recalls_total",
			Help: "Passes by what the memory of the last render was good for: hit needs no render, miss does.",
		}, []string{"result"}),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_stack_plan_steps_total",
			Help: "Steps of plans that were made, by verb, whether or not they were carried out.",
		}, []string{"verb"}),
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_stack_objects_total",
			Help: "Plan steps carried out, by verb and result.",
		}, []string{"verb", "result"}),
		passes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_stack_pass_duration_seconds",
			Help:    "Time of one pass over a Stack, by the reason of the Ready condition that it ended in.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"reason"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockstep_stack_passes_running",
			Help: "Passes over Stacks under way now: workers that are busy.",
		}),
		Standing: newStanding(each),
		drift:    newDriftMetrics(reg),
	}
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "lockstep_stack_beat_duration_seconds",
		Help:    "Time of one beat of a pass: observe, resolve, render, plan, apply, report.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 5, 8),
	}, []string{"beat"})
	for i, name := range beatNames {
		m.beats[i] = took.WithLabelValues(name)
	}
	// Seen from the start, so that the first failure is an increase.
	for verb := lockstep.Delete; verb <= lockstep.Orphan; verb++ {
		m.objects.WithLabelValues(verb.String(), lockstep.Done.String())
		m.objects.WithLabelValues(verb.String(), lockstep.Failed.String())
	}
	m.recalled, m.forgotten = m.memos.WithLabelValues("hit"), m.memos.WithLabelValues("miss")
	reg.MustRegister(m.renders, m.memos, m.steps, m.objects, m.passes, m.running, took, m.Standing)
	return m
}

func (m *Metrics) rendered(kind render.Kind, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.renders.WithLabelValues(string(kind), result).Inc()
}

func (m *Metrics) planned(p plan.Plan) {
	for _, stage := range p.Stages {
		for _, s := range stage.Steps {
			m.steps.WithLabelValues(s.Verb.String()).Inc()
		}
	}
}

func (m *Metrics) applied(outcomes []lockstep.Outcome) {
	for _, o := range outcomes {
		m.objects.WithLabelValues(o.Verb.String(), o.Result.String()).Inc()
	}
}
