package board

import (
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Needy is a Stack with those that come first. The caller must not change it.
type Needy struct {
	Row   StackRow
	Needs []stack.Need // also such that the person may not see
}

// Needs returns every Stack that see lets through, by name.
func (b *Board) Needs(see Sight) []Needy {
	entries, _ := b.sorted("name")
	var out []Needy
	for _, e := range entries {
		if see.Contains(e.unit) {
			out = append(out, Needy{e.row, e.needs})
		}
	}
	return out
}
