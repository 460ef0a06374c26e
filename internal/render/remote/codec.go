package remote

import (
	"bytes"
	"errors"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// maxResult bounds the objects of one render, in bytes as they are sent. All of
// them together have to fit into this process.
const maxResult = 64 << 20

// writeRequest writes req without its trees, the functions that it holds, and the
// credentials of its chart's repository, which only this side needs.
func writeRequest(w *wire.Writer, req core.Request) {
	w.String(req.Path)
	w.String(req.Release)
	writeDirectory(w, req.Directory)
	writeKustomize(w, req.Kustomize)
	writeHelm(w, req.Helm)
	w.String(req.Namespace)
	w.Map(req.Labels)
	w.Map(req.Annotations)
	w.Bool(req.Substitute != nil)
	if s := req.Substitute; s != nil {
		w.Map(s.Vars)
		w.Bool(s.Strict)
	}
	w.String(req.KubeVersion)
	w.Strings(req.APIVersions)
	w.Bool(req.AllowRemote)
}

func readRequest(r *wire.Reader) core.Request {
	req := core.Request{
		Path:      r.String(),
		Release:   r.String(),
		Directory: readDirectory(r),
		Kustomize: readKustomize(r),
		Helm:      readHelm(r),
		Namespace: r.String(), Labels: r.Map(), Annotations: r.Map(),
	}
	if r.Bool() {
		req.Substitute = &core.SubstituteSpec{Vars: r.Map(), Strict: r.Bool()}
	}
	req.KubeVersion, req.APIVersions, req.AllowRemote = r.String(), r.Strings(), r.Bool()
	return req
}

func writeDirectory(w *wire.Writer, d *core.DirectorySpec) {
	w.Bool(d != nil)
	if d == nil {
		return
	}
	w.Bool(d.NoRecurse)
	w.Strings(d.Include)
	w.Strings(d.Exclude)
}

func readDirectory(r *wire.Reader) *core.DirectorySpec {
	if !r.Bool() {
		return nil
	}
	return &core.DirectorySpec{NoRecurse: r.Bool(), Include: r.Strings(), Exclude: r.Strings()}
}

func writeKustomize(w *wire.Writer, k *core.KustomizeSpec) {
	w.Bool(k != nil)
	if k == nil {
		return
	}
	w.String(k.NamePrefix)
	w.String(k.NameSuffix)
	w.Count(len(k.Images))
	for _, i := range k.Images {
		w.Strings([]string{i.Name, i.NewName, i.NewTag, i.Digest})
	}
	w.Count(len(k.Patches))
	for _, p := range k.Patches {
		w.String(p.Patch)
		w.Bool(p.Target != nil)
		if t := p.Target; t != nil {
			w.Strings([]string{t.Group, t.Version, t.Kind, t.Name, t.Namespace, t.LabelSelector, t.AnnotationSelector})
		}
	}
	w.Strings(k.Components)
	w.Bool(k.IgnoreMissingComponents)
}

// fields reads a list of exactly n texts.
func fields(r *wire.Reader, n int) []string {
	return append(r.Strings(), make([]string, n)...)[:n]
}

func readKustomize(r *wire.Reader) *core.KustomizeSpec {
	if !r.Bool() {
		return nil
	}
	k := &core.KustomizeSpec{NamePrefix: r.String(), NameSuffix: r.String()}
	for range r.Count() {
		f := fields(r, 4)
		k.Images = append(k.Images, core.Image{Name: f[0], NewName: f[1], NewTag: f[2], Digest: f[3]})
	}
	for range r.Count() {
		p := core.Patch{Patch: r.String()}
		if r.Bool() {
			f := fields(r, 7)
			p.Target = &core.Selector{Group: f[0], Version: f[1], Kind: f[2], Name: f[3], Namespace: f[4], LabelSelector: f[5], AnnotationSelector: f[6]}
		}
		k.Patches = append(k.Patches, p)
	}
	k.Components, k.IgnoreMissingComponents = r.Strings(), r.Bool()
	return k
}

func writeHelm(w *wire.Writer, h *core.HelmSpec) {
	w.Bool(h != nil)
	if h == nil {
		return
	}
	w.Bool(h.Chart != nil)
	if h.Chart != nil {
		writeRef(w, *h.Chart)
	}
	w.String(h.ReleaseName)
	w.Strings(h.ValuesFiles)
	w.Bool(h.IgnoreMissingValuesFiles)
	w.Count(len(h.ValuesFrom))
	for _, v := range h.ValuesFrom {
		w.String(v.From)
		w.String(v.TargetPath)
		w.Blob(v.Data)
		w.Bool(v.Secret)
	}
	w.Blob(h.Values)
	w.Bool(h.SkipCRDs)
	w.Bool(h.SkipSchemaValidation)
	w.Int(int64(h.Revision))
	w.Bool(h.Record)
}

func readHelm(r *wire.Reader) *core.HelmSpec {
	if !r.Bool() {
		return nil
	}
	h := &core.HelmSpec{}
	if r.Bool() {
		ref := readRef(r)
		h.Chart = &ref
	}
	h.ReleaseName, h.ValuesFiles, h.IgnoreMissingValuesFiles = r.String(), r.Strings(), r.Bool()
	for range r.Count() {
		h.ValuesFrom = append(h.ValuesFrom, core.ResolvedValues{From: r.String(), TargetPath: r.String(), Data: r.Blob(), Secret: r.Bool()})
	}
	h.Values, h.SkipCRDs, h.SkipSchemaValidation, h.Revision = r.Blob(), r.Bool(), r.Bool(), int(r.Int())
	h.Record = r.Bool()
	return h
}

func writeRef(w *wire.Writer, ref core.ChartRef) {
	w.Strings([]string{ref.Repo, ref.Name, ref.Version})
}

func readRef(r *wire.Reader) core.ChartRef {
	f := fields(r, 3)
	return core.ChartRef{Repo: f[0], Name: f[1], Version: f[2]}
}

// How a job ended that did not fail.
const (
	rendered byte = iota + 1
	// needsNetwork: there are remote bases, and the worker has no network.
	needsNetwork
)

// encodeResult writes what a render came to.
func encodeResult(res core.Result) ([]byte, error) {
	var w wire.Writer
	w.Byte(rendered)
	w.String(string(res.Kind))
	w.Count(len(res.Objects))
	for _, o := range res.Objects {
		if writeObject(&w, o); w.Len() > maxResult {
			break
		}
	}
	w.Count(len(res.Hooks))
	for _, h := range res.Hooks {
		writeObject(&w, h.Object)
	}
	w.Bool(res.Chart != nil)
	if c := res.Chart; c != nil {
		w.Strings([]string{c.Name, c.Version, c.AppVersion})
	}
	w.Blob(res.Record)
	w.Strings(res.Warnings)
	switch {
	case errors.Is(w.Err(), wire.ErrTooMany):
		return nil, fault.Invalid("the objects hold more than the limit of %d values", wire.MaxValues).
			WithHint("split it into several Stacks")
	case w.Err() != nil:
		return nil, fault.Internal(w.Err())
	case w.Len() > maxResult:
		return nil, fault.Invalid("the objects have more than the limit of %s", worker.Size(maxResult)).
			WithHint("split it into several Stacks")
	}
	return w.Bytes(), nil
}

func decodeResult(r *wire.Reader) (core.Result, error) {
	res := core.Result{Kind: core.Kind(r.String())}
	for range r.Count() {
		res.Objects = append(res.Objects, readObject(r))
	}
	for range r.Count() {
		o := readObject(r)
		// What a hook is to a release follows from the object alone.
		role, err := hook.Of(o)
		if err != nil {
			return res, err
		}
		res.Hooks = append(res.Hooks, core.Hook{Object: o, Role: role})
	}
	if r.Bool() {
		f := fields(r, 3)
		res.Chart = &core.ChartInfo{Name: f[0], Version: f[1], AppVersion: f[2]}
	}
	// The message is shared; the record is kept for longer.
	if record := r.Blob(); len(record) > 0 {
		res.Record = bytes.Clone(record)
	}
	res.Warnings = r.Strings()
	return res, r.Err()
}

func writeObject(w *wire.Writer, o lockstep.Object) {
	w.String(o.Origin.File)
	w.Int(int64(o.Origin.Line))
	w.Tree(o.Tree)
}

func readObject(r *wire.Reader) lockstep.Object {
	o := lockstep.Object{Origin: lockstep.Origin{File: r.Name(), Line: int(r.Int())}}
	o.Tree, _ = r.Tree().(map[string]any)
	return o
}
