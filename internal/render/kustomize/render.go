// Package kustomize renders kustomizations, in process and as `kustomize build`
// does: the same library, the same load restriction, the same result.
//
// What kustomize would fetch or run is refused before it starts, with the file
// and line that asks for it; see scan.go. What a Stack adds on top is a
// kustomization of its own that has the unit's as its only resource.
package kustomize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/yaml"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"
)

// ErrRemote is returned by [RenderConfined] for a build that fetches something.
var ErrRemote = errors.New("the build fetches remote bases")

// RenderConfined is [Render] for a process without a network: where that would
// fetch something that the request allows, it returns ErrRemote.
func RenderConfined(ctx context.Context, req core.Request) (core.Result, error) {
	s := newScan(req)
	s.confined = true
	return s.render(ctx, req)
}

// Render builds the kustomization in the unit's directory.
func Render(ctx context.Context, req core.Request) (core.Result, error) {
	return newScan(req).render(ctx, req)
}

func (s *scan) render(ctx context.Context, req core.Request) (core.Result, error) {
	if err := render.Directory(req.Tree, req.Path); err != nil {
		return core.Result{}, err
	}
	render.Doing(ctx, "reading the kustomization", req.Path)
	s.directory(req.Path, site{file: req.Path})
	overlay, err := s.overlay(req)
	if err := fault.Join(append(s.errs, err)...); err != nil {
		return core.Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return core.Result{}, fault.Timeout("rendering was stopped").At("%s", req.Path).Because(err)
	}
	if s.confined && s.remote {
		return core.Result{}, ErrRemote
	}
	render.Doing(ctx, "kustomize", s.kustomizationIn(req.Path))
	objs, err := s.build(ctx, req, overlay)
	if err != nil {
		return core.Result{}, err
	}
	render.Doing(ctx, "setting namespaces, labels and variables", req.Path)
	res, err := core.Finish(objs, req)
	if err != nil {
		return core.Result{}, err
	}
	res.Kind = core.Kustomize
	return res, nil
}

// overlay returns the kustomization of what the Stack adds; nil for nothing.
// The unit's own is built directly then, exactly as the command line would.
func (s *scan) overlay(req core.Request) ([]byte, error) {
	spec := req.Kustomize
	if spec == nil || len(spec.Images)+len(spec.Patches)+len(spec.Components) == 0 && spec.NamePrefix+spec.NameSuffix == "" {
		return nil, nil
	}
	up := path.Join("..", sourceRoot, req.Path)
	k := types.Kustomization{
		Resources:     []string{up},
		NamePrefix:    spec.NamePrefix,
		NameSuffix:    spec.NameSuffix,
		BuildMetadata: s.buildMetadata,
	}
	for _, i := range spec.Images {
		k.Images = append(k.Images, types.Image{Name: i.Name, NewName: i.NewName, NewTag: i.NewTag, Digest: i.Digest})
	}
	for _, p := range spec.Patches {
		patch := types.Patch{Patch: p.Patch}
		if t := p.Target; t != nil {
			patch.Target = &types.Selector{LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector}
			patch.Target.Group, patch.Target.Version, patch.Target.Kind = t.Group, t.Version, t.Kind
			patch.Target.Name, patch.Target.Namespace = t.Name, t.Namespace
		}
		k.Patches = append(k.Patches, patch)
	}
	for _, c := range spec.Components {
		at := site{dir: req.Path, file: "kustomize.components"}
		if spec.IgnoreMissingComponents && s.missing(req.Path, c) {
			continue
		}
		s.base(c, at)
		if isRemote(c) {
			k.Components = append(k.Components, c)
			continue
		}
		k.Components = append(k.Components, path.Join(up, c))
	}
	k.Kind, k.APIVersion = types.KustomizationKind, types.KustomizationVersion
	return yaml.Marshal(k)
}

func (s *scan) missing(dir, component string) bool {
	p, err := lockstep.CleanPath(dir + "/" + component)
	if err != nil || isRemote(component) {
		return false
	}
	_, err = s.tree.Stat(p)
	return err != nil
}

// schema guards what kustomize keeps in variables of the process: the OpenAPI
// schema. Builds share the built-in one, which is parsed once; a build with a
// schema of its own has the process to itself and leaves it as it was.
var schema struct {
	sync.RWMutex
	warm sync.Once
}

// build runs kustomize and takes the objects from it, both under the schema's
// lock: even asking a resource for its name looks into the schema.
func (s *scan) build(ctx context.Context, req core.Request, overlay []byte) (objs []lockstep.Object, err error) {
	if s.schema {
		schema.Lock()
		defer schema.Unlock()
		openapi.ResetOpenAPI()
		defer func() {
			openapi.ResetOpenAPI()
			openapi.Schema()
		}()
	} else {
		schema.warm.Do(func() {
			// Under the write lock, because reading the schema is not guarded by
			// kustomize while it is being parsed.
			schema.Lock()
			defer schema.Unlock()
			openapi.Schema()
		})
		schema.RLock()
		defer schema.RUnlock()
	}
	defer func() {
		// kyaml panics on some malformed input.
		if p := recover(); p != nil {
			err = s.explain(req, fmt.Errorf("kustomize stopped unexpectedly: %v", p)).
				Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	fs := files{tree: req.Tree, overlay: overlay, at: &reading{ctx: ctx}}
	if req.AllowRemote {
		fs.clones = filesys.MakeFsOnDisk()
	}
	root := path.Join(sourceRoot, req.Path)
	if overlay != nil {
		root = overlayRoot
	}
	opts := krusty.MakeDefaultOptions()
	// Finish sorts in any case; the other values make kustomize print a warning
	// for a kustomization that has sortOptions.
	opts.Reorder = krusty.ReorderOptionUnspecified
	m, err := krusty.MakeKustomizer(opts).Run(fs, root)
	if err != nil {
		if broken := fault.Join(s.broken...); broken != nil {
			return nil, broken
		}
		return nil, s.explain(req, err)
	}
	return s.objects(m, req)
}

// Kustomize's errors are text, so the place is looked for in the text. The
// patterns take the paths that we have mounted, and the half of "tried as a file:
// …, tried as a directory: …" that is about the file.
var (
	innermost = regexp.MustCompile(`path '` + sourceRoot + `/?([^']*)'`)
	prefix    = regexp.MustCompile(`(` + sourceRoot + `|` + overlayRoot + `)/`)
	asFile    = regexp.MustCompile(`(?s)accumulation err='(.*)': must build at directory: '[^']*': file is not directory$`)
	wrapping  = regexp.MustCompile(`(?:accumulating (?:resources|components): )|(?:accumulation err='(?:[^']|'[^']*')*?': )|(?:recursed (?:accumulation of|merging from) path '[^']*': )`)
)

// explain turns an error of kustomize into a fault: its own words without the
// chain of directories before them, at the kustomization they are about.
func (s *scan) explain(req core.Request, err error) *fault.Fault {
	text := err.Error()
	dir := req.Path
	for _, m := range innermost.FindAllStringSubmatch(text, -1) {
		dir = path.Clean(m[1])
	}
	if m := asFile.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	text = wrapping.ReplaceAllString(text, "")
	text = prefix.ReplaceAllString(text, "")
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, os.TempDir(), "")), " ")
	return fault.Invalid("kustomize: %s", text).At("%s", s.kustomizationIn(dir)).Because(err)
}

func (s *scan) kustomizationIn(dir string) string {
	for _, name := range core.KustomizationFiles {
		if e, err := s.tree.Stat(path.Join(dir, name)); err == nil && e.Type == lockstep.File {
			return path.Join(dir, name)
		}
	}
	return dir
}

func (s *scan) objects(m resmap.ResMap, req core.Request) ([]lockstep.Object, error) {
	out := make([]lockstep.Object, 0, m.Size())
	var errs []error
	fallback := lockstep.Origin{File: s.kustomizationIn(req.Path)}
	for _, r := range m.Resources() {
		// The JSON that the command prints as YAML: nothing can differ.
		data, err := r.MarshalJSON()
		if err != nil {
			errs = append(errs, s.explain(req, err))
			continue
		}
		id := r.CurId()
		origin := s.origin(lockstep.GroupKind{Group: id.Group, Kind: id.Kind}, id.Name)
		if origin.File == "" {
			origin = fallback
		}
		o, err := core.FromJSON(origin, data)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.nameBuilder(o)
		out = append(out, o)
	}
	return out, fault.Join(errs...)
}

// commandVersion is the release of the command that has the linked library;
// the test that compares with it fails when the two part.
const commandVersion = "v5.8.2"

// nameBuilder gives the label of buildMetadata: [managedByLabel] the value that
// the command writes. The library takes it from how the binary was built, so two
// builds of Lockstep would render differently.
func (s *scan) nameBuilder(o lockstep.Object) {
	if !slices.Contains(s.buildMetadata, types.ManagedByLabelOption) {
		return
	}
	meta, _ := o.Tree["metadata"].(map[string]any)
	if labels, ok := meta["labels"].(map[string]any); ok {
		labels[konfig.ManagedbyLabelKey] = "kustomize-" + commandVersion
	}
}
