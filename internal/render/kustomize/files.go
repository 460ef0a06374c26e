package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"
)

const (
	// sourceRoot is where the Source is mounted for kustomize. It is not the
	// root, so that a path that climbs out of the Source finds nothing, and so
	// that the overlay can lie beside it.
	sourceRoot = "/source"
	// overlayRoot is the directory of what a Stack adds on top.
	overlayRoot = "/stack"
)

var errReadOnly = errors.New("the source is read-only")

// files is a Source as kustomize sees it: read-only, and read only where
// kustomize looks, so that a Recorder below sees exactly what a build needs.
type files struct {
	tree lockstep.Tree
	// overlay is the kustomization of what the Stack adds; nil for none.
	overlay []byte
	// clones are where kustomize puts remote bases, when those are allowed.
	clones filesys.FileSystem
	at     *reading
}

// reading tells what kustomize is at, as far as that can be seen: it reads a
// kustomization and what that names, and then works on what it has read.
type reading struct {
	ctx  context.Context
	file string // the kustomization
}

func (r *reading) read(p string) {
	what := fmt.Sprintf("kustomize, which had last read %q,", p)
	if core.IsKustomizationFile(path.Base(p)) {
		r.file, what = p, "kustomize"
	}
	render.Doing(r.ctx, what, r.file)
}

// mounted returns the path in the Source that p means.
func mounted(p string) (string, bool) {
	p = path.Clean(p)
	if p == sourceRoot {
		return ".", true
	}
	return strings.CutPrefix(p, sourceRoot+"/")
}

func (f files) isOverlay(p string) bool {
	return f.overlay != nil && path.Clean(p) == path.Join(overlayRoot, core.KustomizationFiles[0])
}

// clone says whether p lies in a remote base that kustomize has fetched.
func (f files) clone(p string) bool {
	return f.clones != nil && strings.HasPrefix(p, filepath.Join(os.TempDir(), "kustomize-"))
}

func (f files) stat(p string) (lockstep.Entry, bool) {
	rel, ok := mounted(p)
	if !ok {
		return lockstep.Entry{}, false
	}
	e, err := f.tree.Stat(rel)
	return e, err == nil
}

// IsDir says whether p is a directory.
func (f files) IsDir(p string) bool {
	if f.clone(p) {
		return f.clones.IsDir(p)
	}
	if f.overlay != nil && path.Clean(p) == overlayRoot {
		return true
	}
	e, ok := f.stat(p)
	return ok && e.Type != lockstep.File
}

// Exists says whether there is anything at p.
func (f files) Exists(p string) bool {
	if f.clone(p) {
		return f.clones.Exists(p)
	}
	if f.isOverlay(p) || f.IsDir(p) {
		return true
	}
	_, ok := f.stat(p)
	return ok
}

// CleanedAbs resolves every link in p, as kustomize does on a disk, and splits
// the result into a directory and a file.
func (f files) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	if f.clone(p) {
		return f.clones.CleanedAbs(p)
	}
	if f.isOverlay(p) {
		return filesys.ConfirmedDir(overlayRoot), path.Base(p), nil
	}
	if f.overlay != nil && path.Clean(p) == overlayRoot {
		return filesys.ConfirmedDir(overlayRoot), "", nil
	}
	rel, ok := mounted(p)
	if !ok {
		return "", "", &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	real, err := core.Real(f.tree, rel)
	if err != nil {
		return "", "", notExist(p, err)
	}
	e, err := f.tree.Stat(rel)
	if err != nil {
		return "", "", notExist(p, err)
	}
	abs := path.Join(sourceRoot, real)
	if e.Type != lockstep.File {
		return filesys.ConfirmedDir(abs), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(abs)), path.Base(abs), nil
}

// ReadFile returns the bytes of a file.
func (f files) ReadFile(p string) ([]byte, error) {
	if f.clone(p) {
		return f.clones.ReadFile(p)
	}
	if f.isOverlay(p) {
		return f.overlay, nil
	}
	rel, ok := mounted(p)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	data, err := f.tree.ReadFile(rel)
	if err != nil {
		return nil, notExist(p, err)
	}
	f.at.read(rel)
	return data, nil
}

// ReadDir returns the names in a directory.
func (f files) ReadDir(p string) ([]string, error) {
	if f.clone(p) {
		return f.clones.ReadDir(p)
	}
	rel, ok := mounted(p)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	es, err := f.tree.ReadDir(rel)
	if err != nil {
		return nil, notExist(p, err)
	}
	names := make([]string, len(es))
	for i, e := range es {
		names[i] = e.Name
	}
	return names, nil
}

// notExist gives the errors of a Tree the form that kustomize asks for.
func notExist(p string, err error) error {
	if errors.Is(err, lockstep.ErrNotExist) || errors.Is(err, lockstep.ErrOutside) {
		return &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	return err
}

// The rest of the interface is for commands that edit, which a build never runs.

// Create is refused.
func (files) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir is refused.
func (files) Mkdir(string) error { return errReadOnly }

// MkdirAll is refused.
func (files) MkdirAll(string) error { return errReadOnly }

// RemoveAll removes a fetched remote base and nothing else.
func (f files) RemoveAll(p string) error {
	if f.clone(p) {
		return f.clones.RemoveAll(p)
	}
	return errReadOnly
}

// Open is refused: a build reads whole files.
func (files) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Glob is refused.
func (files) Glob(string) ([]string, error) { return nil, errReadOnly }

// WriteFile is refused.
func (files) WriteFile(string, []byte) error { return errReadOnly }

// Walk is refused.
func (files) Walk(string, filepath.WalkFunc) error { return errReadOnly }
