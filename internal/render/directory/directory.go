// Package directory renders plain files: YAML and JSON manifests as they lie in
// a directory, without any template.
package directory

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"
)

// MaxFiles bounds how many manifests one directory may hold.
const MaxFiles = 20_000

// maxDepth bounds how deep directories nest; no real repository comes near.
const maxDepth = 64

// Render reads every manifest below the unit's directory.
func Render(ctx context.Context, req core.Request) (core.Result, error) {
	if err := render.Directory(req.Tree, req.Path); err != nil {
		return core.Result{}, err
	}
	w := &walk{tree: req.Tree, base: req.Path}
	if req.Directory != nil {
		w.spec = *req.Directory
	}
	if err := w.checkPatterns(); err != nil {
		return core.Result{}, err
	}
	w.dir("", nil)
	objs := w.decode(ctx)
	if err := ctx.Err(); err != nil {
		return core.Result{}, fault.Timeout("rendering was stopped").At("%s", req.Path).Because(err)
	}
	if err := fault.Join(w.errs...); err != nil {
		return core.Result{}, err
	}
	res, err := core.Finish(objs, req)
	if err != nil {
		return core.Result{}, err
	}
	res.Kind, res.Warnings = core.Directory, append(w.warnings, res.Warnings...)
	return res, nil
}

// walk finds the manifests of one directory.
type walk struct {
	tree     lockstep.Tree
	base     string
	spec     core.DirectorySpec
	files    []string // paths from the root of the Source
	errs     []error
	warnings []string
}

func (w *walk) fail(p string, err error) { w.errs = append(w.errs, fault.As(err).At("%s", p)) }

// dir lists one directory, given relative to the base. above are the real paths
// of the directories it lies in, by which a link that leads back up is known.
func (w *walk) dir(rel string, above []string) {
	p := path.Join(w.base, rel)
	real, err := core.Real(w.tree, p)
	if err != nil {
		w.fail(p, err)
		return
	}
	if slices.Contains(above, real) || len(above) > maxDepth {
		w.warnings = append(w.warnings, fmt.Sprintf("%s: skipped, because the link leads back to a directory it lies in", p))
		return
	}
	es, err := w.tree.ReadDir(p)
	if err != nil {
		w.fail(p, err)
		return
	}
	for _, e := range es {
		w.entry(path.Join(rel, e.Name), e, append(above, real))
	}
}

func (w *walk) entry(rel string, e lockstep.Entry, above []string) {
	if w.excluded(rel) || len(w.files) > MaxFiles {
		return
	}
	p := path.Join(w.base, rel)
	kind := e.Type
	if kind == lockstep.Symlink {
		target, err := w.tree.Stat(p)
		if err != nil {
			w.brokenLink(rel, p, err)
			return
		}
		kind = target.Type
	}
	switch kind {
	case lockstep.Directory:
		// .git, .github and the like hold no manifests.
		if !w.spec.NoRecurse && !strings.HasPrefix(e.Name, ".") {
			w.dir(rel, above)
		}
	case lockstep.File:
		w.file(rel, p)
	case lockstep.Submodule:
		w.warnings = append(w.warnings, fmt.Sprintf("%s: skipped, because submodules of this Source are not fetched", p))
	}
}

func (w *walk) file(rel, p string) {
	if !w.included(rel) {
		return
	}
	if core.IsKustomizationFile(path.Base(rel)) {
		w.warnings = append(w.warnings, fmt.Sprintf("%s: skipped, because it is a kustomization and the directory is rendered as plain files", p))
		return
	}
	if len(w.files) == MaxFiles {
		w.fail(w.base, fault.Invalid("the directory holds more than %d manifests", MaxFiles).WithHint("split it into several Stacks"))
	}
	w.files = append(w.files, p)
}

// brokenLink fails for a link that would have been a manifest, and passes over
// the others.
func (w *walk) brokenLink(rel, p string, err error) {
	switch {
	case errors.Is(err, lockstep.ErrOutside):
		w.fail(p, fault.Invalid("symbolic link %q leads out of the source", p).
			WithHint("link to a file of the same repository, or exclude it").Because(err))
	case !w.included(rel):
	case errors.Is(err, lockstep.ErrNotExist):
		w.fail(p, fault.NotFound("symbolic link %q leads to nothing", p).
			WithHint("repair or remove the link").Because(err))
	default:
		w.fail(p, err)
	}
}

func (w *walk) decode(ctx context.Context) []lockstep.Object {
	var out []lockstep.Object
	for _, p := range w.files {
		if ctx.Err() != nil {
			return nil
		}
		data, err := w.tree.ReadFile(p)
		if err != nil {
			w.fail(p, err)
			continue
		}
		objs, err := core.Decode(p, data)
		if err != nil {
			w.errs = append(w.errs, err)
		}
		out = append(out, objs...)
	}
	return out
}
