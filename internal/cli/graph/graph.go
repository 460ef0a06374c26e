// Package graph is the command that shows which Stack depends on which.
package graph

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
)

const (
	text = "text"
	dot  = "dot"
)

var forms = []string{text, dot, form.JSON, form.YAML}

type options struct {
	IO        *term.IO
	Way       func() (way, error)
	Unit      lockstep.Unit // zero for all
	Direction core.Direction
	Namespace string // "" for every one
	Output    string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Way: func() (way, error) { return wayOf(e) }}
	all, up, down := false, false, false
	cmd := &cobra.Command{
		Use:   "graph [STACK]",
		Short: "Show which stack depends on which, in the order in which they go",
		Long: `Show which stack depends on which, in the order in which they go, and the outputs
that one takes from the other: what spec.dependsOn and spec.inputs say.

A wave is what can go at the same time, after the waves before it. Below each stack is
what it depends on, with a sign in front where it has to be waited for now. Stacks that
wait for each other in a circle never go; they are shown last, and the circle is named.

Without a stack it is those of the namespace and all that they depend on, wherever that
is. With one it is what it depends on and what depends on it, directly or not.`,
		Example: `  # everything, wave by wave
  lockstep graph -A

  # what has to wait if the network changes
  lockstep graph infra/network --down

  # a drawing
  lockstep graph -A -o dot | dot -Tsvg > graph.svg`,
		Args:              env.AtMost("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			switch {
			case len(args) > 0 && all:
				return fault.Usage("-A is for all stacks, not for one").WithHint("leave out one of the two")
			case len(args) == 0 && (up || down):
				return fault.Usage("--up and --down are about one stack").WithHint("name it: lockstep graph STACK --up")
			case len(args) > 0:
				if o.Unit, err = e.Unit(args[0]); err != nil {
					return err
				}
			case !all:
				o.Namespace = e.NamespaceListed()
			}
			o.Direction = direction(up, down)
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, forms)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of every namespace")
	cmd.Flags().BoolVar(&up, "up", false, "only what the stack depends on")
	cmd.Flags().BoolVar(&down, "down", false, "only what depends on the stack")
	return cmd
}

// direction takes both flags for what they say together.
func direction(up, down bool) core.Direction {
	switch {
	case up == down:
		return core.Both
	case up:
		return core.Up
	}
	return core.Down
}

// Answer is what -o json prints.
type Answer struct {
	form.Head     `json:",inline"`
	httpapi.Graph `json:",inline"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, forms)
	if err != nil {
		return err
	}
	w, err := o.Way()
	if err != nil {
		return err
	}
	p, err := o.picture(ctx, w)
	if err != nil {
		return err
	}
	switch {
	case f.Is(dot):
		o.IO.Printf("%s", core.Dot(p))
		return nil
	case !f.Is(text):
		return f.Write(o.IO.Out, Answer{form.Of("Graph"), httpapi.GraphOf(p)})
	case len(p.Nodes) == 0:
		o.IO.Notef("no stacks %s", o.where())
		return nil
	}
	draw(o.IO, p)
	return nil
}

func (o *options) picture(ctx context.Context, w way) (core.Picture, error) {
	if o.Unit == (lockstep.Unit{}) {
		return w.Graph(ctx, o.Namespace)
	}
	p, err := w.Near(ctx, o.Unit)
	if err != nil {
		return p, err
	}
	for _, n := range p.Nodes {
		// One that others only name is asked for, so that the answer is the usual one.
		if n.Unit == o.Unit && n.Presence == core.Known {
			return p.Around(o.Unit, o.Direction), nil
		}
	}
	if err := w.Exists(ctx, o.Unit); err != nil {
		return p, err
	}
	return p, fault.NotFound("is in no list that you may see").At("stack %s", o.Unit).WithHint("the right to list stacks shows it: lockstep auth can list %s", o.Unit)
}

func (o *options) where() string {
	if o.Namespace == "" {
		return "in any namespace"
	}
	return "in namespace " + o.Namespace + "; -A looks in all"
}
