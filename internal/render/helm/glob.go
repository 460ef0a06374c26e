package helm

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// maxMatches bounds how many files one pattern may name.
const maxMatches = 1000

func isGlob(p string) bool { return strings.ContainsAny(p, "*?[") }

// expand returns the files of tree that pattern names, sorted; ** stands for any
// number of directories, none included. Only directories that can hold a match
// are looked into. Links to directories are followed by name, not by pattern, so
// that a circle cannot be walked.
func expand(tree lockstep.Tree, pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fault.Invalid("%q is not a file pattern", pattern).
			WithHint("* and ? stand for characters of one name, [a-z] for one of a set, ** for any directories")
	}
	g := &globber{tree: tree, found: map[string]bool{}}
	if err := g.walk(".", strings.Split(pattern, "/"), 0); err != nil {
		return nil, err
	}
	out := make([]string, 0, len(g.found))
	for p := range g.found {
		out = append(out, p)
	}
	slices.Sort(out)
	return out, nil
}

type globber struct {
	tree  lockstep.Tree
	found map[string]bool
}

func (g *globber) walk(dir string, rest []string, depth int) error {
	if depth > 2*maxDepth {
		return nil
	}
	head, tail := rest[0], rest[1:]
	if !isGlob(head) {
		return g.step(path.Join(dir, head), tail, depth)
	}
	if head == "**" && len(tail) > 0 {
		if err := g.walk(dir, tail, depth+1); err != nil {
			return err
		}
	}
	entries, err := g.tree.ReadDir(dir)
	if err != nil {
		return treeFault(dir, err)
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name)
		ok, _ := path.Match(head, e.Name) // the pattern was checked
		switch {
		case head == "**" && e.Type == lockstep.Directory:
			err = g.walk(p, rest, depth+1)
		case head == "**" && len(tail) > 0, !ok && head != "**":
			continue
		case len(tail) == 0 && e.Type == lockstep.Directory:
			continue
		default:
			err = g.step(p, tail, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step goes on below p, or takes it if the pattern ends here.
func (g *globber) step(p string, tail []string, depth int) error {
	e, err := g.tree.Stat(p)
	if errors.Is(err, lockstep.ErrNotExist) {
		return nil
	}
	if err != nil {
		return treeFault(p, err)
	}
	if len(tail) > 0 {
		if e.Type != lockstep.Directory {
			return nil
		}
		return g.walk(p, tail, depth+1)
	}
	if e.Type != lockstep.File {
		return nil
	}
	if g.found[p] = true; len(g.found) > maxMatches {
		return fault.Invalid("the pattern names more than %d files", maxMatches).At("%s", path.Dir(p))
	}
	return nil
}
