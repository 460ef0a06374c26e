package stack

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// PerStack says whether each Stack has series of its own.
type PerStack bool

// Standing is how every Stack stands, for a scrape to read.
//
// What a Stack's series says is its value, not its labels: lockstep_stack_ready
// is one series for as long as the Stack exists, however often it comes and goes.
// The reason is a label only of those that are not ready, which are few.
type Standing struct {
	each PerStack

	mu    sync.Mutex
	units map[lockstep.Unit]stand
}

type stand struct {
	reason string
	ready  bool
	since  time.Time
}

func newStanding(each PerStack) *Standing {
	return &Standing{each: each, units: map[lockstep.Unit]stand{}}
}

// stands records the verdict on u; conditions are those after it.
func (s *Standing) stands(u lockstep.Unit, conditions []metav1.Condition) {
	for _, c := range conditions {
		if c.Type != v1alpha1.ConditionReady {
			continue
		}
		s.mu.Lock()
		s.units[u] = stand{reason: c.Reason, ready: c.Status == metav1.ConditionTrue, since: c.LastTransitionTime.Time}
		s.mu.Unlock()
	}
}

// leaves drops u: it was deleted, or is another replica's now.
func (s *Standing) leaves(u lockstep.Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.units, u)
}

var (
	descStacks = prometheus.NewDesc("lockstep_stacks",
		"Stacks of this replica, by whether they are ready and the reason of that condition.", []string{"ready", "reason"}, nil)
	descReady = prometheus.NewDesc("lockstep_stack_ready",
		"1 for a Stack that is ready, 0 for one that is not.", []string{"namespace", "name"}, nil)
	descSince = prometheus.NewDesc("lockstep_stack_unready_timestamp_seconds",
		"Since when a Stack is not ready, and why; only of those that are not.", []string{"namespace", "name", "reason"}, nil)
)

// Describe implements prometheus.Collector.
func (s *Standing) Describe(ch chan<- *prometheus.Desc) {
	ch <- descStacks
	ch <- descReady
	ch <- descSince
}

// Collect implements prometheus.Collector.
func (s *Standing) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	type state struct {
		ready  bool
		reason string
	}
	states := map[state]int{}
	for u, at := range s.units {
		states[state{at.ready, at.reason}]++
		if s.each {
			collectStack(ch, u, at)
		}
	}
	for s, n := range states {
		ch <- prometheus.MustNewConstMetric(descStacks, prometheus.GaugeValue, float64(n), strconv.FormatBool(s.ready), s.reason)
	}
}

func collectStack(ch chan<- prometheus.Metric, u lockstep.Unit, at stand) {
	if at.ready {
		ch <- prometheus.MustNewConstMetric(descReady, prometheus.GaugeValue, 1, u.Namespace, u.Name)
		return
	}
	ch <- prometheus.MustNewConstMetric(descReady, prometheus.GaugeValue, 0, u.Namespace, u.Name)
	ch <- prometheus.MustNewConstMetric(descSince, prometheus.GaugeValue, float64(at.since.Unix()), u.Namespace, u.Name, at.reason)
}
