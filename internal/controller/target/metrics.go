package target

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Standing is one Target as a scrape or a person sees it.
type Standing struct {
	Name string
	Host string
	// Err says why there is no connection.
	Err error
	// Watches that are open, and how often one had to be opened anew.
	Watches  int
	Restarts int64
	// Objects that the watches hold.
	Objects int
	// Latency is what the last short question took, Seen when the API last answered
	// anything; zero where it never did.
	Latency time.Duration
	Seen    time.Time
}

// holder is a driver that can say what it has in memory.
type holder interface {
	Host() string
	Holding() (watches, objects int, restarts int64)
}

// Standings lists what is connected, the cluster of the Stacks first.
func (c *Connections) Standings() []Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []Standing{standingOf(lockstep.TargetRef{}, connection{driver: c.local, pulse: c.here})}
	for ref, conn := range c.all {
		all = append(all, standingOf(ref, conn))
	}
	slices.SortFunc(all[1:], func(a, b Standing) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func standingOf(ref lockstep.TargetRef, c connection) Standing {
	s := Standing{Name: ref.String(), Err: c.err}
	if h, ok := c.driver.(holder); ok {
		s.Host = h.Host()
		s.Watches, s.Objects, s.Restarts = h.Holding()
	}
	if p := c.pulse; p != nil {
		s.Latency, s.Seen = p.Beat()
	}
	return s
}

// maxTargets is how many Targets have series of their own.
const maxTargets = 200

var (
	descConnected = prometheus.NewDesc("lockstep_target_connected",
		"1 for a Target that is connected, 0 for one that is not.", []string{"target"}, nil)
	descWatches = prometheus.NewDesc("lockstep_target_watches",
		"Watches that are open on a Target.", []string{"target"}, nil)
	descRestarts = prometheus.NewDesc("lockstep_target_watch_restarts_total",
		"How often a watch on a Target had to be opened anew; the API itself ends each after some minutes.", []string{"target"}, nil)
	descObjects = prometheus.NewDesc("lockstep_target_objects",
		"Objects of a Target that are held in memory.", []string{"target"}, nil)
)

// Describe implements prometheus.Collector.
func (c *Connections) Describe(ch chan<- *prometheus.Desc) {
	ch <- descConnected
	ch <- descWatches
	ch <- descRestarts
	ch <- descObjects
}

// Collect implements prometheus.Collector.
func (c *Connections) Collect(ch chan<- prometheus.Metric) {
	all := c.Standings()
	for _, s := range all[:min(len(all), maxTargets)] {
		up := 1.0
		if s.Err != nil {
			up = 0
		}
		ch <- prometheus.MustNewConstMetric(descConnected, prometheus.GaugeValue, up, s.Name)
		ch <- prometheus.MustNewConstMetric(descWatches, prometheus.GaugeValue, float64(s.Watches), s.Name)
		ch <- prometheus.MustNewConstMetric(descRestarts, prometheus.CounterValue, float64(s.Restarts), s.Name)
		ch <- prometheus.MustNewConstMetric(descObjects, prometheus.GaugeValue, float64(s.Objects), s.Name)
	}
}
