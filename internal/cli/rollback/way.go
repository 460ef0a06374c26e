package rollback

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

func wayOf(e *env.Env) (way, error) {
	g, err := e.Gateway()
	if err != nil {
		return nil, err
	}
	if g != nil {
		return served{g}, nil
	}
	c, err := e.Client()
	if err != nil {
		return nil, err
	}
	return direct{e, c}, nil
}

// served asks a server.
type served struct{ g *gateway.Client }

func (s served) Preview(ctx context.Context, u lockstep.Unit, to string, as live.Way) (live.Rollback, error) {
	by := client.PreviewRollbackParamsAs(as)
	r, err := gateway.Read[live.Rollback](s.g)(s.g.API().PreviewRollback(ctx, u.Namespace, u.Name, &client.PreviewRollbackParams{To: to, As: &by}))
	if err != nil {
		return live.Rollback{}, err
	}
	return *r, nil
}

func (s served) Go(ctx context.Context, u lockstep.Unit, r live.Rollback, w wish) (client.RollbackDone, error) {
	done, err := gateway.Read[client.RollbackDone](s.g)(s.g.API().RollbackStack(ctx, u.Namespace, u.Name, client.RollbackWish{
		To: w.To, As: string(r.As), Digest: r.Digest, For: w.For.String(), Reason: w.Reason, Accept: w.Accept,
	}))
	if err != nil {
		return client.RollbackDone{}, err
	}
	return *done, nil
}

func (s served) Release(ctx context.Context, u lockstep.Unit, reason string) error {
	_, err := gateway.Read[struct{}](s.g)(s.g.API().ReleaseHold(ctx, u.Namespace, u.Name, client.Why{Reason: reason}))
	return err
}

// Refused has the server refuse it, which it does by the same rule, and records it.
// What it answers is known already.
func (s served) Refused(ctx context.Context, u lockstep.Unit, r live.Rollback, w wish) {
	_, _ = s.Go(ctx, u, r, w)
}

// direct plans here, by the server's own code, and sets spec.hold by the kubeconfig.
type direct struct {
	e *env.Env
	c *api.Client
}

// Preview judges what may be lost by the worst case: what of it the cluster keeps
// after all is the server's to know.
func (d direct) Preview(ctx context.Context, u lockstep.Unit, to string, as live.Way) (live.Rollback, error) {
	if as != live.Hold {
		return live.Rollback{}, fault.Blocked("nothing is written to Git from here").At("stack %s", u).
			WithHint("a server does it, with the source's credential and on the record: lockstep login; or hold it: --as hold")
	}
	s, err := d.c.Stack(ctx, u)
	if err != nil {
		return live.Rollback{}, err
	}
	if s.DeletionTimestamp != nil {
		return live.Rollback{}, fault.Conflict("is being deleted").At("stack %s", u)
	}
	commit, err := httpapi.ReleaseOf(s, u, to)
	if err != nil {
		return live.Rollback{}, err
	}
	l, err := lookup.New(d.e, d.c)
	if err != nil {
		return live.Rollback{}, err
	}
	defer l.Close()
	then := s.DeepCopy()
	then.Spec.Hold = nil
	then.Spec.Source.Revision = commit
	k, err := l.Plan(ctx, then)
	if k.Plan.Unit.Name == "" {
		return live.Rollback{}, err
	}
	r := live.Assess(then, k.Plan.Revision, k.Plan, k.Live, err, risk.Facts{})
	if src, err := d.c.Source(ctx, stack.SourceOf(s)); err == nil {
		r.Newest = src.Status.Revision
	}
	return r, nil
}

func (d direct) Go(ctx context.Context, u lockstep.Unit, r live.Rollback, w wish) (client.RollbackDone, error) {
	s, err := d.c.Stack(ctx, u)
	if err != nil {
		return client.RollbackDone{}, err
	}
	by, err := d.c.Whoami(ctx)
	if err != nil {
		return client.RollbackDone{}, err
	}
	// Kubernetes keeps whole seconds.
	until := d.e.Now().Add(w.For + time.Second - 1).Truncate(time.Second).UTC()
	var accepted *v1alpha1.Approval
	if len(r.Accept) > 0 {
		at := metav1.NewTime(d.e.Now())
		accepted = &v1alpha1.Approval{Plan: r.Digest, AcceptLoss: w.Accept, Reason: w.Reason, By: by, At: &at}
	}
	err = d.c.SetHold(ctx, s, &v1alpha1.Hold{Revision: r.Revision, Until: metav1.Time{Time: until}, Reason: w.Reason, By: by}, accepted)
	return client.RollbackDone{Revision: r.Revision, Until: &until}, err
}

// Refused does nothing: there is no record without a server.
func (d direct) Refused(context.Context, lockstep.Unit, live.Rollback, wish) {}

func (d direct) Release(ctx context.Context, u lockstep.Unit, _ string) error {
	s, err := d.c.Stack(ctx, u)
	if err != nil {
		return err
	}
	if s.Spec.Hold == nil {
		return nil // it follows Git already
	}
	if s.DeletionTimestamp != nil {
		return fault.Conflict("is being deleted").At("stack %s", u)
	}
	return d.c.SetHold(ctx, s, nil, nil)
}
