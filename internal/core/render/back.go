package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Back returns the paths that have to be taken back to what they are in then, so that
// a unit reads in now what it read there: files and directories, links among them,
// in order and none below another. was is what its render read in then, is what it
// reads in now, as far as that got.
//
// What neither render reads is left alone, though it lies in the unit's directory:
// it may be another's. What only the render of now reads goes if it lies in the
// unit's directory and was not there; elsewhere it is left, since nothing refers to
// it any more. Links that lead to links are not followed one by one; whoever takes
// paths back asks [Reads.Same] in the end.
func Back(then, now lockstep.Tree, was, is Reads) []string {
	b := back{then: then, now: now, paths: map[string]bool{}}
	for _, r := range was.list {
		if r.tree != "" {
			continue
		}
		if answer, ok := ask(now, r.readKey); ok && answer == r.answer {
			continue
		}
		if r.ask == names {
			b.listing(r.path)
			continue
		}
		b.entry(r, was.list)
	}
	for _, r := range is.list {
		if r.tree == "" && r.ask == exists && below(r.path, was.base) {
			b.newcomer(r.path)
		}
	}
	return topmost(slices.Sorted(maps.Keys(b.paths)))
}

type back struct {
	then, now lockstep.Tree
	paths     map[string]bool
}

// entry takes one path back, and every link on the way to it.
func (b *back) entry(r read, all []read) {
	links, end := trail(b.then, r.path)
	other, _ := trail(b.now, r.path)
	for _, l := range append(links, other...) {
		b.paths[l] = true
	}
	was, err := b.then.Stat(r.path)
	_, gone := b.now.Stat(r.path)
	if r.ask == exists && err == nil && was.Type == lockstep.Directory && gone != nil && b.brought(r.path, all) {
		return
	}
	if end != "" {
		b.paths[end] = true
	}
}

// brought says whether a directory that is gone comes with what was read below it.
func (b *back) brought(dir string, all []read) bool {
	return slices.ContainsFunc(all, func(r read) bool {
		if r.tree != "" || r.path == dir || !below(r.path, dir) {
			return false
		}
		e, err := b.then.Stat(r.path)
		return err == nil && e.Type != lockstep.Directory
	})
}

// listing takes back every name that came to a directory, went, or became something
// else.
func (b *back) listing(p string) {
	links, end := trail(b.then, p)
	for _, l := range links {
		b.paths[l] = true
	}
	if end == "" {
		return
	}
	kinds := map[string]lockstep.EntryType{}
	was, _ := b.then.ReadDir(end) // none is none
	for _, e := range was {
		kinds[e.Name] = e.Type
	}
	is, err := b.now.ReadDir(end)
	if err != nil && !isContent(err) {
		b.paths[end] = true // it is something else than a directory
		return
	}
	for _, e := range is {
		if kinds[e.Name] != e.Type {
			b.paths[path.Join(end, e.Name)] = true
		}
		delete(kinds, e.Name)
	}
	for name := range kinds {
		b.paths[path.Join(end, name)] = true
	}
}

// newcomer takes away a file that was not there then.
func (b *back) newcomer(p string) {
	if e, err := b.now.Stat(p); err != nil || e.Type == lockstep.Directory {
		return
	}
	if _, err := b.then.Stat(p); err == nil {
		return
	}
	links, end := trail(b.now, p)
	if len(links) > 0 {
		end = links[0] // what it leads to may be another's
	}
	b.paths[end] = true
}

// trail follows p from the root: the links that it goes through, and the path at which
// it ends, whether or not something is there. end is "" where a link leads nowhere.
func trail(t lockstep.Tree, p string) (links []string, end string) {
	at := "."
	parts := strings.Split(clean(p), "/")
	for i, name := range parts {
		step := path.Join(at, name)
		if kind := typeOf(t, at, name); kind != lockstep.Symlink {
			at = step
			if kind == 0 {
				return links, path.Join(append([]string{at}, parts[i+1:]...)...)
			}
			continue
		}
		links = append(links, step)
		real, err := realPath(t, step)
		if err != nil {
			return links, ""
		}
		at = real
	}
	return links, at
}

// typeOf says what name is in a directory, a link being one; zero for nothing.
func typeOf(t lockstep.Tree, dir, name string) lockstep.EntryType {
	if name == "." {
		return lockstep.Directory
	}
	es, err := t.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range es {
		if e.Name == name {
			return e.Type
		}
	}
	return 0
}

func below(p, dir string) bool { return dir == "." || p == dir || strings.HasPrefix(p, dir+"/") }

// topmost leaves out of a sorted list what lies below another of it.
func topmost(paths []string) []string {
	var out []string
	for _, p := range paths {
		if !slices.ContainsFunc(out, func(dir string) bool { return below(p, dir) }) {
			out = append(out, p)
		}
	}
	return out
}
