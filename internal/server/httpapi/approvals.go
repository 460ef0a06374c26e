package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// ApprovalWish is a yes to a plan.
type ApprovalWish struct {
	Plan       string   `json:"plan" pattern:"^sha256:[0-9a-f]{64}$" doc:"digest of the plan that was read; if the plan moved since, nothing is done"`
	Reason     string   `json:"reason,omitempty" maxLength:"1000" doc:"why; a plan that may lose data needs one"`
	AcceptLoss []string `json:"acceptLoss,omitempty" maxItems:"1000" doc:"what may be lost, each of the plan's accept written out"`
}

// RejectionWish is a no to a plan.
type RejectionWish struct {
	Plan   string `json:"plan" pattern:"^sha256:[0-9a-f]{64}$" doc:"digest of the plan that was read"`
	Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"why, for whoever made the change"`
}

// Approval is what somebody said to a plan.
type Approval struct {
	Plan       string    `json:"plan" doc:"digest of the plan"`
	Rejected   bool      `json:"rejected" doc:"it must not be carried out"`
	By         string    `json:"by"`
	At         time.Time `json:"at"`
	Reason     string    `json:"reason,omitempty"`
	AcceptLoss []string  `json:"acceptLoss" doc:"what may be lost"`
}

type approvePlan struct {
	UnitPath
	Body ApprovalWish
}

type rejectPlan struct {
	UnitPath
	Body RejectionWish
}

type approvalAnswer struct{ Body Approval }

func registerApprovals(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/stacks/{namespace}/{name}/waiting-plan", "getWaitingPlan", "The plan that waits for a person", 404, 409, 503)
	o.Description = "Of a module it is the plan that was made and kept, of every other Stack it is computed against what is live. 409 where the Stack holds no plan."
	huma.Register(api, o, func(ctx context.Context, in *struct{ UnitPath }) (*struct{ Body live.Waiting }, error) {
		return answer(ctx, d, access.Get, in.UnitPath, func(l *live.Looker, u lockstep.Unit) (live.Waiting, error) { return l.Waiting(ctx, u) })
	})
	o = operation(http.MethodPost, "/stacks/{namespace}/{name}/approve", "approvePlan", "Say yes to the plan that a Stack holds", 404, 409, 422, 503)
	o.Description = "It opens exactly the plan of that digest, once. A plan that may lose data also needs a reason, and each of the plan's accept. Said again by the same person it changes nothing."
	huma.Register(api, o, func(ctx context.Context, in *approvePlan) (*approvalAnswer, error) {
		return d.say(ctx, "approve", in.unit(), live.Say{Plan: in.Body.Plan, Reason: in.Body.Reason, Accept: in.Body.AcceptLoss})
	})
	o = operation(http.MethodPost, "/stacks/{namespace}/{name}/reject", "rejectPlan", "Say no to the plan that a Stack holds", 404, 409, 422, 503)
	o.Description = "The plan stays held under every policy, until another commit makes another one or it is approved after all."
	huma.Register(api, o, func(ctx context.Context, in *rejectPlan) (*approvalAnswer, error) {
		return d.say(ctx, "reject", in.unit(), live.Say{Plan: in.Body.Plan, Reason: in.Body.Reason, Rejected: true})
	})
}

// say writes what somebody says to the plan that u holds. What was tried is recorded as
// that, also where it was refused.
func (d *Deps) say(ctx context.Context, deed string, u lockstep.Unit, say live.Say) (*approvalAnswer, error) {
	out := &approvalAnswer{}
	kept := store.ApprovalDetail{Plan: say.Plan, Losses: say.Accept}
	act := Act{
		Name: deed, Verb: access.Approve, Resource: access.Stacks, Unit: u, Reason: say.Reason,
		Detail: func() store.Detail { return kept },
	}
	err := d.act(ctx, act, func(ctx context.Context) error {
		p, err := who(ctx)
		if err != nil {
			return err
		}
		s := &v1alpha1.Stack{}
		if err := d.object(ctx, u, s, "stack"); err != nil {
			return err
		}
		a := say.Approval(bounded(p.Name, 256), time.Now())
		if live.Said(s, a) {
			out.Body = approvalOf(s.Spec.Approval)
			return nil
		}
		if d.Live == nil {
			return fault.Unavailable("this server does not look at Stacks").At("stack %s", u)
		}
		now, err := d.Live.Waiting(ctx, u)
		if err != nil {
			return err
		}
		kept.Revision, kept.Gate = now.Revision, now.Gate
		if err := now.Check(u, say); err != nil {
			return err
		}
		out.Body = approvalOf(a)
		return d.setApproval(ctx, u, a)
	})
	if err != nil {
		return nil, problem(err)
	}
	return out, nil
}

func approvalOf(a *v1alpha1.Approval) Approval {
	out := Approval{Plan: a.Plan, Rejected: a.Rejected, By: a.By, Reason: a.Reason, AcceptLoss: append([]string{}, a.AcceptLoss...)}
	if a.At != nil {
		out.At = a.At.Time
	}
	return out
}

// setApproval writes the one field as the server itself; see setPause.
func (d *Deps) setApproval(ctx context.Context, u lockstep.Unit, a *v1alpha1.Approval) error {
	body, err := json.Marshal(live.ApprovalPatch(a))
	if err != nil {
		return fault.Internal(err)
	}
	return d.patchSpec(ctx, u, body)
}
