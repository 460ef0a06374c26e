package directory

import (
	"path"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// checkPatterns refuses globs that can never match.
func (w *walk) checkPatterns() error {
	var errs []error
	for field, globs := range map[string][]string{"directory.include": w.spec.Include, "directory.exclude": w.spec.Exclude} {
		for _, g := range globs {
			if _, err := path.Match(g, ""); err != nil || g == "" {
				errs = append(errs, fault.Invalid("%s: %q is not a valid glob", field, g).
					WithHint("* matches in one directory, ** in all below; escape brackets with a backslash"))
			}
		}
	}
	return fault.Join(errs...)
}

// excluded says whether a file or directory is left out. A directory that is
// excluded is not even listed.
func (w *walk) excluded(rel string) bool { return matchAny(w.spec.Exclude, rel) }

func (w *walk) included(rel string) bool {
	if len(w.spec.Include) > 0 {
		return matchAny(w.spec.Include, rel)
	}
	switch path.Ext(rel) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

func matchAny(globs []string, rel string) bool {
	for _, g := range globs {
		if matches(g, rel) {
			return true
		}
	}
	return false
}

// matches says whether a glob matches a path. Without a slash it is matched with
// the last name alone, at any depth, as in .gitignore.
func matches(glob, rel string) bool {
	glob = strings.TrimPrefix(glob, "./")
	if !strings.Contains(glob, "/") && glob != "**" {
		ok, _ := path.Match(glob, path.Base(rel))
		return ok
	}
	return matchParts(strings.Split(strings.Trim(glob, "/"), "/"), strings.Split(rel, "/"))
}

// matchParts matches name by name. It remembers the last ** alone, which is
// enough, and so takes no more than globs times names steps.
func matchParts(glob, rel []string) bool {
	star, from := -1, 0
	g := 0
	for r := 0; r < len(rel); {
		if g < len(glob) && glob[g] == "**" {
			star, from = g, r
			g++
			continue
		}
		if g < len(glob) {
			if ok, _ := path.Match(glob[g], rel[r]); ok {
				g++
				r++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		g, r = star+1, from
	}
	for g < len(glob) && glob[g] == "**" {
		g++
	}
	return g == len(glob)
}
