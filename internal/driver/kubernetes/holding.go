package kubernetes

import (
	"slices"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Remembered is what is in memory of one object: names and hashes, no content.
type Remembered struct {
	Object          string `json:"object"`
	UID             string `json:"uid"`
	ResourceVersion string `json:"resourceVersion"`
	Digest          string `json:"digest,omitempty"`
	Health          string `json:"health"`
	// Managed: we applied it. Proven: whether it is as we did is known.
	Managed     bool     `json:"managed"`
	Proven      bool     `json:"proven"`
	Terminating bool     `json:"terminating,omitempty"`
	Writing     bool     `json:"writing,omitempty"`
	Drift       []string `json:"drift,omitempty"` // fields
}

// Remembered returns what is in memory of a unit's objects, in order.
func (c *Cluster) Remembered(u lockstep.Unit) []Remembered {
	records := c.view.ofUnit(u)
	slices.SortFunc(records, func(a, b *record) int { return a.key.Compare(b.key) })
	out := make([]Remembered, 0, len(records))
	for _, r := range records {
		m := Remembered{
			Object: r.key.String(), UID: r.uid, ResourceVersion: r.rv, Digest: r.digest, Health: r.health.Status.String(),
			Managed: r.managed, Proven: r.managed && !r.unproven(), Terminating: r.terminating, Writing: c.view.writing(r.key),
		}
		for _, d := range r.drift {
			m.Drift = append(m.Drift, d.Path)
		}
		out = append(out, m)
	}
	return out
}

// Holding says what is in memory of the API: watches that are open, objects that
// they hold, and how often a watch had to be opened anew.
func (c *Cluster) Holding() (watches, objects int, restarts int64) {
	c.mu.Lock()
	watches = len(c.watches)
	c.mu.Unlock()
	c.view.mu.Lock()
	objects = len(c.view.objects)
	c.view.mu.Unlock()
	return watches, objects, c.restarts.Load()
}

// opening counts a watch that is opened anew: the first is no news.
func (c *Cluster) opening(w *watcher) {
	select {
	case <-w.synced:
		c.restarts.Add(1)
	default:
	}
}
