package stack

import (
	"sync"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// rules keeps the compiled health rules of the Stacks that have some, so that a
// pass does not compile them anew.
type rules struct {
	mu   sync.Mutex
	kept map[lockstep.Unit]ruled
}

type ruled struct {
	generation int64
	rules      *health.Rules
	err        error
}

// of returns the rules of a Stack, nil for none. Mistakes in them stop a pass
// before anything is applied: a release that nobody can judge would never end.
func (r *rules) of(s *v1alpha1.Stack) (*health.Rules, error) {
	unit := stack.UnitOf(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(s.Spec.Health) == 0 {
		delete(r.kept, unit)
		return nil, nil
	}
	k, known := r.kept[unit]
	if known && k.generation == s.Generation {
		return k.rules, k.err
	}
	if r.kept == nil {
		r.kept = map[lockstep.Unit]ruled{}
	}
	k = ruled{generation: s.Generation}
	k.rules, k.err = stack.HealthOf(s)
	r.kept[unit] = k
	return k.rules, k.err
}

func (r *rules) forget(u lockstep.Unit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.kept, u)
}
