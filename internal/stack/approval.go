package stack

import (
	"context"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/approval"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// ApprovalPolicyOf is the part of a spec that says which plans need a person.
func ApprovalPolicyOf(s *v1alpha1.Stack) approval.Policy {
	sync := s.Spec.Sync
	p := approval.Policy{Mode: approval.Mode(sync.Approval), For: classes(sync.ApprovalFor), ExcludeAuthor: sync.ExcludeAuthor}
	if t := s.Spec.Terraform; t != nil {
		p.Heal = classes(t.Drift.Heal)
	}
	return p
}

func classes(cs []v1alpha1.ChangeClass) []change.Action {
	var out []change.Action
	for _, c := range cs {
		if a, known := change.ParseAction(string(c)); known {
			out = append(out, a)
		}
	}
	return out
}

// ApprovalOf is what was said to a plan of s last; nil if nothing was. What a person
// said goes before what Git says.
func ApprovalOf(s *v1alpha1.Stack) *approval.Approval {
	if a := s.Spec.Approval; a != nil {
		out := &approval.Approval{Digest: a.Plan, By: a.By, Reason: a.Reason, Accepts: a.AcceptLoss, Rejected: a.Rejected}
		if a.At != nil {
			out.At = a.At.Time
		}
		return out
	}
	if s.Spec.Approved != "" {
		return &approval.Approval{Digest: s.Spec.Approved, InGit: true}
	}
	return nil
}

// Earlier is what the module of s was made of at a commit that its Source knows.
func (e Engine) Earlier(ctx context.Context, s *v1alpha1.Stack, commit string, collect Collector) (map[string][]byte, error) {
	snap, err := e.Lookup.Snapshot(ctx, SourceOf(s), commit)
	if err != nil {
		return nil, err
	}
	dir, err := lockstep.CleanPath(s.Spec.Source.Path)
	if err != nil {
		return nil, err
	}
	got, err := collect(snap, dir, nil)
	return got.Files, err
}
