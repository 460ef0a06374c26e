package approve

import (
	"context"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// Way is how a plan that waits is read and answered: by a server, or here.
type Way interface {
	Waiting(ctx context.Context, u lockstep.Unit) (live.Waiting, error)
	Say(ctx context.Context, u lockstep.Unit, w live.Waiting, say live.Say) (client.Approval, error)
}

// WayOf returns the way that was chosen.
func WayOf(e *env.Env) (Way, error) {
	g, err := e.Gateway()
	if err != nil {
		return nil, err
	}
	if g != nil {
		return Served{g}, nil
	}
	c, err := e.Client()
	if err != nil {
		return nil, err
	}
	return direct{e, c}, nil
}

// Served asks a server.
type Served struct{ Gateway *gateway.Client }

// Waiting asks for the plan.
func (s Served) Waiting(ctx context.Context, u lockstep.Unit) (live.Waiting, error) {
	w, err := gateway.Read[live.Waiting](s.Gateway)(s.Gateway.API().GetWaitingPlan(ctx, u.Namespace, u.Name))
	if err != nil {
		return live.Waiting{}, err
	}
	return *w, nil
}

// Say has the server write it.
func (s Served) Say(ctx context.Context, u lockstep.Unit, _ live.Waiting, say live.Say) (client.Approval, error) {
	read := gateway.Read[client.Approval](s.Gateway)
	var a *client.Approval
	var err error
	if say.Rejected {
		a, err = read(s.Gateway.API().RejectPlan(ctx, u.Namespace, u.Name, client.RejectionWish{Plan: say.Plan, Reason: say.Reason}))
	} else {
		a, err = read(s.Gateway.API().ApprovePlan(ctx, u.Namespace, u.Name, client.ApprovalWish{Plan: say.Plan, Reason: say.Reason, AcceptLoss: say.Accept}))
	}
	if err != nil {
		return client.Approval{}, err
	}
	return *a, nil
}

// direct reads what is kept, or plans here, and writes spec.approval by the kubeconfig.
type direct struct {
	e *env.Env
	c *api.Client
}

// Waiting judges what may be lost on a cluster by the worst case; see package rollback.
func (d direct) Waiting(ctx context.Context, u lockstep.Unit) (live.Waiting, error) {
	s, err := d.c.Stack(ctx, u)
	if err != nil {
		return live.Waiting{}, err
	}
	if _, err := live.HeldPlan(s); err != nil {
		return live.Waiting{}, err
	}
	if s.Spec.Terraform != nil {
		return live.KeptWaiting(ctx, s, d.kept)
	}
	l, err := lookup.New(d.e, d.c)
	if err != nil {
		return live.Waiting{}, err
	}
	defer l.Close()
	k, err := l.Plan(ctx, s)
	if k.Plan.Unit.Name == "" {
		return live.Waiting{}, err
	}
	return live.PlanWaiting(s, k.Plan, live.Judged(s, k.Plan, k.Live, len(k.Desired.Objects), risk.Facts{}), err), nil
}

func (d direct) kept(ctx context.Context, u lockstep.Unit) (shelf.Plan, bool, error) {
	data, err := d.c.Secret(ctx, u.Namespace, shelf.PlanName(u.Name))
	if fault.KindOf(err) == fault.KindNotFound {
		return shelf.Plan{}, false, nil
	}
	if err != nil {
		return shelf.Plan{}, false, err
	}
	return shelf.Read(u, data)
}

// Say writes it in the caller's name, which the API holds them to.
func (d direct) Say(ctx context.Context, u lockstep.Unit, w live.Waiting, say live.Say) (client.Approval, error) {
	s, err := d.c.Stack(ctx, u)
	if err != nil {
		return client.Approval{}, err
	}
	by, err := d.c.Whoami(ctx)
	if err != nil {
		return client.Approval{}, err
	}
	a := say.Approval(by, d.e.Now())
	if live.Said(s, a) {
		a = s.Spec.Approval
	} else {
		now, err := live.HeldPlan(s)
		if err != nil {
			return client.Approval{}, err
		}
		w.Digest = now.Digest // it may have moved while somebody thought
		if err := w.Check(u, say); err != nil {
			return client.Approval{}, err
		}
		if err := d.c.SetApproval(ctx, s, a); err != nil {
			return client.Approval{}, err
		}
	}
	return client.Approval{Plan: a.Plan, Rejected: a.Rejected, By: a.By, At: a.At.Time, Reason: a.Reason, AcceptLoss: append([]string{}, a.AcceptLoss...)}, nil
}
