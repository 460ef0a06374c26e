package stack

import (
	"context"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/approval"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// worrier is a driver that can look closer at what may be lost.
type worrier interface {
	RiskFacts(ctx context.Context, changes []risk.Change) risk.Facts
}

// guard puts a gate into the plan of a cluster's objects if a person has to approve it.
// It costs no request unless something goes that may keep data.
func (r *Reconciler) guard(ctx context.Context, p *pass) {
	if p.plan.Empty() || p.underWay() || p.run != nil && p.run.action == hook.Testing {
		return
	}
	p.findings = judge(ctx, p)
	v := approval.Decide(approval.Facts{
		Plan: p.plan, Findings: p.findings, Policy: stack.ApprovalPolicyOf(p.stack), Given: stack.ApprovalOf(p.stack),
		Consumed: p.before.Status.Consumed, Author: p.memo.Revision.Author, Cause: p.why(), Now: time.Now(),
	})
	if gate, there := v.PlanGate(); there {
		p.plan.Gates = append(p.plan.Gates, gate)
	}
	p.consent = v.Uses
}

// judge says what may be lost by the plan. Most plans lose nothing whatever the cluster
// holds, and nothing is read for them.
func judge(ctx context.Context, p *pass) []risk.Finding {
	changes := risk.ChangesOf(p.plan, p.live)
	own := 0
	for _, o := range p.live.Objects {
		if o.Unit == p.unit {
			own++
		}
	}
	limits := risk.DefaultLimits
	if p.stack.Spec.Sync.AllowEmpty && len(p.memo.Wants) == 0 {
		limits = risk.Limits{} // that all of it goes is what was allowed
	}
	found := risk.Judge(changes, own, risk.Facts{}, limits)
	w, ok := p.driver.(worrier)
	if !ok || risk.Worst(found) != risk.Loss || !slices.ContainsFunc(changes, func(c risk.Change) bool { return c.Verb == lockstep.Delete || c.Verb == lockstep.Replace }) {
		return found
	}
	return risk.Judge(changes, own, w.RiskFacts(ctx, changes), limits)
}

// why is the cause of the plan as far as an approval is concerned. To hold an earlier
// commit is a person's wish like a commit, which may be approved.
func (p *pass) why() approval.Cause {
	switch c := p.cause(); c {
	case causeDrift, causeRetry:
		return approval.Cause(c)
	}
	return approval.Commit
}
