// Package list is the command that lists Stacks, Sources and Targets, those that
// need a person first.
package list

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

type options struct {
	IO        *term.IO
	API       func() (api.Kinds, error)
	Now       func() time.Time
	Noun      string
	Filter    string
	Namespace string // "" for all
	Output    string
	Watch     bool
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Kinds, Now: e.Now}
	all := false
	cmd := &cobra.Command{
		Use:   "list [stacks|sources|targets] [FILTER]...",
		Short: "List what Lockstep keeps live, what needs you first",
		Long: `List what Lockstep keeps live, what needs you first.

Stacks can be narrowed by the filter that the web UI and the API have as well:
words, and FIELD:VALUE with name, namespace, health, step, is, env, owner, source,
path, target, driver, author, reason, revision, changed, created, label, release,
objects or drifted. A minus in front turns a term round; write -- before such ones,
or they are taken for flags.`,
		Example: `  # the stacks of this namespace
  lockstep list

  # what is not healthy in production, wherever it runs
  lockstep list -A env:prod -- -health:healthy

  # everything, and go on watching, one JSON object a line
  lockstep list -A -w -o json

  # where desired state comes from
  lockstep list sources -A`,
		Aliases:           []string{"ls"},
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.FixedCompletions([]string{"stacks", "sources", "targets"}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Noun, o.Filter = read(args)
			if !all {
				o.Namespace = e.NamespaceListed()
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Listing)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of every namespace")
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "go on printing what changes")
	return cmd
}

// read tells the noun, stacks where none is said, from the filter.
func read(args []string) (noun, filter string) {
	if len(args) == 0 {
		return "stacks", ""
	}
	if strings.Contains(args[0], ":") || strings.HasPrefix(args[0], "-") {
		return "stacks", strings.Join(args, " ")
	}
	return args[0], strings.Join(args[1:], " ")
}

// collection is one kind that can be listed.
type collection struct {
	kind   string
	header []string
	wide   []string // further columns
	get    func(ctx context.Context, c api.Kinds, namespace, filter string) (client.ObjectList, error)
	watch  func(ctx context.Context, c api.Kinds, namespace, version string) (watch.Interface, error)
	// row returns the cells of header, then those of wide.
	row func(obj runtime.Object, now time.Time) []any
}

var collections = map[string]collection{
	"stacks": stacks, "stack": stacks,
	"sources": sources, "source": sources,
	"targets": targets, "target": targets,
}

func run(ctx context.Context, o *options) error {
	kind, ok := collections[o.Noun]
	if !ok {
		return fault.Usage("there are no %q to list", o.Noun).WithHint("stacks, sources or targets")
	}
	if o.Filter != "" && kind.kind != "Stack" {
		return fault.Usage("only stacks can be filtered").WithHint("lockstep list %s -o json | jq", o.Noun)
	}
	f, err := form.Parse(o.Output, form.Listing)
	if err != nil {
		return err
	}
	c, err := o.API()
	if err != nil {
		return err
	}
	list, err := kind.get(ctx, c, o.Namespace, o.Filter)
	if err != nil {
		return err
	}
	items := clean(list, kind.kind)
	if o.Watch {
		return o.follow(ctx, c, kind, f, list.GetResourceVersion(), items)
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, answer(kind, items), anys(items)...)
	}
	o.print(kind, f, items, true)
	if len(items) == 0 {
		o.IO.Notef("no %s %s", o.Noun, o.where())
	}
	return nil
}

func (o *options) where() string {
	if o.Namespace == "" {
		return "in any namespace"
	}
	return "in namespace " + o.Namespace + "; -A looks in all"
}

func (o *options) print(kind collection, f form.Form, items []runtime.Object, header bool) {
	if f.Is(form.Name) {
		for _, obj := range items {
			m := obj.(client.Object)
			o.IO.Printf("%s/%s\n", m.GetNamespace(), m.GetName())
		}
		return
	}
	t := term.Table{}
	if len(items) == 0 {
		return
	}
	columns := len(kind.header)
	if header {
		t.Header = kind.header
	}
	if f.Is(form.Wide) {
		columns += len(kind.wide)
		if header {
			t.Header = append(append([]string{}, kind.header...), kind.wide...)
		}
	}
	if o.Namespace == "" && header {
		t.Header = append([]string{"NAMESPACE"}, t.Header...)
	}
	for _, obj := range items {
		cells := kind.row(obj, o.Now())[:columns]
		if f.Is(form.Wide) {
			cells = lastMessage(cells, len(kind.header))
		}
		if o.Namespace == "" {
			cells = append([]any{obj.(client.Object).GetNamespace()}, cells...)
		}
		t.Add(cells...)
	}
	if f.Is(form.Wide) && header {
		at := len(t.Header) - len(kind.wide) - 1
		t.Header = append(append(t.Header[:at:at], t.Header[at+1:]...), t.Header[at])
	}
	o.IO.Print(t)
}

// lastMessage moves the message behind the further columns: it is the one that
// may be cut.
func lastMessage(cells []any, header int) []any {
	at := header - 1
	out := append(append([]any{}, cells[:at]...), cells[at+1:]...)
	return append(out, cells[at])
}

func answer(kind collection, items []runtime.Object) any {
	return struct {
		form.Head `json:",inline"`
		Items     []runtime.Object `json:"items"`
	}{form.Head{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind.kind + "List"}, items}
}

func anys(items []runtime.Object) []any {
	out := make([]any, len(items))
	for i, obj := range items {
		out[i] = obj
	}
	return out
}

// follow prints the list and then what changes: lines of JSON for programs,
// rows for people.
func (o *options) follow(ctx context.Context, c api.Kinds, kind collection, f form.Form, version string, items []runtime.Object) error {
	if !f.ForPeople() {
		f, _ = form.Parse(form.JSONL, form.Listing)
	}
	if err := o.emit(kind, f, items, true); err != nil {
		return err
	}
	for {
		w, err := kind.watch(ctx, c, o.Namespace, version)
		if err != nil {
			return err
		}
		version, err = o.events(ctx, kind, f, w, version)
		w.Stop()
		if err != nil {
			return err
		}
	}
}

func (o *options) events(ctx context.Context, kind collection, f form.Form, w watch.Interface, version string) (string, error) {
	for {
		select {
		case <-ctx.Done():
			return version, ctx.Err()
		case e, open := <-w.ResultChan():
			if !open {
				return version, nil
			}
			obj, ok := e.Object.(client.Object)
			if !ok {
				// The version is too old for the server; whoever watches this long
				// starts over with what is there.
				return "", nil
			}
			version = obj.GetResourceVersion()
			if e.Type == watch.Bookmark || e.Type == watch.Deleted || !o.wanted(obj) {
				continue
			}
			if err := o.emit(kind, f, []runtime.Object{trim(obj, kind.kind)}, false); err != nil {
				return version, err
			}
		}
	}
}

// wanted filters what changed; a filter that cannot be read was refused before.
func (o *options) wanted(obj client.Object) bool {
	s, ok := obj.(*v1alpha1.Stack)
	if !ok || o.Filter == "" {
		return true
	}
	kept, err := api.Matches([]v1alpha1.Stack{*s}, o.Filter)
	return err == nil && len(kept) > 0
}

func (o *options) emit(kind collection, f form.Form, items []runtime.Object, header bool) error {
	if f.ForPeople() {
		o.print(kind, f, items, header)
		return nil
	}
	if len(items) == 0 {
		return nil
	}
	return f.Write(o.IO.Out, nil, anys(items)...)
}

// Watch is list stacks FILTER --watch.
func Watch(ctx context.Context, e *env.Env, filter, output string) error {
	return run(ctx, &options{IO: e.IO, API: e.Kinds, Now: e.Now, Noun: "stacks", Filter: filter, Namespace: e.NamespaceAsked(), Output: output, Watch: true})
}
