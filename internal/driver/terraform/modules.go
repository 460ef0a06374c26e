package terraform

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Bounds of what one job may read of a Source.
const (
	MaxFiles = 20_000
	MaxBytes = 64 << 20
	maxDepth = 64
)

// Collect reads from a tree all that a job needs of it, by path from its root: the
// directory of the root module, the local modules that it uses and those that they
// use, and what else is named, files or directories. Given a tree made by
// render.Record, it notes what it reads, so that the same content is known again: a
// commit that touches one module concerns its users and nobody else.
func Collect(t lockstep.Tree, dir string, also ...string) (map[string][]byte, error) {
	clean, err := lockstep.CleanPath(dir)
	if err != nil {
		return nil, fault.Invalid("the path %q leads out of the source", dir).At("%s", dir).Because(err)
	}
	c := &collector{tree: t, plain: render.Unrecorded(t), files: map[string][]byte{}}
	if err := c.whole(clean); err != nil {
		return nil, err
	}
	for _, p := range also {
		if err := c.named(p); err != nil {
			return nil, err
		}
	}
	// Reading finds modules, and modules name further ones.
	for done := map[string]bool{}; ; {
		more := slices.DeleteFunc(modulesOf(c.files, clean), func(d string) bool { return done[d] })
		if len(more) == 0 {
			return c.files, nil
		}
		for _, d := range more {
			done[d] = true
			if err := c.module(d); err != nil {
				return nil, err
			}
		}
	}
}

// modulesOf lists the directories of local modules that are used, as far as the files
// are there to say so. What does not parse is said when the job is run.
func modulesOf(files map[string][]byte, dir string) []string {
	c := &configuration{files: files, seen: map[string]bool{}, wanted: map[string]bool{}}
	c.module(dir)
	var out []string
	for d := range c.wanted {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}

// collector reads whole directories.
type collector struct {
	tree, plain lockstep.Tree
	files       map[string][]byte
	taken       []string // directories, read whole
	size        int
}

func (c *collector) module(dir string) error {
	e, err := c.tree.Stat(dir)
	if errors.Is(err, lockstep.ErrNotExist) || err == nil && e.Type != lockstep.Directory {
		return nil // said with its place when the configuration is read
	}
	if err != nil {
		return fault.As(err).At("%s", dir)
	}
	return c.whole(dir)
}

func (c *collector) named(p string) error {
	clean, err := lockstep.CleanPath(p)
	if err != nil {
		return fault.Invalid("the path %q leads out of the source", p).At("%s", p).Because(err)
	}
	e, err := c.tree.Stat(clean)
	if err != nil {
		return missing(clean, err)
	}
	if e.Type == lockstep.Directory {
		return c.whole(clean)
	}
	return c.file(c.tree, clean)
}

func missing(p string, err error) error {
	if errors.Is(err, lockstep.ErrNotExist) {
		return fault.Invalid("%q does not exist", p).At("%s", p).Because(err)
	}
	if errors.Is(err, lockstep.ErrOutside) {
		return fault.Invalid("%q leads out of the source", p).At("%s", p).WithHint("name something of the same repository").Because(err)
	}
	return fault.As(err).At("%s", p)
}

// whole reads a directory, noted as one read.
func (c *collector) whole(dir string) error {
	for _, t := range c.taken {
		if dir == t || t == "." || strings.HasPrefix(dir, t+"/") {
			return nil
		}
	}
	if _, err := render.Whole(c.tree, dir); err != nil {
		return missing(dir, err)
	}
	if err := c.walk(dir, 0); err != nil {
		return err
	}
	c.taken = append(c.taken, dir)
	return nil
}

func (c *collector) walk(dir string, depth int) error {
	if depth > maxDepth {
		return fault.Invalid("directories are nested more than %d deep", maxDepth).At("%s", dir)
	}
	es, err := c.plain.ReadDir(dir)
	if err != nil {
		return missing(dir, err)
	}
	for _, e := range es {
		p := path.Join(dir, e.Name)
		switch e.Type {
		case lockstep.Directory:
			if e.Name == ".terraform" || e.Name == ".git" {
				continue
			}
			err = c.walk(p, depth+1)
		case lockstep.File:
			err = c.file(c.plain, p)
		case lockstep.Symlink:
			err = c.link(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// link reads what a link to a file leads to. Where it leads may lie outside of what
// was noted as read, so it is noted itself.
func (c *collector) link(p string) error {
	if _, err := render.Real(c.tree, p); err != nil {
		return linkFault(p, err)
	}
	e, err := c.tree.Stat(p)
	if err != nil {
		return linkFault(p, err)
	}
	if e.Type != lockstep.File {
		return fault.Invalid("symbolic link %q leads to a directory, which is not followed", p).At("%s", p).
			WithHint("name the directory itself, as the source of a module or in spec.terraform.include")
	}
	return c.file(c.tree, p)
}

func linkFault(p string, err error) error {
	switch {
	case errors.Is(err, lockstep.ErrOutside):
		return fault.Invalid("symbolic link %q leads out of the source", p).At("%s", p).WithHint("link to a file of the same repository").Because(err)
	case errors.Is(err, lockstep.ErrNotExist):
		return fault.Invalid("symbolic link %q leads to nothing", p).At("%s", p).WithHint("repair or remove the link").Because(err)
	}
	return fault.As(err).At("%s", p)
}

func (c *collector) file(t lockstep.Tree, p string) error {
	if _, twice := c.files[p]; twice {
		return nil
	}
	data, err := t.ReadFile(p)
	if err != nil {
		return missing(p, err)
	}
	c.size += len(data)
	if len(c.files) >= MaxFiles || c.size > MaxBytes {
		return fault.Invalid("the module and what it uses have more than %d files or %d MiB", MaxFiles, MaxBytes>>20).At("%s", p).
			WithHint("a module whose source is a directory far up takes all of it")
	}
	c.files[p] = data
	return nil
}
