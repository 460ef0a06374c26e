package render

import (
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Comparison says of many units' reads whether one tree still holds them. Units
// are neighbours: the directory that theirs are in is read once for all of them,
// where each would otherwise be found from the root.
type Comparison struct {
	tree lockstep.Tree
	dirs map[string]listing
}

type listing struct {
	entries []lockstep.Entry
	err     error
}

// Compare begins a Comparison with tree.
func Compare(tree lockstep.Tree) *Comparison {
	return &Comparison{tree: tree, dirs: map[string]listing{}}
}

// Same is what [Reads.Same] says.
func (c *Comparison) Same(r Reads, trees map[string]lockstep.Tree) bool {
	return r.same(c.tree, trees, c.stat)
}

// stat answers from the directory that holds p; what only the tree can know, a
// link for one, the tree is asked.
func (c *Comparison) stat(p string) (lockstep.Entry, error) {
	dir, name := path.Split(p)
	if name == "" || name == "." || name == ".." || path.Clean(p) != p {
		return c.tree.Stat(p)
	}
	in, known := c.dirs[dir]
	if !known {
		in.entries, in.err = c.tree.ReadDir(path.Clean(dir))
		c.dirs[dir] = in
	}
	if in.err != nil {
		return c.tree.Stat(p)
	}
	i, ok := slices.BinarySearchFunc(in.entries, name, func(e lockstep.Entry, n string) int { return strings.Compare(e.Name, n) })
	if !ok || in.entries[i].Type == lockstep.Symlink {
		return c.tree.Stat(p)
	}
	return in.entries[i], nil
}
