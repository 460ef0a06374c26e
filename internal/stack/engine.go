package stack

import (
	"context"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Renderer turns a request into objects; internal/render is the real one.
type Renderer func(ctx context.Context, req render.Request) (render.Result, error)

// Engine is all that a pass needs. It keeps no state.
type Engine struct {
	Lookup Lookup
	Render Renderer
	// Key makes digests of Secrets useless to whoever does not hold it.
	Key []byte
	// AllowRemote lets kustomizations fetch remote bases and resources.
	AllowRemote bool
	// Follow is told of each render as it begins, and may end it by the context that
	// it returns; nil for nobody.
	Follow func(context.Context, *render.Recorder) (context.Context, func())
}

// Rendered is what a Stack's directory came to at one revision.
type Rendered struct {
	render.Result
	// Key is the content key: equal keys mean an equal result.
	Key   string
	Reads render.Reads
}

// Desired renders in, recording what was really read.
func (e Engine) Desired(ctx context.Context, in Inputs) (Rendered, error) {
	in.Request.AllowRemote = e.AllowRemote
	req, rec := render.Record(in.Request)
	if e.Follow != nil {
		var stop func()
		ctx, stop = e.Follow(ctx, rec)
		defer stop()
	}
	res, err := e.Render(ctx, req)
	if err != nil {
		return Rendered{Result: render.Result{Kind: res.Kind}, Reads: rec.Reads()}, err
	}
	reads := rec.Reads()
	return Rendered{Result: res, Reads: reads, Key: reads.Key(render.Params(in.Request, e.Key))}, nil
}

// Observe asks the Target what is live of the Stack. Kinds that the Stack had
// objects of before are asked for even when Git no longer names them.
func (e Engine) Observe(ctx context.Context, in Inputs, desired []lockstep.Object) (lockstep.Live, error) {
	rules, err := HealthOf(in.Stack)
	if err != nil {
		return lockstep.Live{}, err
	}
	return in.Driver.Observe(ctx, driver.Query{
		Unit:    UnitOf(in.Stack),
		Kinds:   KindsOf(in.Stack),
		Desired: desired,
		Health:  rules,
	})
}

// Plan decides what should happen. It may return a plan and an error together:
// objects that cannot be planned do not hold up the others.
func (e Engine) Plan(in Inputs, desired []lockstep.Object, live lockstep.Live) (plan.Plan, error) {
	return plan.Make(plan.Facts{
		Unit:     UnitOf(in.Stack),
		Target:   TargetOf(in.Stack),
		Revision: in.Snapshot.Revision(),
		Desired:  desired,
		Live:     live,
		Policy:   PolicyOf(in.Stack),
		Carried:  in.Carried,
		Ran:      in.Ran,
		Hooks:    in.Hooks,
		Key:      e.Key,
	})
}

// Carried says whether what key stands for is what s came to in full, by a pass
// that knew its spec as it is.
func Carried(s *v1alpha1.Stack, key string) bool {
	return key != "" && s.Status.Key == key && s.Status.ObservedGeneration == s.Generation
}

// driftModes: an empty one is the default.
var driftModes = map[v1alpha1.DriftMode]plan.DriftMode{
	v1alpha1.DriftHeal: plan.DriftHeal, v1alpha1.DriftReport: plan.DriftReport, v1alpha1.DriftIgnore: plan.DriftOff,
}

// PolicyOf is the part of a spec that plans depend on.
func PolicyOf(s *v1alpha1.Stack) plan.Policy {
	sync := s.Spec.Sync
	p := plan.Policy{
		Prune:      sync.Prune == nil || *sync.Prune,
		Drift:      driftModes[sync.Drift],
		AllowEmpty: sync.AllowEmpty,
		Replace:    sync.Immutable == v1alpha1.ImmutableReplace,
	}
	for _, i := range s.Spec.IgnoreDifferences {
		p.Ignore = append(p.Ignore, plan.Ignore{
			Group: i.Group, Kind: i.Kind, Namespace: i.Namespace, Name: i.Name,
			JSONPointers: i.JSONPointers, JQPaths: i.JQPaths, Managers: i.Managers,
		})
	}
	return p
}
