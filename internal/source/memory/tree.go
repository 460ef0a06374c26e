package memory

import (
	"crypto/sha1" //nolint:gosec // the hash is git's, for identity, not for safety
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/tree"
)

// NewTree returns a Tree of files. Hashes are those that git would give, so
// equal subtrees have equal hashes. Values made by [Symlink] are links.
//
// It panics when one path is both a file and a directory: that is a mistake in
// the test that wrote it.
func NewTree(files map[string]string) lockstep.Tree {
	d := newDir(files)
	return tree.New(d, d.hash)
}

// Symlink returns a value for NewTree and Commit that stands for a symbolic link.
func Symlink(target string) string { return tree.Symlink(target) }

type dir struct {
	hash    string
	entries []lockstep.Entry
	subs    map[string]*dir
	content map[string]string // files and link targets, by name
}

func newDir(files map[string]string) *dir {
	d := &dir{subs: map[string]*dir{}, content: map[string]string{}}
	below := map[string]map[string]string{}
	for p, text := range files {
		name, rest, deeper := strings.Cut(p, "/")
		if !deeper {
			d.addFile(name, text)
			continue
		}
		if below[name] == nil {
			below[name] = map[string]string{}
		}
		below[name][rest] = text
	}
	for _, name := range slices.Sorted(maps.Keys(below)) {
		if _, clash := d.content[name]; clash {
			panic(fmt.Sprintf("memory: %q is both a file and a directory", name))
		}
		sub := newDir(below[name])
		d.subs[name] = sub
		d.entries = append(d.entries, lockstep.Entry{Name: name, Type: lockstep.Directory, Hash: sub.hash, Size: -1})
	}
	slices.SortFunc(d.entries, func(a, b lockstep.Entry) int { return strings.Compare(a.Name, b.Name) })
	d.hash = d.treeHash()
	return d
}

func (d *dir) addFile(name, text string) {
	e := lockstep.Entry{Name: name, Type: lockstep.File, Size: int64(len(text))}
	if target, ok := tree.AsSymlink(text); ok {
		e.Type, e.Size, text = lockstep.Symlink, int64(len(target)), target
	}
	e.Hash = hash("blob", text)
	d.content[name] = text
	d.entries = append(d.entries, e)
}

// treeHash writes the directory as git does, where a directory sorts as if its
// name ended in a slash.
func (d *dir) treeHash() string {
	sorted := slices.Clone(d.entries)
	key := func(e lockstep.Entry) string {
		if e.Type == lockstep.Directory {
			return e.Name + "/"
		}
		return e.Name
	}
	slices.SortFunc(sorted, func(a, b lockstep.Entry) int { return strings.Compare(key(a), key(b)) })
	var b strings.Builder
	for _, e := range sorted {
		mode := map[lockstep.EntryType]string{lockstep.File: "100644", lockstep.Symlink: "120000", lockstep.Directory: "40000"}[e.Type]
		raw, _ := hex.DecodeString(e.Hash)
		fmt.Fprintf(&b, "%s %s\x00%s", mode, e.Name, raw)
	}
	return hash("tree", b.String())
}

func hash(kind, content string) string {
	h := sha1.New() //nolint:gosec // see the import
	fmt.Fprintf(h, "%s %d\x00%s", kind, len(content), content)
	return hex.EncodeToString(h.Sum(nil))
}

func (d *dir) Entries() []lockstep.Entry { return d.entries }

func (d *dir) Lookup(name string) (lockstep.Entry, bool) {
	i, ok := slices.BinarySearchFunc(d.entries, name, func(e lockstep.Entry, n string) int { return strings.Compare(e.Name, n) })
	if !ok {
		return lockstep.Entry{}, false
	}
	return d.entries[i], true
}

func (d *dir) Open(e lockstep.Entry) (tree.Dir, error) {
	sub, ok := d.subs[e.Name]
	if !ok {
		return nil, fault.NotFound("path %q does not exist", e.Name).Because(lockstep.ErrNotExist)
	}
	return sub, nil
}

func (d *dir) ReadLink(e lockstep.Entry) (string, error) { return d.content[e.Name], nil }

func (d *dir) ReadFile(e lockstep.Entry) ([]byte, error) { return []byte(d.content[e.Name]), nil }
