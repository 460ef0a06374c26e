// Package graph orders units by what they depend on.
//
// It answers three questions: whether units wait for each other in a circle, in
// which waves they can go, and who has to be woken when one of them has changed.
package graph

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Edges says what each unit depends on. A unit that is only depended on need not
// have an entry.
type Edges map[lockstep.Unit][]lockstep.Unit

// Compare orders units by namespace and name.
func Compare(a, b lockstep.Unit) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Cycle returns a shortest circle that from waits in or waits for, each unit
// followed by one that it depends on; nil when there is none. It begins with its
// smallest unit, so every unit in the circle reports the same one.
func Cycle(edges Edges, from lockstep.Unit) []lockstep.Unit {
	var best []lockstep.Unit
	for _, start := range reachable(edges, from) {
		c := shortest(edges, start)
		if c == nil {
			continue
		}
		c = turned(c)
		if best == nil || len(c) < len(best) || len(c) == len(best) && slices.CompareFunc(c, best, Compare) < 0 {
			best = c
		}
	}
	return best
}

// reachable returns from and all that it waits for, sorted.
func reachable(edges Edges, from lockstep.Unit) []lockstep.Unit {
	seen := map[lockstep.Unit]bool{from: true}
	queue := []lockstep.Unit{from}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for _, d := range edges[u] {
			if !seen[d] {
				seen[d] = true
				queue = append(queue, d)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), Compare)
}

// shortest returns the shortest way from start back to itself.
func shortest(edges Edges, start lockstep.Unit) []lockstep.Unit {
	parent := map[lockstep.Unit]lockstep.Unit{}
	queue := []lockstep.Unit{start}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for _, d := range sorted(edges[u]) {
			if d == start {
				return way(parent, start, u)
			}
			if _, seen := parent[d]; !seen {
				parent[d] = u
				queue = append(queue, d)
			}
		}
	}
	return nil
}

func way(parent map[lockstep.Unit]lockstep.Unit, start, end lockstep.Unit) []lockstep.Unit {
	out := []lockstep.Unit{end}
	for end != start {
		end = parent[end]
		out = append(out, end)
	}
	slices.Reverse(out)
	return out
}

func sorted(units []lockstep.Unit) []lockstep.Unit {
	out := slices.Clone(units)
	slices.SortFunc(out, Compare)
	return out
}

// turned rotates a circle so that its smallest unit comes first.
func turned(c []lockstep.Unit) []lockstep.Unit {
	smallest := 0
	for i := range c {
		if Compare(c[i], c[smallest]) < 0 {
			smallest = i
		}
	}
	return append(slices.Clone(c[smallest:]), c[:smallest]...)
}

// Print writes a circle as people read it: "a/x → a/y → a/x".
func Print(cycle []lockstep.Unit) string {
	if len(cycle) == 0 {
		return ""
	}
	names := make([]string, 0, len(cycle)+1)
	for _, u := range cycle {
		names = append(names, u.String())
	}
	return strings.Join(append(names, names[0]), " → ")
}

// Waves returns the units in groups: each depends only on groups before its own.
// Units that are in a circle, or wait for one, are in no wave and returned apart.
func Waves(edges Edges) (waves [][]lockstep.Unit, stuck []lockstep.Unit) {
	left := map[lockstep.Unit]map[lockstep.Unit]bool{}
	for u, deps := range edges {
		left[u] = map[lockstep.Unit]bool{}
		for _, d := range deps {
			left[u][d] = true
		}
	}
	for _, deps := range edges {
		for _, d := range deps {
			if left[d] == nil {
				left[d] = map[lockstep.Unit]bool{}
			}
		}
	}
	dependants := NewDependants(edges)
	ready := free(left)
	for len(ready) > 0 {
		waves = append(waves, ready)
		var next []lockstep.Unit
		for _, u := range ready {
			delete(left, u)
			for _, w := range dependants.Of(u) {
				delete(left[w], u)
				if len(left[w]) == 0 {
					next = append(next, w)
				}
			}
		}
		ready = sorted(next)
	}
	return waves, slices.SortedFunc(maps.Keys(left), Compare)
}

func free(left map[lockstep.Unit]map[lockstep.Unit]bool) []lockstep.Unit {
	var out []lockstep.Unit
	for u, deps := range left {
		if len(deps) == 0 {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, Compare)
	return out
}

// Dependants answers who waits for a unit.
type Dependants struct {
	of map[lockstep.Unit][]lockstep.Unit
}

// NewDependants turns edges around.
func NewDependants(edges Edges) Dependants {
	of := map[lockstep.Unit][]lockstep.Unit{}
	for u, deps := range edges {
		for _, d := range deps {
			of[d] = append(of[d], u)
		}
	}
	for d := range of {
		slices.SortFunc(of[d], Compare)
		of[d] = slices.Compact(of[d])
	}
	return Dependants{of: of}
}

// Of returns the units that depend on u directly, sorted. The caller must not
// change them.
func (d Dependants) Of(u lockstep.Unit) []lockstep.Unit { return d.of[u] }

// All returns the units that depend on u directly or through others, sorted,
// without u itself.
func (d Dependants) All(u lockstep.Unit) []lockstep.Unit {
	out := reachable(d.of, u)
	return slices.DeleteFunc(out, func(o lockstep.Unit) bool { return o == u })
}
