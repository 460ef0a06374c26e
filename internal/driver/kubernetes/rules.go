package kubernetes

import (
	"context"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// unitRules are the health rules of the units that have some, which are few.
type unitRules struct {
	mu sync.RWMutex
	of map[lockstep.Unit]*health.Rules
}

func (u *unitRules) get(unit lockstep.Unit) *health.Rules {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.of[unit]
}

// swap stores the rules of a unit and returns those it had.
func (u *unitRules) swap(unit lockstep.Unit, rules *health.Rules) *health.Rules {
	u.mu.Lock()
	defer u.mu.Unlock()
	old := u.of[unit]
	switch {
	case rules == nil:
		delete(u.of, unit)
	case u.of == nil:
		u.of = map[lockstep.Unit]*health.Rules{unit: rules}
	default:
		u.of[unit] = rules
	}
	return old
}

// record projects an object and judges it by the rules of the unit whose mark it
// carries.
func (v *view) record(tree map[string]any) *record {
	r := projected(tree)
	r.judgeBy(v.rules.get(r.unit), tree)
	return r
}

// judgeAnew takes in the unit's rules. Memory holds verdicts and not objects, so
// when they have changed, what they are about is read once more.
func (c *Cluster) judgeAnew(ctx context.Context, q driver.Query) error {
	if c.view.rules.get(q.Unit).Digest() == q.Health.Digest() {
		return nil
	}
	old := c.view.rules.swap(q.Unit, q.Health)
	for _, r := range c.view.ofUnit(q.Unit) {
		if !old.Concern(r.key) && !q.Health.Concern(r.key) {
			continue
		}
		tree, err := c.get(ctx, identity{}, r.key, r.version)
		if err != nil {
			c.view.rules.swap(q.Unit, old) // so that the next Observe tries again
			return err
		}
		if tree != nil {
			c.view.rejudge(r.key, tree)
		}
	}
	return nil
}

// rejudge gives a record the health of the object that it was made from, or of a
// later state of it. A record that is later still was judged by the new rules.
func (v *view) rejudge(key lockstep.Key, tree map[string]any) {
	now := v.record(tree)
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.objects[key]
	if old == nil || old.uid != now.uid || newer(old.rv, now.rv) {
		return
	}
	r := *old
	r.health, r.worry = now.health, now.worry
	v.put(&r, old)
}
