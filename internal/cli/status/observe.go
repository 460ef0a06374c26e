package status

import (
	"context"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// observe asks the Target itself; nothing that Lockstep remembers is trusted
// when somebody wants to see objects.
func observe(e *env.Env) func(context.Context, *v1alpha1.Stack) ([]Object, error) {
	return func(ctx context.Context, s *v1alpha1.Stack) ([]Object, error) {
		g, err := e.Gateway()
		if err != nil {
			return nil, err
		}
		if g != nil {
			return served(ctx, g, stack.UnitOf(s))
		}
		c, err := e.Client()
		if err != nil {
			return nil, err
		}
		l, err := lookup.New(e, c)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		live, err := l.Observe(ctx, s)
		return objects(live), err
	}
}

// served asks a server, page by page. What the cluster made of objects is left out,
// as it is where the CLI looks itself.
func served(ctx context.Context, g *gateway.Client, u lockstep.Unit) ([]Object, error) {
	out := []Object{}
	in := &client.ListResourcesParams{}
	for {
		page, err := gateway.Read[client.Resources](g)(g.API().ListResources(ctx, u.Namespace, u.Name, in))
		if err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			if r.Managed {
				out = append(out, Object{Key: r.Id, Health: r.Health, Message: r.Message})
			}
		}
		if page.Next == "" {
			return out, nil
		}
		in.Cursor = &page.Next
	}
}
