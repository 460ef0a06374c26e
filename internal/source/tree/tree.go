// Package tree follows paths through the directories of a Source.
//
// How a directory is stored differs from Source to Source; what a path means
// must not. [New] turns any [Dir] into a [lockstep.Tree] that keeps the promises
// made there: links are followed inside the tree only, a loop ends, and a path
// that leads out is [lockstep.ErrOutside] however it tries.
package tree

import (
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// maxLinks is how many symbolic links one path may go through, as on Linux.
const maxLinks = 40

// Dir is one directory as a Source stores it. Everything it returns is
// immutable.
type Dir interface {
	// Entries lists the directory, ordered by name.
	Entries() []lockstep.Entry
	// Lookup finds one name.
	Lookup(name string) (lockstep.Entry, bool)
	// Open opens a Directory or a Submodule of this directory.
	Open(e lockstep.Entry) (Dir, error)
	// ReadLink returns what a Symlink of this directory points at.
	ReadLink(e lockstep.Entry) (string, error)
	// ReadFile returns the bytes of a File of this directory.
	ReadFile(e lockstep.Entry) ([]byte, error)
}

// Tree is a [lockstep.Tree] over a Dir.
type Tree struct {
	root Dir
	hash string
}

// New returns the tree whose root directory is root with content hash hash.
func New(root Dir, hash string) *Tree { return &Tree{root: root, hash: hash} }

// Stat returns the entry at p, following links.
func (t *Tree) Stat(p string) (lockstep.Entry, error) {
	f, err := t.find(p)
	if err != nil {
		return lockstep.Entry{}, err
	}
	e := f.entry
	e.Name = path.Base(p)
	return e, nil
}

// ReadDir lists a directory, ordered by name.
func (t *Tree) ReadDir(p string) ([]lockstep.Entry, error) {
	f, err := t.find(p)
	if err != nil {
		return nil, err
	}
	if f.entry.Type == lockstep.File {
		return nil, fault.Invalid("%q is a file, not a directory", p)
	}
	d, err := f.open()
	if err != nil {
		return nil, err
	}
	// A copy, because the original is shared by every Snapshot that holds this
	// directory.
	return slices.Clone(d.Entries()), nil
}

// ReadFile returns a file's bytes.
func (t *Tree) ReadFile(p string) ([]byte, error) {
	f, err := t.find(p)
	if err != nil {
		return nil, err
	}
	if f.entry.Type != lockstep.File {
		return nil, fault.Invalid("%q is a directory, not a file", p)
	}
	return f.holder.ReadFile(f.entry)
}

// place is one step of a path: an entry and the directory that holds it. dir is
// filled only when the path goes on, so that Stat of a directory does not read
// that directory.
type place struct {
	holder Dir
	entry  lockstep.Entry
	dir    Dir
}

func (p *place) open() (Dir, error) {
	if p.dir != nil {
		return p.dir, nil
	}
	d, err := p.holder.Open(p.entry)
	if err != nil {
		return nil, err
	}
	p.dir = d
	return d, nil
}

// Real returns the path that p leads to once every link in it is followed.
func (t *Tree) Real(p string) (string, error) {
	var room steps
	stack, err := t.walk(p, room[:0])
	if err != nil {
		return "", err
	}
	names := make([]string, len(stack))
	for i, s := range stack {
		names[i] = s.entry.Name
	}
	return path.Join(names...), nil
}

func (t *Tree) find(p string) (place, error) {
	var room steps
	stack, err := t.walk(p, room[:0])
	if err != nil {
		return place{}, err
	}
	return stack[len(stack)-1], nil
}

// steps is room for the places of most paths, on the stack of whoever walks: a
// render asks about each file many times.
type steps [8]place

// walk follows p from the root. The stack of places, and not the text of the
// path, decides what ".." in a link means.
func (t *Tree) walk(p string, stack []place) ([]place, error) {
	clean, err := lockstep.CleanPath(p)
	if err != nil {
		return nil, outside(p)
	}
	stack = append(stack, place{entry: lockstep.Entry{Name: ".", Type: lockstep.Directory, Hash: t.hash, Size: -1}, dir: t.root})
	links := 0
	for rest := clean; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		top := &stack[len(stack)-1]
		switch {
		case name == "" || name == ".":
			continue
		case top.entry.Type == lockstep.File:
			return nil, notExist(p)
		case name == "..":
			if len(stack) == 1 {
				return nil, outside(p)
			}
			stack = stack[:len(stack)-1]
			continue
		}
		dir, err := top.open()
		if err != nil {
			return nil, err
		}
		e, ok := dir.Lookup(name)
		if !ok {
			return nil, notExist(p)
		}
		if e.Type != lockstep.Symlink {
			stack = append(stack, place{holder: dir, entry: e})
			continue
		}
		if links++; links > maxLinks {
			return nil, fault.Invalid("path %q goes through more than %d symbolic links", p, maxLinks).
				WithHint("a symbolic link probably points at itself")
		}
		target, err := dir.ReadLink(e)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(target, "/") {
			return nil, outside(p)
		}
		rest = target + "/" + rest
	}
	return stack, nil
}

func notExist(p string) error {
	return fault.NotFound("path %q does not exist", p).Because(lockstep.ErrNotExist)
}

func outside(p string) error {
	return fault.Invalid("path %q leads out of the source", p).
		WithHint("dots and symbolic links may not leave the repository").Because(lockstep.ErrOutside)
}
