package gateway

import (
	"context"

	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Graph returns what depends on what, of the Stacks of a namespace and all that they
// depend on; "" for all. The order is made here, by the server's own code.
func (c *Client) Graph(ctx context.Context, namespace string) (graph.Picture, error) {
	in := &wire.GetGraphParams{}
	if namespace != "" {
		in.Namespace = &namespace
	}
	g, err := Read[wire.Graph](c)(c.c.GetGraph(ctx, in))
	if err != nil {
		return graph.Picture{}, err
	}
	var nodes []graph.Node
	for _, n := range g.Nodes {
		x := graph.Node{Unit: lockstep.Unit{Namespace: n.Namespace, Name: n.Name}, Presence: graph.Presence(n.Presence), Driver: n.Driver, Ready: n.Ready, LeftOut: int(zero(n.LeftOut))}
		// Nothing is known of what is not there.
		if x.Presence == graph.Known {
			x.Health, x.Step, x.Attention = n.Health, n.Step, n.Attention
		}
		nodes = append(nodes, x)
	}
	var edges []graph.Edge
	for _, e := range g.Edges {
		x := graph.Edge{Outputs: e.Outputs}
		if x.Unit, err = lockstep.ParseUnit(e.Stack, ""); err == nil && !e.Hidden {
			x.On, err = lockstep.ParseUnit(e.DependsOn, "")
		}
		if err != nil {
			return graph.Picture{}, fault.Unavailable("the server answers what this command cannot read: %v", err).WithHint("is it of another version? lockstep version")
		}
		edges = append(edges, x)
	}
	return graph.Draw(nodes, edges, graph.Missing), nil
}
