package stack

import (
	"slices"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Need is a Stack that another one depends on, and what it takes from it.
type Need struct {
	Unit lockstep.Unit
	// Outputs that are used, sorted; none where only the order matters.
	Outputs []string
}

// Equal says whether o is the same.
func (n Need) Equal(o Need) bool { return n.Unit == o.Unit && slices.Equal(n.Outputs, o.Outputs) }

// NeedsOf names the Stacks that must be ready first, each once, with the outputs
// that s uses of them.
func NeedsOf(s *v1alpha1.Stack) []Need {
	units := DependenciesOf(s)
	out := make([]Need, 0, len(units))
	at := make(map[lockstep.Unit]int, len(units))
	for _, u := range units {
		if _, twice := at[u]; !twice {
			at[u] = len(out)
			out = append(out, Need{Unit: u})
		}
	}
	for _, in := range s.Spec.Inputs {
		n := &out[at[named(s, in.From)]]
		n.Outputs = append(n.Outputs, in.Output)
	}
	for i := range out {
		slices.Sort(out[i].Outputs)
		out[i].Outputs = slices.Compact(out[i].Outputs)
	}
	return out
}
