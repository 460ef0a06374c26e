package remote

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// tree is a tree of the other side, seen from the worker. It answers from what it
// was sent, and tells what it was asked.
type tree struct {
	c     *call
	index byte
	dirs  map[string][]lockstep.Entry // complete listings of directories that no link leads to
	at    map[string]thing            // what else was asked for
	data  map[string][]byte           // files of this job that are not kept
	seen  map[look]bool
}

type look struct {
	what byte
	path string
}

// thing is what is at a path.
type thing struct {
	is    byte
	entry lockstep.Entry
}

func newTree(c *call, index int) *tree {
	return &tree{
		c: c, index: byte(index), dirs: map[string][]lockstep.Entry{}, at: map[string]thing{}, //nolint:gosec // a few
		data: map[string][]byte{}, seen: map[look]bool{},
	}
}

// saw notes that an answer was given from what was sent.
func (t *tree) saw(what byte, p string) {
	k := look{what, p}
	if t.seen[k] {
		return
	}
	t.seen[k] = true
	t.c.saw(what, t.index, p)
}

// find says what is at a cleaned path.
func (t *tree) find(p string) thing {
	if x, ok := t.listed(p); ok {
		return x
	}
	if x, ok := t.at[p]; ok {
		return x
	}
	x := t.load(p)
	t.at[p] = x
	return x
}

// listed looks p up in the listings.
func (t *tree) listed(p string) (thing, bool) {
	if _, ok := t.dirs[p]; ok || p == "." {
		return directoryAt(p), true
	}
	for child := p; child != "."; child = path.Dir(child) {
		es, ok := t.dirs[path.Dir(child)]
		if !ok {
			continue
		}
		e, ok := entryIn(es, path.Base(child))
		switch {
		case !ok:
			return thing{is: isMissing}, true
		case e.Type == lockstep.Directory && child == p:
			return directoryAt(p), true
		case e.Type == lockstep.Directory:
			return thing{}, false // it was not sent with what is below
		case e.Type == lockstep.File && child == p:
			return thing{is: isFile, entry: e}, true
		}
		return thing{is: isOther}, true
	}
	return thing{}, false
}

func directoryAt(p string) thing {
	return thing{is: isDirectory, entry: lockstep.Entry{Name: path.Base(p), Type: lockstep.Directory, Size: -1}}
}

func entryIn(es []lockstep.Entry, name string) (lockstep.Entry, bool) {
	i, ok := slices.BinarySearchFunc(es, name, func(e lockstep.Entry, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return lockstep.Entry{}, false
	}
	return es[i], true
}

// load asks for p and what is below it.
func (t *tree) load(p string) thing {
	r, err := t.c.ask(askLoad, t.index, p)
	if err != nil {
		return thing{is: isOther}
	}
	return t.take(r, p)
}

// take reads what is at p and what was sent with it.
func (t *tree) take(r *wire.Reader, p string) thing {
	switch r.Byte() {
	case isMissing:
		return thing{is: isMissing}
	case isFile:
		e := readEntry(r)
		t.bytes(r, p, e.Hash)
		return thing{is: isFile, entry: e}
	case isDirectory:
		t.ahead(r)
		return directoryAt(p)
	}
	return thing{is: isOther}
}

func (t *tree) ahead(r *wire.Reader) {
	for r.Bool() {
		dir := r.String()
		es := make([]lockstep.Entry, 0, r.Count())
		for range cap(es) {
			es = append(es, readEntry(r))
		}
		t.dirs[dir] = es
	}
	for r.Bool() {
		p := r.String()
		hash := ""
		if x, ok := t.listed(p); ok {
			hash = x.entry.Hash
		}
		t.bytes(r, p, hash)
	}
}

func (t *tree) bytes(r *wire.Reader, p, hash string) {
	switch r.Byte() {
	case sendOnce:
		t.data[p] = r.Blob()
	case sendToKeep:
		keep(hash, r.Blob())
	}
}

// Stat returns the entry at p.
func (t *tree) Stat(p string) (lockstep.Entry, error) {
	c, err := lockstep.CleanPath(p)
	if err != nil {
		return t.askStat(p)
	}
	switch x := t.find(c); x.is {
	case isMissing:
		t.saw(sawStat, c)
		return lockstep.Entry{}, missing(p)
	case isFile, isDirectory:
		t.saw(sawStat, c)
		x.entry.Name = path.Base(p)
		return x.entry, nil
	}
	return t.askStat(p)
}

// ReadDir lists a directory. As a recording tree does, it says of files nothing
// but that they are there.
func (t *tree) ReadDir(p string) ([]lockstep.Entry, error) {
	c, err := lockstep.CleanPath(p)
	if err != nil {
		return t.askReadDir(p)
	}
	x := t.find(c)
	if x.is == isMissing {
		t.saw(sawStat, c)
		return nil, missing(p)
	}
	es, ok := t.dirs[c]
	if x.is == isDirectory && !ok {
		if y := t.load(c); y.is == isDirectory {
			es, ok = t.dirs[c]
		}
	}
	if !ok {
		return t.askReadDir(p)
	}
	t.saw(sawNames, c)
	out := make([]lockstep.Entry, len(es))
	for i, e := range es {
		out[i] = lockstep.Entry{Name: e.Name, Type: e.Type, Size: -1}
	}
	return out, nil
}

// ReadFile returns the bytes of a file.
func (t *tree) ReadFile(p string) ([]byte, error) {
	c, err := lockstep.CleanPath(p)
	if err != nil {
		return t.askReadFile(p)
	}
	x := t.find(c)
	if x.is == isMissing {
		t.saw(sawStat, c)
		return nil, missing(p)
	}
	if x.is != isFile {
		return t.askReadFile(p)
	}
	data, ok := t.have(c, x.entry.Hash)
	if !ok {
		t.load(c)
		data, ok = t.have(c, x.entry.Hash)
	}
	if !ok {
		return t.askReadFile(p)
	}
	t.saw(sawStat, c) // the note of a read is that of its content
	return data, nil
}

func (t *tree) have(p, hash string) ([]byte, bool) {
	if data, ok := t.data[p]; ok {
		return data, true
	}
	data, ok := kept[hash]
	return data, ok && hash != ""
}

// Real returns where p leads.
func (t *tree) Real(p string) (string, error) {
	c, err := lockstep.CleanPath(p)
	if err != nil {
		return t.askReal(p)
	}
	switch x := t.find(c); x.is {
	case isMissing:
		t.saw(sawReal, c)
		return "", missing(p)
	case isFile, isDirectory:
		t.saw(sawReal, c)
		return c, nil
	}
	return t.askReal(p)
}

func missing(p string) error { return fmt.Errorf("%s: %w", p, lockstep.ErrNotExist) }

func (t *tree) askStat(p string) (lockstep.Entry, error) {
	r, err := t.c.ask(askStat, t.index, p)
	if err != nil {
		return lockstep.Entry{}, err
	}
	e := readEntry(r)
	return e, broken(r)
}

func (t *tree) askReadDir(p string) ([]lockstep.Entry, error) {
	r, err := t.c.ask(askReadDir, t.index, p)
	if err != nil {
		return nil, err
	}
	var es []lockstep.Entry
	for range r.Count() {
		es = append(es, readEntry(r))
	}
	return es, broken(r)
}

func (t *tree) askReadFile(p string) ([]byte, error) {
	r, err := t.c.ask(askReadFile, t.index, p)
	if err != nil {
		return nil, err
	}
	data := r.Blob()
	return data, broken(r)
}

func (t *tree) askReal(p string) (string, error) {
	r, err := t.c.ask(askReal, t.index, p)
	if err != nil {
		return "", err
	}
	real := r.String()
	return real, broken(r)
}

func broken(r *wire.Reader) error {
	if err := r.Err(); err != nil {
		return fault.Internal(err)
	}
	return nil
}
