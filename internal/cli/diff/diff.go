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
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO       *term.IO
	Look     func(ctx context.Context, u lockstep.Unit) (lookup.Looked, error)
	Unit     lockstep.Unit
	Owners   bool
	ExitCode bool
	Output   string
}

var forms = []string{form.Table, form.Patch, form.JSON, form.YAML}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Look: look(e)}
	cmd := &cobra.Command{
		Use:   "diff STACK",
		Short: "Show how what is live differs from Git",
		Long: `Show how what is live differs from Git, field by field: what a person or
controller changed by hand, and what a newer commit asks for. Values of Secrets
are masked.

Fields that Git says nothing about are not differences.`,
		Example: `  lockstep diff payments/shop

  # who changed them?
  lockstep diff payments/shop --owners

  # as a patch, for review tools; 2 when there are differences
  lockstep diff payments/shop -o patch --exit-code`,
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, forms)
	cmd.Flags().BoolVar(&o.Owners, "owners", false, "show who set the live value")
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
	Objects   []Object `json:"objects"`
}

// Object is one object that differs.
type Object struct {
	Key string `json:"key"`
	// Verb is what the next pass does about it: create, update, replace, delete,
	// orphan, or leave.
	Verb   string                 `json:"verb"`
	Reason string                 `json:"reason"`
	Fields []lockstep.FieldChange `json:"fields"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, forms)
	if err != nil {
		return err
	}
	k, err := o.Look(ctx, o.Unit)
	if k.Plan.Unit.Name == "" {
		return err
	}
	a := Answer{form.Of("Diff"), o.Unit.Namespace, o.Unit.Name, k.Plan.Revision.Commit, differing(k.Plan)}
	switch {
	case f.Is(form.Patch):
		o.patch(a)
	case f.ForPeople():
		o.print(a, k.Plan)
	default:
		if err := f.Write(o.IO.Out, a); err != nil {
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

func differing(p plan.Plan) []Object {
	out := []Object{}
	for _, s := range p.Steps() {
		out = append(out, Object{s.Key.String(), s.Verb.String(), s.Reason, s.Changes})
	}
	for _, d := range p.Drifted {
		out = append(out, Object{d.Key.String(), "leave", "drift, healing is off", d.Changes})
	}
	return out
}

var signs = map[string]string{"create": "+", "update": "~", "replace": "±", "delete": "-", "orphan": "·", "leave": "≠"}

func (o *options) print(a Answer, p plan.Plan) {
	o.IO.Printf("%s  live ↔ %s\n", o.IO.Paint(term.Bold, "stack "+o.Unit.String()), p.Revision.Short())
	fields := 0
	for _, x := range a.Objects {
		o.IO.Printf("\n%s %s  %s\n", signs[x.Verb], o.IO.Paint(term.Bold, x.Key), o.IO.Paint(term.Dim, x.Reason))
		t := term.Table{}
		for _, c := range x.Fields {
			fields++
			t.Add(o.row(c)...)
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
