// Package worktree reads a directory on disk as the tree of a Source.
//
// It lets the CLI render and plan what nobody has committed yet. The directory
// is read through [os.Root], so neither a link nor a race with whoever edits it
// leads out; ".git" is not part of it, and neither is what is no file, directory
// or link.
package worktree

import (
	"crypto/sha1" //nolint:gosec // Git's own content hash, not a protection
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/tree"
)

// Tree is a directory on disk as it is when it is read. Hashes of directories
// are those of the moment it was opened, so a Tree is for one look, not to keep.
type Tree struct {
	*tree.Tree
	root *os.Root
	rev  lockstep.Revision
}

// Open opens dir. Close it when its content is no longer needed.
func Open(dir string, rev lockstep.Revision) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unreadable(dir, err)
	}
	top := &directory{root: root, path: ".", hashes: &sync.Map{}}
	return &Tree{Tree: tree.New(top, top.hash()), root: root, rev: rev}, nil
}

// Revision says which commit the directory was checked out from.
func (t *Tree) Revision() lockstep.Revision { return t.rev }

// Close lets go of the directory.
func (t *Tree) Close() error { return t.root.Close() }

// directory implements [tree.Dir].
type directory struct {
	root   *os.Root
	path   string
	hashes *sync.Map // path → hash, of the whole tree

	once    sync.Once
	entries []lockstep.Entry
	opened  sync.Map // name → *directory
}

func (d *directory) Entries() []lockstep.Entry {
	d.once.Do(func() {
		// A directory that cannot be read is told by Open; here it is empty.
		infos, _ := d.list()
		for _, i := range infos {
			d.entries = append(d.entries, d.entry(i))
		}
	})
	return d.entries
}

func (d *directory) Lookup(name string) (lockstep.Entry, bool) {
	if name == ".git" {
		return lockstep.Entry{}, false
	}
	info, err := d.root.Lstat(path.Join(d.path, name))
	if err != nil || typeOf(info) == 0 {
		return lockstep.Entry{}, false
	}
	return d.entry(info), true
}

func (d *directory) Open(e lockstep.Entry) (tree.Dir, error) {
	if sub, ok := d.opened.Load(e.Name); ok {
		return sub.(*directory), nil
	}
	sub := d.sub(e.Name)
	if _, err := sub.list(); err != nil {
		return nil, unreadable(sub.path, err)
	}
	kept, _ := d.opened.LoadOrStore(e.Name, sub)
	return kept.(*directory), nil
}

func (d *directory) ReadLink(e lockstep.Entry) (string, error) {
	p := path.Join(d.path, e.Name)
	target, err := d.root.Readlink(p)
	if err != nil {
		return "", unreadable(p, err)
	}
	return target, nil
}

func (d *directory) ReadFile(e lockstep.Entry) ([]byte, error) {
	p := path.Join(d.path, e.Name)
	data, err := d.root.ReadFile(p)
	if err != nil {
		return nil, unreadable(p, err)
	}
	return data, nil
}

// list returns what counts in the directory, ordered by name.
func (d *directory) list() ([]fs.FileInfo, error) {
	f, err := d.root.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	infos, err := f.Readdir(-1)
	if err != nil {
		return nil, err
	}
	infos = slices.DeleteFunc(infos, func(i fs.FileInfo) bool { return i.Name() == ".git" || typeOf(i) == 0 })
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return infos, nil
}

func (d *directory) entry(i fs.FileInfo) lockstep.Entry {
	e := lockstep.Entry{Name: i.Name(), Type: typeOf(i), Size: -1}
	switch e.Type {
	case lockstep.Directory:
		sub := d.sub(i.Name())
		e.Hash = sub.hash()
	case lockstep.Symlink:
		target, _ := d.ReadLink(e)
		e.Hash = blob([]byte(target))
	case lockstep.File:
		data, err := d.ReadFile(e)
		e.Hash, e.Size = blob(data), int64(len(data))
		if err != nil {
			// It has no content to hash; reading it will say why.
			e.Hash = "unreadable:" + path.Join(d.path, e.Name)
		}
	}
	return e
}

func (d *directory) sub(name string) *directory {
	return &directory{root: d.root, path: path.Join(d.path, name), hashes: d.hashes}
}

// hash covers name, size and time of everything below, as Git's index does:
// reading a whole working tree to look at one directory would take seconds.
func (d *directory) hash() string {
	if h, ok := d.hashes.Load(d.path); ok {
		return h.(string)
	}
	h := sha256.New()
	infos, err := d.list()
	if err != nil {
		fmt.Fprintf(h, "unreadable %q\n", d.path)
	}
	for _, i := range infos {
		fmt.Fprintf(h, "%q %s %d %d\n", i.Name(), i.Mode(), i.Size(), i.ModTime().UnixNano())
		if i.IsDir() {
			fmt.Fprintln(h, d.sub(i.Name()).hash())
		}
	}
	sum := "worktree:" + hex.EncodeToString(h.Sum(nil)[:20])
	d.hashes.Store(d.path, sum)
	return sum
}

// blob is Git's hash of a file with this content.
func blob(data []byte) string {
	h := sha1.New() //nolint:gosec // see the import
	h.Write([]byte("blob " + strconv.Itoa(len(data)) + "\x00"))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func typeOf(i fs.FileInfo) lockstep.EntryType {
	switch {
	case i.IsDir():
		return lockstep.Directory
	case i.Mode()&fs.ModeSymlink != 0:
		return lockstep.Symlink
	case i.Mode().IsRegular():
		return lockstep.File
	}
	return 0
}

func unreadable(p string, err error) error {
	if os.IsNotExist(err) {
		return fault.NotFound("%q does not exist", p).Because(lockstep.ErrNotExist)
	}
	if os.IsPermission(err) {
		return fault.Denied("%q may not be read", p).Because(err)
	}
	return fault.Invalid("%q cannot be read as a directory of files", p).Because(err)
}
