package drift

import (
	"context"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	core "github.com/lockstep-dev/lockstep/internal/core/drift"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// way is how drift is found out: by a server, or here.
type way interface {
	// One asks the Target of a Stack. More fields than are returned may have drifted.
	One(ctx context.Context, u lockstep.Unit) (out []Item, more int32, err error)
	// Recorded reads what the statuses of a namespace say, "" for all.
	Recorded(ctx context.Context, namespace string) (out []Item, more int32, err error)
}

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

func (s served) One(ctx context.Context, u lockstep.Unit) ([]Item, int32, error) {
	records, left, err := s.g.Drift(ctx, u)
	return items(u, records), left, err
}

func (s served) Recorded(ctx context.Context, namespace string) (out []Item, more int32, err error) {
	out = []Item{}
	err = s.g.Drifted(ctx, namespace, func(u lockstep.Unit, records []v1alpha1.DriftRecord, left int32) {
		out, more = append(out, items(u, records)...), more+left
	})
	return out, more, err
}

func items(u lockstep.Unit, records []v1alpha1.DriftRecord) []Item {
	out := []Item{}
	for _, r := range records {
		out = append(out, Item{u.Namespace, u.Name, r})
	}
	return out
}

// direct plans here, by the server's own code.
type direct struct {
	e *env.Env
	c *api.Client
}

// One looks also at a Stack that does not look at drift: somebody asks.
func (d direct) One(ctx context.Context, u lockstep.Unit) ([]Item, int32, error) {
	s, err := d.c.Stack(ctx, u)
	if err != nil {
		return nil, 0, err
	}
	asked := s.DeepCopy()
	off := s.Spec.Sync.Drift == v1alpha1.DriftIgnore
	if off {
		asked.Spec.Sync.Drift = v1alpha1.DriftReport
	}
	l, err := lookup.New(d.e, d.c)
	if err != nil {
		return nil, 0, err
	}
	defer l.Close()
	k, err := l.Plan(ctx, asked)
	if err != nil {
		return nil, 0, err
	}
	all := core.All(k.Plan, stack.DriftRecorded(s.Status.Drift), d.e.Now())
	if off {
		all = live.Overlooked(all)
	}
	var records []v1alpha1.DriftRecord
	for _, r := range all {
		records = append(records, stack.DriftRecord(r))
	}
	return items(u, records), 0, nil
}

func (d direct) Recorded(ctx context.Context, namespace string) (out []Item, more int32, err error) {
	list, err := d.c.Stacks(ctx, namespace)
	if err != nil {
		return nil, 0, err
	}
	out = []Item{}
	for i := range list.Items {
		s := &list.Items[i]
		if d := s.Status.Drift; d != nil {
			out = append(out, items(stack.UnitOf(s), d.Records)...)
			more += d.Fields - int32(len(d.Records))
		}
	}
	return out, more, nil
}
