// Package diff is the command that shows what differs between Git and what is
// live, field by field, and whose doing it is.
package diff

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO       *term.IO
	Look     func(ctx context.Context, u lockstep.Unit) (lookup.Looked, error)
	Gateway  func() (*gateway.Client, error)
	From, To string
	Unit     lockstep.Unit
	With     lockstep.Unit // whose To is; zero for Unit
	Owners   bool
	ExitCode bool
	Output   string
}

var forms = []string{form.Table, form.Patch, form.JSON, form.YAML}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Look: look(e), Gateway: e.Gateway}
	var with string
	cmd := &cobra.Command{
		Use:   "diff STACK",
		Short: "Show how what is live differs from Git",
		Long: `Show how what is live differs from Git, field by field: what a person or
controller changed by hand, and what a newer commit asks for. Values of Secrets
are masked.

Fields that Git says nothing about are not differences.

With --from, --to or --with it shows instead how what two commits render to differs;
each is the number of a release, a commit, or "live" for what the Target has, and what
Git says now where it is left out. --with names another Stack, such as the same
application in another environment, whose release or commit --to is. That is asked of
a Lockstep server.`,
		Example: `  lockstep diff payments/shop

  # who changed them?
  lockstep diff payments/shop --owners

  # what did release 41 change?
  lockstep diff payments/shop --from 40 --to 41

  # what did people and controllers change since release 40?
  lockstep diff payments/shop --from 40 --to live

  # how does production differ from staging, as Git has both?
  lockstep diff staging/shop --with production/shop

  # as a patch, for review tools; 2 when there are differences
  lockstep diff payments/shop -o patch --exit-code`,
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			if with != "" {
				if o.With, err = e.Unit(with); err != nil {
					return err
				}
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, forms)
	cmd.Flags().BoolVar(&o.Owners, "owners", false, "show who set the live value")
	cmd.Flags().StringVar(&o.From, "from", "", "compare this release or commit, or live, with that of --to (default what Git says now)")
	cmd.Flags().StringVar(&o.To, "to", "", "release or commit, or live, that --from is compared with (default what Git says now)")
	cmd.Flags().StringVar(&with, "with", "", "another Stack, whose --to is")
	cmd.Flags().BoolVar(&o.ExitCode, "exit-code", false, "exit with 2 when there are differences")
	return cmd
}

func look(e *env.Env) func(context.Context, lockstep.Unit) (lookup.Looked, error) {
	return func(ctx context.Context, u lockstep.Unit) (lookup.Looked, error) {
		c, err := e.Client()
		if err != nil {
			return lookup.Looked{}, err
		}
		return with(ctx, e, c, u)
	}
}

func with(ctx context.Context, e *env.Env, c *api.Client, u lockstep.Unit) (lookup.Looked, error) {
	s, err := c.Stack(ctx, u)
	if err != nil {
		return lookup.Looked{}, err
	}
	l, err := lookup.New(e, c)
	if err != nil {
		return lookup.Looked{}, err
	}
	defer l.Close()
	return l.Plan(ctx, s)
}

// Answer is what -o json prints. As in a plan, from is the live value and to is
// what Git says.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Revision  string   `json:"revision"`
	From      string   `json:"from,omitempty"`
	Objects   []Object `json:"objects"`
	title     string
}

// Object is one object that differs.
type Object struct {
	Key string `json:"key"`
	// Verb is what the next pass does about it: create, update, replace, delete,
	// orphan, or leave.
	Verb   string                 `json:"verb"`
	Reason string                 `json:"reason"`
	Fields []lockstep.FieldChange `json:"fields"`
	// next is what becomes of each field, where a server tells.
	next []string
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, forms)
	if err != nil {
		return err
	}
	a, err := o.answer(ctx)
	if a == nil {
		return err
	}
	switch {
	case f.Is(form.Patch):
		o.patch(*a)
	case f.ForPeople():
		o.print(*a)
	default:
		if err := f.Write(o.IO.Out, *a); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if o.ExitCode && len(a.Objects) > 0 {
		return env.Differences
	}
	return nil
}

// answer finds the differences: by a server where one is chosen, else here. There may
// be some and an error, about objects that cannot be compared.
func (o *options) answer(ctx context.Context) (*Answer, error) {
	g, err := o.Gateway()
	switch {
	case err != nil:
		return nil, err
	case g != nil && o.compares():
		return o.compared(ctx, g)
	case g != nil:
		return o.served(ctx, g)
	case o.compares():
		return nil, fault.Usage("two commits are compared by a Lockstep server, and none is chosen").WithHint("lockstep login https://lockstep.example.org")
	}
	k, err := o.Look(ctx, o.Unit)
	if k.Plan.Unit.Name == "" {
		return nil, err
	}
	return &Answer{
		Head: form.Of("Diff"), Namespace: o.Unit.Namespace, Name: o.Unit.Name, Revision: k.Plan.Revision.Commit, Objects: differing(k.Plan),
		title: "live ↔ " + k.Plan.Revision.Short(),
	}, err
}

// compares says whether something else is asked for than Git and what is live.
func (o *options) compares() bool { return o.From != "" || o.To != "" || o.With != lockstep.Unit{} }

func differing(p plan.Plan) []Object {
	out := []Object{}
	for _, s := range p.Steps() {
		out = append(out, Object{Key: s.Key.String(), Verb: s.Verb.String(), Reason: s.Reason, Fields: s.Changes})
	}
	for _, d := range p.Drifted {
		out = append(out, Object{Key: d.Key.String(), Verb: "leave", Reason: "drift, healing is off", Fields: d.Changes})
	}
	return out
}

var signs = map[string]string{"create": "+", "update": "~", "replace": "±", "delete": "-", "orphan": "·", "leave": "≠"}

func (o *options) print(a Answer) {
	o.IO.Printf("%s  %s\n", o.IO.Paint(term.Bold, "stack "+o.Unit.String()), a.title)
	fields := 0
	for _, x := range a.Objects {
		o.IO.Printf("\n%s %s  %s\n", signs[x.Verb], o.IO.Paint(term.Bold, x.Key), o.IO.Paint(term.Dim, x.Reason))
		t := term.Table{}
		for i, c := range x.Fields {
			fields++
			row := o.row(c)
			if o.Owners && i < len(x.next) {
				row = append(row, x.next[i])
			}
			t.Add(row...)
		}
		o.IO.Print(t)
	}
	if len(a.Objects) == 0 {
		o.IO.Printf("no differences\n")
		return
	}
	verb := " differ"
	if len(a.Objects) == 1 {
		verb = " differs"
	}
	o.IO.Printf("\n%s%s, %s\n", term.Count(len(a.Objects), "object"), verb, term.Count(fields, "field"))
}

func (o *options) row(c lockstep.FieldChange) []any {
	sign, style := "~", term.Warn
	value := c.From + " → " + c.To
	switch {
	case c.From == "":
		sign, style, value = "+", term.Good, c.To
	case c.To == "":
		sign, style, value = "-", term.Bad, c.From
	}
	row := []any{term.Cell{Text: "  " + sign, Style: style}, c.Path, value}
	if o.Owners {
		owner := c.Manager
		if owner == "" {
			owner = "lockstep"
		}
		row = append(row, "live value by "+owner)
	}
	return row
}

// patch writes a unified diff of fields: it reads like one everywhere, and no
// tool could apply it to a file, since it is about live objects.
func (o *options) patch(a Answer) {
	for _, x := range a.Objects {
		o.IO.Printf("--- live/%s\n+++ git/%s\n", x.Key, x.Key)
		for _, c := range x.Fields {
			o.IO.Printf("@@ %s @@\n", c.Path)
			o.lines("-", c.From, term.Bad)
			o.lines("+", c.To, term.Good)
		}
	}
}

func (o *options) lines(sign, value string, style term.Style) {
	if value == "" {
		return
	}
	for line := range strings.SplitSeq(value, "\n") {
		o.IO.Printf("%s\n", o.IO.Paint(style, sign+line))
	}
}
