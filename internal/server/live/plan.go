package live

import (
	"context"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/drift"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Planned is a plan as somebody looks at it, and what they should know beside.
type Planned struct {
	Plan     plan.Plan
	Warnings []string
	// Problem is about objects that cannot be planned; the others are.
	Problem error
	// Fate says what becomes of the plan without anybody's doing.
	Fate Fate
}

// Fate is what becomes of a plan.
type Fate string

// The fates.
const (
	FateNone    Fate = "none"    // there is nothing to do
	FateHeld    Fate = "held"    // a gate is closed
	FatePaused  Fate = "paused"  // until the Stack goes on
	FateManual  Fate = "manual"  // until somebody reconciles
	FateApplied Fate = "applied" // by itself, and soon
	FateTrial   Fate = "trial"   // it is of another commit than Git is at
)

// FateOf says what becomes of p, a plan for what the Source of s says now.
func FateOf(s *v1alpha1.Stack, p plan.Plan) Fate {
	_, held := p.Held()
	switch {
	case p.Empty():
		return FateNone
	case held:
		return FateHeld
	case Paused(s):
		return FatePaused
	case s.Spec.Sync.Mode == v1alpha1.SyncManual:
		return FateManual
	}
	return FateApplied
}

// Plan says what carrying out revision would change now; "" is what the Source says.
func (l *Looker) Plan(ctx context.Context, u lockstep.Unit, revision string) (Planned, error) {
	if s, err := l.stack(ctx, u); err == nil && s.Spec.Terraform != nil && l.Kept != nil {
		return l.keptPlan(ctx, s, revision)
	}
	d, err := l.desired(ctx, u, revision)
	if err != nil {
		return Planned{}, err
	}
	s, err := l.stack(ctx, u)
	if err != nil {
		return Planned{}, err
	}
	if !s.DeletionTimestamp.IsZero() {
		return Planned{}, fault.Conflict("is being deleted").At("stack %s", u)
	}
	then := *d
	then.stack = s
	if revision != "" {
		then.stack = s.DeepCopy()
		then.stack.Spec.Source.Revision, then.stack.Spec.Hold = d.revision.Commit, nil
	}
	t, err := l.target(ctx, s)
	if err != nil {
		return Planned{}, err
	}
	rules, err := stack.HealthOf(s)
	if err != nil {
		return Planned{}, err
	}
	found, err := t.Observe(ctx, driver.Query{Unit: u, Kinds: stack.KindsOf(s), Desired: d.rendered.Objects, Health: rules})
	if err != nil {
		return Planned{}, settle(err)
	}
	out := Planned{Warnings: d.rendered.Warnings}
	out.Plan, out.Problem = l.plan(&then, found)
	if out.Fate = FateOf(s, out.Plan); revision != "" && !out.Plan.Empty() {
		out.Fate = FateTrial
	}
	return out, nil
}

// nobodyLooks is what becomes of drift that the Stack does not look at.
const nobodyLooks = "nobody looks: spec.sync.drift is ignore"

// Drift is all that others changed in what Git decides, also what is protected or
// ignored. A Stack that does not look at drift is looked at all the same: somebody asks.
func (l *Looker) Drift(ctx context.Context, u lockstep.Unit) ([]lockstep.Drift, error) {
	s, err := l.stack(ctx, u)
	if err != nil {
		return nil, err
	}
	if s.Spec.Sync.Drift != v1alpha1.DriftIgnore {
		c, err := l.compare(ctx, u)
		if err != nil {
			return nil, err
		}
		return c.all, nil
	}
	d, err := l.desired(ctx, u, "")
	if err != nil {
		return nil, err
	}
	asked := s.DeepCopy()
	asked.Spec.Sync.Drift = v1alpha1.DriftReport
	c, err := l.compareWith(ctx, asked, d)
	if err != nil {
		return nil, err
	}
	return Overlooked(drift.All(c.plan, stack.DriftRecorded(s.Status.Drift), time.Now().UTC())), nil
}

// Overlooked words what becomes of drift that the Stack does not look at.
func Overlooked(all []lockstep.Drift) []lockstep.Drift {
	for i := range all {
		if all[i].State == lockstep.DriftReported {
			all[i].Next = nobodyLooks
		}
	}
	return all
}
