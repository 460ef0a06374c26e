// Package render is the command that renders without a cluster.
package render

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/cli/checkout"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/worktree"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/stack/renderers"
)

type options struct {
	IO          *term.IO
	Cache       func() (string, error)
	Dir         string
	File        string // of Stacks; "-" is standard input
	SourceDir   string
	Namespace   string
	Release     string
	Values      []string
	KubeVersion string
	APIVersions []string
	Hooks       bool
	Output      string
}

var forms = []string{form.YAML, form.JSON, form.JSONL, form.Name}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Cache: e.CacheDir}
	cmd := &cobra.Command{
		Use:   "render DIR | -f STACK.yaml",
		Short: "Render a directory or a Stack without a cluster",
		Long: `Render a directory or a Stack without a cluster, exactly as the server would.

How to render DIR (plain files, a kustomization or a chart) is told from what is
in it. The whole Git working tree around it can be read, so that overlays find
their bases. With -f, the Stack says how, and ConfigMaps and Secrets in the same
file stand for those on the cluster.

Every object comes out complete, in a stable order.`,
		Example: `  lockstep render apps/shop/overlays/prod

  # a chart with values
  lockstep render charts/web --values prod.yaml --namespace web

  # what a Stack stands for, from the working tree
  lockstep render -f stack.yaml --source-dir . | kubectl diff -f -`,
		Args: env.AtMost("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Namespace = e.NamespaceAsked()
			if len(args) > 0 {
				o.Dir = args[0]
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, forms)
	f := cmd.Flags()
	f.StringVarP(&o.File, "filename", "f", "", "file with Stacks to render; - for standard input")
	f.StringVar(&o.SourceDir, "source-dir", "", "directory that stands for the source (default: the Git working tree around DIR, or around the current directory)")
	f.StringVar(&o.Release, "release", "", "name that a chart sees (default the directory's)")
	f.StringArrayVar(&o.Values, "values", nil, "values file for a chart; may be repeated, later ones win")
	f.StringVar(&o.KubeVersion, "kube-version", "", "version of Kubernetes that a chart sees")
	f.StringSliceVar(&o.APIVersions, "api-versions", nil, "further API versions that a chart sees")
	f.BoolVar(&o.Hooks, "hooks", false, "print a chart's hooks, too")
	return cmd
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, forms)
	if err != nil {
		return err
	}
	if (o.Dir == "") == (o.File == "") {
		return fault.Usage("want either DIR or -f STACK.yaml").WithHint("lockstep render . renders the current directory")
	}
	tree, err := o.tree(ctx)
	if err != nil {
		return err
	}
	snap, err := worktree.Open(tree.Root, tree.Revision)
	if err != nil {
		return err
	}
	defer func() { _ = snap.Close() }()
	requests, err := o.requests(ctx, tree, snap)
	if err != nil {
		return err
	}
	cache, err := o.Cache()
	if err != nil {
		return err
	}
	registry, err := renderers.All(renderers.Options{Dir: filepath.Join(cache, "charts")})
	if err != nil {
		return err
	}
	defer registry.Close()
	var objs []lockstep.Object
	var errs []error
	for _, req := range requests {
		res, err := registry.Render(ctx, req)
		errs = append(errs, err)
		objs = append(objs, o.take(res)...)
	}
	if err := fault.Join(errs...); err != nil {
		return err
	}
	return write(o.IO.Out, f, objs)
}

// tree is the directory that stands for the Source.
func (o *options) tree(ctx context.Context) (checkout.Checkout, error) {
	if o.SourceDir == "" {
		dir := o.Dir
		if dir == "" {
			dir = "."
		}
		return checkout.Find(ctx, dir)
	}
	root, err := filepath.EvalSymlinks(o.SourceDir)
	if err != nil {
		return checkout.Checkout{}, fault.NotFound("directory %q does not exist", o.SourceDir)
	}
	tree := checkout.Checkout{Root: root, Path: "."}
	if o.Dir == "" {
		return tree, nil
	}
	return tree, o.within(&tree)
}

// within finds Dir below the root.
func (o *options) within(tree *checkout.Checkout) error {
	root, err := filepath.Abs(tree.Root)
	if err != nil {
		return fault.Internal(err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fault.Internal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return fault.NotFound("directory %q does not exist", o.Dir)
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return fault.Usage("%q is not in --source-dir %q", o.Dir, o.SourceDir)
	}
	tree.Path = filepath.ToSlash(rel)
	return nil
}

func (o *options) requests(ctx context.Context, tree checkout.Checkout, snap *worktree.Tree) ([]core.Request, error) {
	if o.File != "" {
		return o.fromFile(ctx, snap)
	}
	req := core.Request{
		Path: tree.Path, Tree: snap, Release: o.release(tree), Namespace: o.Namespace,
		KubeVersion: o.KubeVersion, APIVersions: o.APIVersions,
	}
	if len(o.Values) == 0 {
		return []core.Request{req}, nil
	}
	req.Helm = &core.HelmSpec{ReleaseName: req.Release, Revision: 1}
	for _, file := range o.Values {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.NotFound("values file %q cannot be read", file).Because(err)
		}
		req.Helm.ValuesFrom = append(req.Helm.ValuesFrom, core.ResolvedValues{From: file, Data: data})
	}
	return []core.Request{req}, nil
}

func (o *options) release(tree checkout.Checkout) string {
	if o.Release != "" {
		return o.Release
	}
	return filepath.Base(filepath.Join(tree.Root, filepath.FromSlash(tree.Path)))
}

func (o *options) fromFile(ctx context.Context, snap *worktree.Tree) ([]core.Request, error) {
	data, err := o.read()
	if err != nil {
		return nil, err
	}
	file, err := parse(o.File, data)
	if err != nil {
		return nil, err
	}
	off := &offline{file: file, snap: snap, version: o.KubeVersion, apis: o.APIVersions}
	var out []core.Request
	var errs []error
	for i := range file.stacks {
		s := &file.stacks[i]
		if s.Namespace == "" {
			s.Namespace = "default"
			if o.Namespace != "" {
				s.Namespace = o.Namespace
			}
		}
		in, err := stack.Resolve(ctx, off, s)
		errs = append(errs, err)
		out = append(out, in.Request)
	}
	return out, fault.Join(errs...)
}

func (o *options) read() ([]byte, error) {
	if o.File == "-" {
		data, err := io.ReadAll(o.IO.In)
		if err != nil {
			return nil, fault.Internal(err)
		}
		return data, nil
	}
	data, err := os.ReadFile(o.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.NotFound("file %q does not exist", o.File)
	}
	if err != nil {
		return nil, fault.Invalid("file %q cannot be read", o.File).Because(err)
	}
	return data, nil
}

// take returns what is to be printed of a result, and tells about the rest.
func (o *options) take(res core.Result) []lockstep.Object {
	for _, w := range res.Warnings {
		o.IO.Notef("warning: %s", w)
	}
	if len(res.Hooks) == 0 {
		return res.Objects
	}
	if !o.Hooks {
		o.IO.Notef("note: %s left out; --hooks prints them", term.Count(len(res.Hooks), "hook"))
		return res.Objects
	}
	out := res.Objects
	for _, h := range res.Hooks {
		out = append(out, h.Object)
	}
	return out
}

func write(w io.Writer, f form.Form, objs []lockstep.Object) error {
	switch {
	case f.Is(form.YAML):
		return writeYAML(w, objs)
	case f.Is(form.Name):
		for _, obj := range objs {
			if _, err := io.WriteString(w, obj.Key().String()+"\n"); err != nil {
				return err
			}
		}
		return nil
	}
	trees := make([]any, len(objs))
	for i, obj := range objs {
		trees[i] = obj.Tree
	}
	return f.Write(w, struct {
		form.Head `json:",inline"`
		Items     []any `json:"items"`
	}{form.Head{APIVersion: "v1", Kind: "List"}, trees}, trees...)
}

func writeYAML(w io.Writer, objs []lockstep.Object) error {
	var b bytes.Buffer
	for i, obj := range objs {
		if i > 0 {
			b.WriteString("---\n")
		}
		doc, err := yaml.Marshal(obj.Tree)
		if err != nil {
			return fault.Internal(err)
		}
		b.Write(doc)
	}
	_, err := w.Write(b.Bytes())
	return err
}
