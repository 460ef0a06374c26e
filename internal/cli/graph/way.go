package graph

import (
	"context"
	"errors"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	core "github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
)

// way is how the graph is found out: by a server, or here.
type way interface {
	// Graph has the Stacks of a namespace, "" for all, and what they depend on.
	Graph(ctx context.Context, namespace string) (core.Picture, error)
	// Near has all that may be seen, at least of the namespace of a Stack.
	Near(ctx context.Context, u lockstep.Unit) (core.Picture, error)
	// Exists returns the error of a Stack that may not be read, or is not there.
	Exists(ctx context.Context, u lockstep.Unit) error
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
	return direct{c}, nil
}

// served asks a server.
type served struct{ g *gateway.Client }

func (s served) Graph(ctx context.Context, namespace string) (core.Picture, error) {
	return s.g.Graph(ctx, namespace)
}

func (s served) Near(ctx context.Context, _ lockstep.Unit) (core.Picture, error) {
	return s.g.Graph(ctx, "")
}

func (s served) Exists(ctx context.Context, u lockstep.Unit) error {
	_, err := s.g.Stack(ctx, u)
	return err
}

// direct reads the Stacks themselves.
type direct struct{ c *api.Client }

func (d direct) Exists(ctx context.Context, u lockstep.Unit) error {
	_, err := d.c.Stack(ctx, u)
	return err
}

func (d direct) Graph(ctx context.Context, namespace string) (core.Picture, error) {
	p, err := d.look(ctx, namespace)
	if err == nil && namespace != "" {
		p = p.Within(namespace)
	}
	return p, err
}

func (d direct) Near(ctx context.Context, u lockstep.Unit) (core.Picture, error) {
	return d.look(ctx, u.Namespace)
}

// look reads all namespaces, since what a Stack depends on may be in any. Who may not
// do that sees one, and of the others what it names.
func (d direct) look(ctx context.Context, namespace string) (core.Picture, error) {
	list, err := d.c.Stacks(ctx, "")
	if namespace != "" && errors.Is(err, fault.KindDenied) {
		list, err = d.c.Stacks(ctx, namespace)
		p := pictureOf(list.Items, core.Unseen)
		for i := range p.Nodes {
			if n := &p.Nodes[i]; n.Presence == core.Unseen && n.Unit.Namespace == namespace {
				n.Presence = core.Missing
			}
		}
		return p, err
	}
	return pictureOf(list.Items, core.Missing), err
}

func pictureOf(items []v1alpha1.Stack, unknown core.Presence) core.Picture {
	b := board.New()
	for i := range items {
		b.Put(&items[i])
	}
	return httpapi.Picture(b.Needs(everything{}), everything{}, unknown)
}

// everything lets through what Kubernetes did.
type everything struct{}

func (everything) Contains(lockstep.Unit) bool { return true }
