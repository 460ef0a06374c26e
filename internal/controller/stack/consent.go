package stack

import (
	"context"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/approval"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// decideModule says whether the proposal on the desk may be carried out.
func (r *Reconciler) decideModule(ctx context.Context, p *pass) (approval.Verdict, error) {
	d := p.desk
	findings, err := r.judgeModule(ctx, p)
	if err != nil {
		return approval.Verdict{}, err
	}
	p.findings = findings
	f := approval.Facts{
		Plan: p.plan, Set: &d.proposal.Set, Findings: findings, Policy: stack.ApprovalPolicyOf(p.stack),
		Given: stack.ApprovalOf(p.stack), Approved: d.about(stack.ApprovalOf(p.stack)), Author: p.memo.Revision.Author, Cause: p.moduleCause(), Now: time.Now(),
	}
	f.Consumed = p.before.Status.Consumed
	v := approval.Decide(f)
	if gate, held := p.held(); v.Open && v.Uses == "" && held && !d.asked {
		v = approval.Verdict{Gate: gate.Name, Reason: gate.Reason, Hint: gate.Hint}
	}
	return v, nil
}

// judgeModule says what may be lost by the proposal on the desk.
func (r *Reconciler) judgeModule(ctx context.Context, p *pass) ([]risk.Finding, error) {
	set := p.desk.proposal.Set
	if len(set.Destroys()) == 0 {
		return nil, nil
	}
	_, err := r.protectedBefore(ctx, p)
	return nil, err
}

// protectedBefore are the addresses that the configuration carried out last did not let
// be destroyed: a block that is gone takes its prevent_destroy with it.
func (r *Reconciler) protectedBefore(ctx context.Context, p *pass) (map[string]bool, error) {
	out := map[string]bool{}
	for _, a := range p.module.Protected {
		out[a] = true
	}
	commit := p.before.Status.Revision
	if commit == "" || commit == p.memo.Revision.Commit {
		return out, nil
	}
	earlier := p.stack.DeepCopy()
	earlier.Spec.Source.Revision = commit
	engine := stack.Engine{Lookup: r.lookup(nil), Key: r.Key}
	protected, err := engine.Protected(ctx, earlier, r.Modules.Collect)
	if err != nil {
		// A commit that was rewritten away cannot be asked. Its protection is unknown, not
		// absent, but to hold every plan of such a repository would be no help either: what
		// destroys is held by its own rule.
		return out, nil
	}
	for _, a := range protected {
		out[a] = true
	}
	return out, nil
}

// moduleCause is why the proposal was made, as far as an approval is concerned.
func (p *pass) moduleCause() approval.Cause {
	d := p.desk
	switch {
	case p.stack.Spec.Hold != nil:
		return approval.Commit // a person's wish
	case d.approved != nil && d.tries > 0:
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
