package stack

import (
	"context"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/approval"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/core/tfconfig"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// decideModule says whether the proposal on the desk may be carried out.
func (r *Reconciler) decideModule(ctx context.Context, p *pass) approval.Verdict {
	d := p.desk
	p.findings = r.judgeModule(ctx, p)
	f := approval.Facts{
		Plan: p.plan, Set: &d.proposal.Set, Findings: p.findings, Policy: stack.ApprovalPolicyOf(p.stack),
		Given: stack.ApprovalOf(p.stack), Approved: d.about(stack.ApprovalOf(p.stack)), Author: p.memo.Revision.Author, Cause: p.moduleCause(), Now: time.Now(),
	}
	f.Consumed = p.before.Status.Consumed
	v := approval.Decide(f)
	if gate, held := p.held(); v.Open && v.Uses == "" && held && !d.asked {
		v = approval.Verdict{Gate: gate.Name, Reason: gate.Reason, Hint: gate.Hint}
	}
	return v
}

// judgeModule says what may be lost by the proposal on the desk.
func (r *Reconciler) judgeModule(ctx context.Context, p *pass) []risk.Finding {
	now := tfconfig.Read(p.module.Job.Files, p.module.Job.Dir)
	facts := risk.Facts{
		ProtectedNow: now.Protected, Protected: r.protectedBefore(ctx, p, now.Protected),
		Locked: now.Locked, Feeds: now.Feeds, Features: now.Features,
		Had: int(p.before.Status.Objects), Destroying: p.desk.destroying,
	}
	if t := p.before.Status.Terraform; t != nil {
		facts.State = change.StateRef{Lineage: t.Lineage, Serial: t.Serial}
	}
	return risk.JudgeSet(p.desk.proposal.Set, facts, risk.DefaultLimits)
}

// protectedBefore are the blocks that the configuration carried out last did not let be
// destroyed: a block that is gone takes its prevent_destroy with it.
//
// A commit that was rewritten away cannot be asked, and protects nothing: what destroys
// is held by its own rule.
func (r *Reconciler) protectedBefore(ctx context.Context, p *pass, now map[string]bool) map[string]bool {
	commit := p.before.Status.Revision
	if commit == "" || commit == p.memo.Revision.Commit {
		return now
	}
	engine := stack.Engine{Lookup: r.lookup(nil), Key: r.Key}
	files, err := engine.Earlier(ctx, p.stack, commit, r.Modules.Collect)
	if err != nil {
		r.Log.WarnContext(ctx, "what was protected before is not known", "stack", p.unit.String(), "commit", commit, "error", err)
		return nil
	}
	return tfconfig.Read(files, p.module.Job.Dir).Protected
}

// moduleCause is why the proposal was made, as far as an approval is concerned.
func (p *pass) moduleCause() approval.Cause {
	d := p.desk
	switch {
	case p.stack.Spec.Hold != nil:
		return approval.Commit // a person's wish
	case d.approved != nil:
		return approval.Retry
	case p.before.Status.Key == p.module.Key && !d.asked:
		return approval.Heal
	}
	return approval.Commit
}

// about is the set that an approval names, if it is still known.
func (d *desk) about(a *approval.Approval) *change.Set {
	if a == nil {
		return nil
	}
	for _, s := range []*change.Set{d.approved, d.known} {
		if s != nil && s.Digest() == a.Digest {
			return s
		}
	}
	return nil
}
