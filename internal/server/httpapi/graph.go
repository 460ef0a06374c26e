package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
)

// Graph is Stacks with what they depend on, by dependsOn and by inputs.
type Graph struct {
	Nodes  []GraphNode `json:"nodes" doc:"in the order in which they go: by wave, then by name; what never goes last"`
	Edges  []GraphEdge `json:"edges" doc:"by the name of the Stack that depends, then of what it depends on"`
	Waves  int         `json:"waves" doc:"how many there are"`
	Cycles [][]string  `json:"cycles" doc:"circles of Stacks, namespace/name, each followed by one that it waits for; one of each group that all wait for each other"`
}

// GraphNode is one Stack.
type GraphNode struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Presence  string `json:"presence" enum:"known,missing,unseen" doc:"missing: a Stack names it and it does not exist; unseen: and nobody looked whether it does, which a server never says"`
	Driver    string `json:"driver,omitempty" doc:"directory, kustomize, helm or terraform; absent before the first render"`
	Health    string `json:"health" enum:"Healthy,Progressing,Degraded,Missing,Suspended,Unknown"`
	Step      string `json:"step" enum:"InStep,Behind,Drifted,Blocked,Failing,Paused,Unknown"`
	Attention string `json:"attention" enum:"NeedsYou,Moving,Paused,InStep,Unknown"`
	Ready     bool   `json:"ready" doc:"nobody has to wait for it now"`
	Wave      int    `json:"wave,omitempty" doc:"from 1; absent where it waits for a circle and never goes"`
	LeftOut   int    `json:"leftOut,omitempty" doc:"how many more Stacks it depends on, that are not in this answer"`
}

// GraphEdge says that a Stack depends on another.
type GraphEdge struct {
	Stack     string   `json:"stack" doc:"namespace/name"`
	DependsOn string   `json:"dependsOn,omitempty" doc:"namespace/name; absent where hidden"`
	Hidden    bool     `json:"hidden,omitempty" doc:"it depends on a Stack that you may not see"`
	Outputs   []string `json:"outputs" doc:"that it uses; none where only the order matters"`
}

type getGraph struct {
	Namespace string `query:"namespace" maxLength:"63" doc:"only Stacks of this namespace, and all that they depend on"`
}

func registerGraph(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/graph", "getGraph", "Which Stack depends on which, and in which order they go")
	o.Description = "Only of what may be seen: that a Stack depends on one that you may not see is said, without its name and whether it exists."
	huma.Register(api, o, func(ctx context.Context, in *getGraph) (*struct{ Body Graph }, error) {
		_, see, err := d.sees(ctx)
		if err != nil {
			return nil, problem(err)
		}
		p := Picture(d.Board.Needs(see), see, graph.Missing)
		if in.Namespace != "" {
			p = p.Within(in.Namespace)
		}
		return &struct{ Body Graph }{GraphOf(p)}, nil
	})
}

// Picture draws what a Board knows for who sees it; unknown says what it means that a
// Stack which may be seen is not there.
func Picture(all []board.Needy, see board.Sight, unknown graph.Presence) graph.Picture {
	nodes := make([]graph.Node, 0, len(all))
	var edges []graph.Edge
	for _, x := range all {
		r := x.Row
		u := lockstep.Unit{Namespace: r.Namespace, Name: r.Name}
		nodes = append(nodes, graph.Node{
			Unit: u, Presence: graph.Known, Driver: r.Driver, Health: r.Health, Step: r.Step, Attention: r.Attention,
			Ready: r.Reason == v1alpha1.ReasonReady || r.Attention == string(standing.Settled),
		})
		for _, n := range x.Needs {
			e := graph.Edge{Unit: u, On: n.Unit, Outputs: n.Outputs}
			// Before whether it exists: that, too, is not for everybody.
			if !see.Contains(n.Unit) {
				e.On = lockstep.Unit{}
			}
			edges = append(edges, e)
		}
	}
	return graph.Draw(nodes, edges, unknown)
}

// GraphOf is the wire form of a picture.
func GraphOf(p graph.Picture) Graph {
	out := Graph{Nodes: make([]GraphNode, 0, len(p.Nodes)), Edges: make([]GraphEdge, 0, len(p.Edges)), Waves: p.Waves, Cycles: [][]string{}}
	for _, n := range p.Nodes {
		x := GraphNode{
			Namespace: n.Unit.Namespace, Name: n.Unit.Name, Presence: string(n.Presence), Driver: n.Driver,
			Health: n.Health, Step: n.Step, Attention: n.Attention, Ready: n.Ready, Wave: n.Wave, LeftOut: n.LeftOut,
		}
		for _, word := range []*string{&x.Health, &x.Step, &x.Attention} {
			if *word == "" {
				*word = "Unknown"
			}
		}
		out.Nodes = append(out.Nodes, x)
	}
	for _, e := range p.Edges {
		x := GraphEdge{Stack: e.Unit.String(), Hidden: e.Hidden(), Outputs: append([]string{}, e.Outputs...)}
		if !x.Hidden {
			x.DependsOn = e.On.String()
		}
		out.Edges = append(out.Edges, x)
	}
	for _, c := range p.Circles {
		var names []string
		for _, u := range c {
			names = append(names, u.String())
		}
		out.Cycles = append(out.Cycles, names)
	}
	return out
}
