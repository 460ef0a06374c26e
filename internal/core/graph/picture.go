package graph

import (
	"cmp"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Presence says how a unit came into a picture.
type Presence string

// The presences.
const (
	Known   Presence = "known"
	Missing Presence = "missing" // others name it, and it does not exist
	Unseen  Presence = "unseen"  // others name it, and nobody looked whether it exists
)

// Node is one unit of a picture, in the words that are said of it elsewhere.
type Node struct {
	Unit                            lockstep.Unit
	Presence                        Presence
	Driver, Health, Step, Attention string
	// Ready: nobody has to wait for it now.
	Ready bool
	// Wave is when it goes, from 1; 0 for never, since it waits for a circle.
	Wave int
	// LeftOut is how many more units it depends on that the picture was not to show.
	LeftOut int
}

// Edge says that a unit depends on another.
type Edge struct {
	Unit lockstep.Unit
	// On is zero where who looks may not know what it is.
	On lockstep.Unit
	// Outputs of On that Unit uses; none where only the order matters.
	Outputs []string
}

// Hidden says whether who looks may not know what is depended on.
func (e Edge) Hidden() bool { return e.On == lockstep.Unit{} }

// Picture is units with what they depend on, in the order in which they go: by wave,
// then by name, and what never goes last. Make one by [Draw].
type Picture struct {
	Nodes []Node
	Edges []Edge // sorted
	Waves int
	// Circles has one of each group of units that all wait for each other, as [Print]
	// takes it.
	Circles [][]lockstep.Unit
}

// Draw orders nodes. What edges name and nodes lack is added, present as unknown says.
func Draw(nodes []Node, edges []Edge, unknown Presence) Picture {
	p := Picture{Nodes: slices.Clone(nodes), Edges: slices.Clone(edges)}
	have := make(map[lockstep.Unit]bool, len(nodes))
	for _, n := range p.Nodes {
		have[n.Unit] = true
	}
	for _, e := range p.Edges {
		if !e.Hidden() && !have[e.On] {
			have[e.On] = true
			p.Nodes = append(p.Nodes, Node{Unit: e.On, Presence: unknown})
		}
	}
	slices.SortFunc(p.Edges, func(a, b Edge) int {
		return cmp.Or(Compare(a.Unit, b.Unit), Compare(a.On, b.On), slices.Compare(a.Outputs, b.Outputs))
	})
	p.order()
	return p
}

// edges returns what is known of what each unit depends on.
func (p Picture) edges() Edges {
	out := make(Edges, len(p.Nodes))
	for _, n := range p.Nodes {
		out[n.Unit] = nil
	}
	for _, e := range p.Edges {
		if !e.Hidden() {
			out[e.Unit] = append(out[e.Unit], e.On)
		}
	}
	return out
}

func (p *Picture) order() {
	all := p.edges()
	waves, stuck := Waves(all)
	at := make(map[lockstep.Unit]int, len(p.Nodes))
	for i, w := range waves {
		for _, u := range w {
			at[u] = i + 1
		}
	}
	for i := range p.Nodes {
		p.Nodes[i].Wave = at[p.Nodes[i].Unit]
	}
	never := len(waves) + 1
	when := func(n Node) int {
		if n.Wave == 0 {
			return never
		}
		return n.Wave
	}
	slices.SortFunc(p.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(when(a), when(b)), Compare(a.Unit, b.Unit)) })
	p.Waves, p.Circles = len(waves), circles(all, stuck)
}

// Direction says which way to follow edges.
type Direction int

// The directions.
const (
	Both Direction = iota
	Up             // to what is depended on
	Down           // to what depends
)

// Around returns the part of p that has to do with a unit.
func (p Picture) Around(u lockstep.Unit, d Direction) Picture {
	edges := p.edges()
	keep := map[lockstep.Unit]bool{u: true}
	if d != Down {
		mark(keep, reachable(edges, u))
	}
	if d != Up {
		mark(keep, NewDependants(edges).All(u))
	}
	return p.part(keep)
}

// Within returns the units of a namespace and all that they depend on.
func (p Picture) Within(namespace string) Picture {
	edges := p.edges()
	keep := map[lockstep.Unit]bool{}
	var queue []lockstep.Unit
	for _, n := range p.Nodes {
		// What does not exist is shown where somebody waits for it.
		if n.Unit.Namespace == namespace && n.Presence == Known {
			queue = append(queue, n.Unit)
		}
	}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		if !keep[u] {
			keep[u] = true
			queue = append(queue, edges[u]...)
		}
	}
	return p.part(keep)
}

func mark(keep map[lockstep.Unit]bool, units []lockstep.Unit) {
	for _, u := range units {
		keep[u] = true
	}
}

// part is p with some units only, ordered anew.
func (p Picture) part(keep map[lockstep.Unit]bool) Picture {
	var nodes []Node
	var edges []Edge
	more := map[lockstep.Unit]int{}
	for _, e := range p.Edges {
		switch {
		case !keep[e.Unit]:
		case e.Hidden() || keep[e.On]:
			edges = append(edges, e)
		default:
			more[e.Unit]++
		}
	}
	for _, n := range p.Nodes {
		if keep[n.Unit] {
			n.LeftOut += more[n.Unit]
			nodes = append(nodes, n)
		}
	}
	return Draw(nodes, edges, Missing)
}

// Of returns the edges of one unit.
func (p Picture) Of(u lockstep.Unit) []Edge {
	from, _ := slices.BinarySearchFunc(p.Edges, u, func(e Edge, u lockstep.Unit) int { return Compare(e.Unit, u) })
	to := from
	for to < len(p.Edges) && p.Edges[to].Unit == u {
		to++
	}
	return p.Edges[from:to]
}

// circles returns, of every group of units that all wait for each other, a shortest
// circle through its smallest one. It takes no longer than looking at every edge a
// few times: [Cycle] for each unit would be slow where many are stuck.
func circles(edges Edges, stuck []lockstep.Unit) [][]lockstep.Unit {
	var out [][]lockstep.Unit
	for _, group := range groups(edges, stuck) {
		smallest := slices.MinFunc(group, Compare)
		if len(group) == 1 && !slices.Contains(edges[smallest], smallest) {
			continue
		}
		out = append(out, turned(shortest(edges, smallest)))
	}
	slices.SortFunc(out, func(a, b []lockstep.Unit) int { return slices.CompareFunc(a, b, Compare) })
	return out
}

// groups parts units into those that reach each other (Tarjan's algorithm).
func groups(edges Edges, units []lockstep.Unit) (out [][]lockstep.Unit) {
	number, low := map[lockstep.Unit]int{}, map[lockstep.Unit]int{}
	open := map[lockstep.Unit]bool{}
	var path []lockstep.Unit
	var visit func(u lockstep.Unit)
	visit = func(u lockstep.Unit) {
		number[u] = len(number) + 1
		low[u] = number[u]
		path, open[u] = append(path, u), true
		for _, d := range edges[u] {
			if number[d] == 0 {
				visit(d)
				low[u] = min(low[u], low[d])
			} else if open[d] {
				low[u] = min(low[u], number[d])
			}
		}
		if low[u] != number[u] {
			return
		}
		var group []lockstep.Unit
		for open[u] {
			last := path[len(path)-1]
			path = path[:len(path)-1]
			delete(open, last)
			group = append(group, last)
		}
		out = append(out, group)
	}
	for _, u := range units {
		if number[u] == 0 {
			visit(u)
		}
	}
	return out
}

// Circled returns the units that are in one of the circles of p, or wait for each
// other together with one that is.
func (p Picture) Circled() map[lockstep.Unit]bool {
	edges := p.edges()
	out := map[lockstep.Unit]bool{}
	var stuck []lockstep.Unit
	for _, n := range p.Nodes {
		if n.Wave == 0 {
			stuck = append(stuck, n.Unit)
		}
	}
	for _, g := range groups(edges, stuck) {
		if len(g) > 1 || slices.Contains(edges[g[0]], g[0]) {
			mark(out, g)
		}
	}
	return out
}
