package render

import (
	"errors"
	"path"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Directory says whether p is a directory of tree, and if not, what the author
// may have meant.
func Directory(tree lockstep.Tree, p string) error {
	e, err := tree.Stat(p)
	switch {
	case errors.Is(err, lockstep.ErrNotExist):
		return Missing(tree, p, lockstep.Directory)
	case errors.Is(err, lockstep.ErrOutside):
		return fault.Invalid("path %q leads out of the source", p).
			WithHint("dots and symbolic links may not leave the repository").At("%s", p).Because(err)
	case err != nil:
		return fault.As(err).At("%s", p)
	case e.Type == lockstep.File:
		return fault.Invalid("path %q is a file, not a directory", p).
			WithHint("name its directory %q, and the file in directory.include", path.Dir(p)).At("%s", p)
	}
	return nil
}

// Missing returns the fault for a path that does not exist, with the nearest
// names beside it.
func Missing(tree lockstep.Tree, p string, want lockstep.EntryType) *fault.Fault {
	// The first part that is missing is what was mistyped.
	at := p
	for path.Dir(at) != at {
		if _, err := tree.Stat(path.Dir(at)); err == nil {
			break
		}
		at = path.Dir(at)
	}
	f := fault.NotFound("path %q does not exist", p).At("%s", at).Because(lockstep.ErrNotExist)
	es, err := tree.ReadDir(path.Dir(at))
	if err != nil {
		return f
	}
	var names []string
	for _, e := range es {
		if e.Type == want || e.Type == lockstep.Symlink || at != p && e.Type == lockstep.Directory {
			names = append(names, e.Name)
		}
	}
	near := Closest(path.Base(at), names)
	if len(near) == 0 {
		return f.WithHint("%q holds nothing with a similar name", path.Dir(at))
	}
	for i, n := range near {
		near[i] = strconv.Quote(path.Join(path.Dir(at), n))
	}
	return f.WithHint("did you mean %s?", strings.Join(near, " or "))
}

// Closest returns up to three of names that want may be a misspelling of, the
// nearest first.
func Closest(want string, names []string) []string {
	limit := max(2, len(want)/3)
	var out []string
	for _, n := range fault.Nearest(want, names, 3) {
		if fault.Edits(want, n) <= limit {
			out = append(out, n)
		}
	}
	return out
}
