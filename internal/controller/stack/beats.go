package stack

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/observe"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Reconcile is one pass: counted, timed and, when somebody listens, traced.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	ctx, span := r.Tracer.Root(ctx, "pass")
	span.Set("lockstep.stack.namespace", req.Namespace)
	span.Set("lockstep.stack.name", req.Name)
	r.Metrics.running.Inc()
	defer r.Metrics.running.Dec()
	res, err := r.reconcile(ctx, req)
	span.End(err)
	return res, err
}

// beat is one part of a pass while it is under way.
type beat struct {
	span  observe.Span
	of    beatName
	start time.Time
}

// beatName is a beat as metrics and traces call it.
type beatName uint8

const (
	beatObserve beatName = iota
	beatResolve
	beatRender
	beatPlan
	beatApply
	beatReport
	beats
)

var beatNames = [beats]string{"observe", "resolve", "render", "plan", "apply", "report"}

// begin begins a beat; end has to be called on it.
func (r *Reconciler) begin(ctx context.Context, of beatName) (context.Context, beat) {
	ctx, span := observe.Start(ctx, beatNames[of])
	return ctx, beat{span: span, of: of, start: time.Now()}
}

func (r *Reconciler) end(b beat, err error) {
	r.Metrics.beats[b.of].Observe(time.Since(b.start).Seconds())
	b.span.End(err)
}

// resolve finds what p's spec names.
func (r *Reconciler) resolve(ctx context.Context, l stack.Lookup, p *pass) (stack.Inputs, error) {
	pass := observe.Current(ctx)
	ctx, b := r.begin(ctx, beatResolve)
	in, err := stack.Resolve(ctx, l, p.stack)
	r.end(b, err)
	if err == nil && pass.On() {
		rev := in.Snapshot.Revision()
		pass.Set("lockstep.revision", rev.Commit)
		pass.Follows(r.Causes.Of(stack.SourceOf(p.stack), rev.Commit))
	}
	return in, err
}

// desired renders.
func (r *Reconciler) desired(ctx context.Context, engine stack.Engine, in stack.Inputs) (stack.Rendered, error) {
	ctx, b := r.begin(ctx, beatRender)
	out, err := engine.Desired(ctx, in)
	b.span.Set("lockstep.renderer", string(out.Kind))
	b.span.Set("lockstep.key", out.Key)
	b.span.Count("lockstep.objects", len(out.Objects))
	r.end(b, err)
	r.Metrics.rendered(out.Kind, err)
	return out, err
}

// decide plans.
func (r *Reconciler) decide(ctx context.Context, engine stack.Engine, in stack.Inputs, desired []lockstep.Object, live lockstep.Live) (plan.Plan, error) {
	_, b := r.begin(ctx, beatPlan)
	out, err := engine.Plan(in, desired, live)
	describePlan(b.span, out)
	r.end(b, err)
	r.Metrics.planned(out)
	return out, err
}

func describePlan(s observe.Span, p plan.Plan) {
	if !s.On() {
		return
	}
	s.Set("lockstep.plan.digest", p.Digest)
	s.Count("lockstep.plan.steps", len(p.Steps()))
}

// applyOne is one step through the driver.
func applyOne(ctx context.Context, d driver.Driver, as driver.Actor, step plan.Step) lockstep.Outcome {
	ctx, span := observe.Start(ctx, "apply object")
	if span.On() {
		span.Set("lockstep.object", step.Key.String())
		span.Set("lockstep.verb", step.Verb.String())
	}
	out := d.Apply(ctx, as, step)
	if span.On() {
		span.Set("lockstep.result", out.Result.String())
	}
	span.End(out.Err)
	return out
}

// describe says on a pass's span what it came to.
func describe(s observe.Span, p *pass, reason string, err error) {
	if !s.On() {
		return
	}
	if err != nil {
		s.Failed(err)
	}
	s.Set("lockstep.outcome", reason)
	s.Set("lockstep.key", p.memo.Key)
	s.Set("lockstep.revision", p.memo.Revision.Commit)
	s.Set("lockstep.plan.digest", p.plan.Digest)
	s.Count("lockstep.steps", len(p.outcomes))
}

// tell writes one line about a pass that did something, and none about one that
// found everything as it should be.
func (r *Reconciler) tell(ctx context.Context, p *pass, v v1alpha1.Verdict) {
	changed := slices.ContainsFunc(p.outcomes, func(o lockstep.Outcome) bool { return o.Result == lockstep.Done })
	if !changed {
		// What fails has its line when it is news, not at each try; this is for whoever
		// wants to know which passes there were.
		r.Log.DebugContext(ctx, "pass", "stack", p.unit.String(), "revision", p.memo.Revision.Short(), "reason", v.Ready.Reason,
			"remembered", p.plan.Digest == "", "live", len(p.live.Objects), "seconds", time.Since(p.start).Seconds())
		return
	}
	r.Log.InfoContext(ctx, "pass", "stack", p.unit.String(), "revision", p.memo.Revision.Short(),
		"steps", done(p.outcomes), "reason", v.Ready.Reason, "seconds", time.Since(p.start).Seconds())
}
