package git

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/tree"
)

const (
	maxTree   = 64 << 20 // bytes of one directory object: about a million names
	maxTarget = 4 << 10  // bytes of a symbolic link
)

// snapshot is the tree of one commit.
type snapshot struct {
	*tree.Tree
	view *view
	rev  lockstep.Revision
}

// Revision says which commit this is.
func (s *snapshot) Revision() lockstep.Revision { return s.rev }

// view reads the objects of one commit. Many live at a time, so it holds no
// object itself.
type view struct {
	m          *mirror
	root       string
	generation int64
}

// dir is one directory of a view. It holds nothing but shared, cached entries.
type dir struct {
	view    *view
	entries []lockstep.Entry
	// path is filled only when submodules are followed, which are found by it.
	path string
}

// open reads a directory, from memory if any commit of any mirror had it before.
func (v *view) open(hash, path string) (*dir, error) {
	if got, ok := v.m.store.cache.get(hash); ok {
		v.m.store.opts.Metrics.remembered()
		return &dir{view: v, entries: got.([]lockstep.Entry), path: path}, nil
	}
	o, err := v.m.repo.pool.read(hash, maxTree)
	if err != nil {
		return nil, v.trouble(err)
	}
	if o.kind != "tree" {
		return nil, v.trouble(errMissing)
	}
	entries, err := parseTree(o.data, len(hash)/2)
	if err != nil {
		return nil, fault.Invalid("a directory of the repository cannot be read: %v", err).WithHint("run git fsck on the repository")
	}
	v.m.store.cache.put(hash, entries, int64(len(o.data)*2+len(entries)*64+200))
	return &dir{view: v, entries: entries, path: path}, nil
}

// trouble is an error on an object that a sound mirror has.
func (v *view) trouble(err error) error {
	var large tooLarge
	if errors.As(err, &large) {
		return fault.Invalid("a directory of the repository has %d bytes, more than the %d allowed", int64(large), maxTree)
	}
	if v.generation != v.m.repo.health.generation.Load() {
		// Cloned anew since: this commit may be one that is no longer there.
		return fault.Unavailable("the mirror was cloned anew while it was read").WithHint("fetch again").Because(err)
	}
	return v.m.unreadable(err)
}

func (d *dir) Entries() []lockstep.Entry {
	if !d.view.m.spec.Submodules {
		return d.entries
	}
	// A submodule that is served is a directory to whoever reads.
	out := slices.Clone(d.entries)
	for i, e := range out {
		out[i] = served(e)
	}
	return out
}

func (d *dir) Lookup(name string) (lockstep.Entry, bool) {
	i, ok := slices.BinarySearchFunc(d.entries, name, func(e lockstep.Entry, n string) int { return strings.Compare(e.Name, n) })
	if !ok {
		return lockstep.Entry{}, false
	}
	if d.view.m.spec.Submodules {
		return served(d.entries[i]), true
	}
	return d.entries[i], true
}

func served(e lockstep.Entry) lockstep.Entry {
	if e.Type == lockstep.Submodule {
		e.Type = lockstep.Directory
	}
	return e
}

func (d *dir) Open(e lockstep.Entry) (tree.Dir, error) {
	if e.Type == lockstep.Submodule {
		return nil, fault.NotFound("%q is a submodule, which is not fetched", e.Name).
			WithHint("set submodules to true on the Source").Because(lockstep.ErrNotExist)
	}
	if !d.view.m.spec.Submodules {
		return d.view.open(e.Hash, "")
	}
	p := path.Join(d.path, e.Name)
	i, ok := slices.BinarySearchFunc(d.entries, e.Name, func(e lockstep.Entry, n string) int { return strings.Compare(e.Name, n) })
	if ok && d.entries[i].Type == lockstep.Submodule {
		return d.view.submodule(p, e.Hash)
	}
	return d.view.open(e.Hash, p)
}

func (d *dir) ReadLink(e lockstep.Entry) (string, error) {
	key := "link " + e.Hash
	if got, ok := d.view.m.store.cache.get(key); ok {
		d.view.m.store.opts.Metrics.remembered()
		return got.(string), nil
	}
	o, err := d.view.m.repo.pool.readBlob(e.Hash, maxTarget)
	var large tooLarge
	if errors.As(err, &large) {
		return "", fault.Invalid("the symbolic link %q is %d bytes long", e.Name, int64(large))
	}
	if err != nil {
		return "", d.view.trouble(err)
	}
	target := string(o.data)
	d.view.m.store.cache.put(key, target, int64(len(target)+200))
	return target, nil
}

func (d *dir) ReadFile(e lockstep.Entry) ([]byte, error) {
	limit := d.view.m.store.opts.MaxBlob
	o, err := d.view.m.repo.pool.readBlob(e.Hash, limit)
	var large tooLarge
	if errors.As(err, &large) {
		return nil, fault.Invalid("file %q has %d bytes, more than the %d allowed", e.Name, int64(large), limit)
	}
	if err != nil {
		return nil, d.view.trouble(err)
	}
	if !d.view.m.spec.LFS {
		return o.data, nil
	}
	if p, ok := parsePointer(o.data); ok {
		return d.view.m.lfs(e.Name, p)
	}
	return o.data, nil
}
