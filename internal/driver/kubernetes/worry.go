package kubernetes

import (
	"context"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// worry is what a workload that is not healthy has besides: where its pods are,
// and what they said when they were last asked.
type worry struct {
	parent health.Parent
	told   string
	asked  bool // told is an answer, not what was carried over
}

// worryOf returns the worry about an object; nil for one that is well, and for
// most kinds.
func worryOf(key lockstep.Key, tree map[string]any, h lockstep.Health) *worry {
	if key == podKey(key) {
		if h.Status == lockstep.Degraded {
			return &worry{}
		}
		return nil
	}
	parent, ok := health.ParentOf(tree, h)
	if !ok {
		return nil
	}
	return &worry{parent: parent}
}

func podKey(key lockstep.Key) lockstep.Key {
	return lockstep.Key{Kind: "Pod", Namespace: key.Namespace, Name: key.Name}
}

func (r *record) told() string {
	if r.worry == nil {
		return ""
	}
	return r.worry.told
}

// remember carries over what the pods said while nobody has asked them anew: the
// workload's own words often change before its pods' do.
func (r *record) remember(old *record) {
	if r.worry == nil || r.worry.asked || r.worry.told != "" || old == nil || old.uid != r.uid {
		return
	}
	if told := old.told(); told != "" {
		r.worry = &worry{parent: r.worry.parent, told: told}
	}
}

// tell says that r may need a look, or that it does not any more; v.mu is held.
func (v *view) tell(r, old *record) {
	if v.worried == nil || r.worry == nil && (old == nil || old.worry == nil) {
		return
	}
	v.worried(r)
}

// heard stores what the pods of an object said, unless it is well by now or was
// replaced.
func (v *view) heard(key lockstep.Key, uid, told string) []driver.Change {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.objects[key]
	if old == nil || old.uid != uid || old.worry == nil {
		return nil
	}
	r := *old
	r.worry = &worry{parent: old.worry.parent, told: told, asked: true}
	return v.put(&r, old)
}

// How patiently pods are asked. Whatever comes right by itself within the grace
// is asked nothing: a thousand workloads that start cost no request.
const (
	graceProgressing = 10 * time.Second // since its own words changed last
	graceDegraded    = time.Second
	firstPause       = 15 * time.Second
	longestPause     = 10 * time.Minute
	betweenLooks     = 200 * time.Millisecond // of one Target
	lookTimeout      = 10 * time.Second
)

// carer asks the pods of workloads that stay unhealthy, one workload at a time,
// ever more seldom while they say the same.
type carer struct {
	cluster *Cluster

	mu      sync.Mutex
	cases   map[lockstep.Key]*medical
	running bool
	poke    chan struct{}
}

// medical is one workload that is not well.
type medical struct {
	uid    string
	health lockstep.Health
	due    time.Time
	pause  time.Duration
	logs   *logs
}

// logs are the last words of crashes that were read already, by what ended how:
// the next crash of the same sort would say the same, but for its time. Only run
// touches them.
type logs struct {
	lines map[string]string
	tries int // in vain, one after the other
}

// worry takes in the newest state of an object. It is called for every event of
// unhealthy objects, under the lock of the view.
func (c *carer) worry(r *record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.worry == nil {
		delete(c.cases, r.key)
		return
	}
	m := c.cases[r.key]
	if m != nil && m.uid == r.uid && m.health == r.health {
		return
	}
	fresh := &medical{uid: r.uid, health: r.health, due: time.Now().Add(grace(r.health)), pause: firstPause, logs: &logs{lines: map[string]string{}}}
	if m != nil && m.uid == r.uid {
		fresh.logs = m.logs
	}
	if c.cases == nil {
		c.cases, c.poke = map[lockstep.Key]*medical{}, make(chan struct{}, 1)
	}
	c.cases[r.key] = fresh
	if !c.running {
		c.running = true
		go c.run(c.cluster.ctx)
		return
	}
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

func grace(h lockstep.Health) time.Duration {
	if h.Status == lockstep.Degraded {
		return graceDegraded
	}
	return graceProgressing
}

// run looks at whoever is due, until all are well.
func (c *carer) run(ctx context.Context) {
	for {
		key, wait, more := c.next(time.Now())
		if !more {
			return
		}
		if wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-c.poke:
			case <-time.After(wait):
			}
			continue
		}
		c.visit(ctx, key)
		select {
		case <-ctx.Done():
			return
		case <-time.After(betweenLooks):
		}
	}
}

// next returns whose turn it is and in how long; false ends the run.
func (c *carer) next(now time.Time) (key lockstep.Key, wait time.Duration, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first *medical
	for k, m := range c.cases {
		if first == nil || m.due.Before(first.due) || m.due.Equal(first.due) && k.Compare(key) < 0 {
			key, first = k, m
		}
	}
	if first == nil {
		c.running = false
		return key, 0, false
	}
	return key, first.due.Sub(now), true
}

// visit asks the pods of one workload and stores what they say.
func (c *carer) visit(ctx context.Context, key lockstep.Key) {
	r := c.cluster.view.get(key)
	c.mu.Lock()
	m := c.cases[key]
	if r == nil || r.worry == nil || m == nil || m.uid != r.uid {
		delete(c.cases, key)
		c.mu.Unlock()
		return
	}
	m.due = time.Now().Add(m.pause)
	m.pause = min(2*m.pause, longestPause)
	c.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	told, err := c.cluster.ask(ctx, r, m.logs)
	if err != nil {
		c.cluster.log.Debug("the pods of an unhealthy workload cannot be asked", "object", key.String(), "error", err)
		return
	}
	c.cluster.notify(c.cluster.view.heard(key, r.uid, told))
}
