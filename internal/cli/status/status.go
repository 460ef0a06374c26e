// Package status is the command that says how everything, or one Stack, is
// doing and what needs a person.
package status

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/follow"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

type options struct {
	IO        *term.IO
	API       func() (api.Kinds, error)
	Now       func() time.Time
	Objects   func(ctx context.Context, s *v1alpha1.Stack) ([]Object, error)
	Unit      *lockstep.Unit // nil for all
	Namespace string         // "" for all; only without Unit
	Output    string
	Watch     bool
	Strict    bool
	List      bool // the objects of one Stack
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Kinds, Now: e.Now, Objects: observe(e)}
	cmd := &cobra.Command{
		Use:   "status [STACK]",
		Short: "Say how everything, or one stack, is doing",
		Example: `  # one sentence, and what needs you
  lockstep status

  # one stack with its objects
  lockstep status payments/shop --objects

  # in a pipeline: fail (6) when a gate holds it
  lockstep status payments/shop --strict`,
		Args:              env.AtMost("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Namespace = e.NamespaceAsked()
			if len(args) > 0 {
				u, err := e.Unit(args[0])
				if err != nil {
					return err
				}
				o.Unit = &u
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "go on printing what changes, of one stack")
	cmd.Flags().BoolVar(&o.Strict, "strict", false, "exit with 6 when something is blocked")
	cmd.Flags().BoolVar(&o.List, "objects", false, "list the objects of one stack as they are on its target")
	return cmd
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	if o.Unit == nil && (o.Watch || o.List) {
		return fault.Usage("--watch and --objects are about one stack").WithHint("name it, or watch all: lockstep list -w")
	}
	c, err := o.API()
	if err != nil {
		return err
	}
	if o.Unit == nil {
		return o.fleet(ctx, c, f)
	}
	if !o.Watch {
		s, err := c.Stack(ctx, *o.Unit)
		if err != nil {
			return err
		}
		return o.show(ctx, c, f, s)
	}
	return follow.Stack(ctx, c, *o.Unit, func(s *v1alpha1.Stack) (bool, error) {
		if s == nil {
			return true, fault.NotFound("is gone").At("stack %s", o.Unit)
		}
		if f.ForPeople() {
			o.line(s)
			return false, nil
		}
		return false, form.Line(o.IO.Out, report(s, nil))
	})
}

// line is one moment of a watch.
func (o *options) line(s *v1alpha1.Stack) {
	v := standing.OfStack(s)
	o.IO.Printf("%s  %s %s  %s\n", o.Now().UTC().Format("15:04:05Z"),
		o.IO.Paint(v.Standing.Style(), v.Standing.Sign()+" "+v.Standing.String()), term.Commit(s.Status.Revision), v.Message)
}

func (o *options) show(ctx context.Context, c api.Kinds, f form.Form, s *v1alpha1.Stack) error {
	r := report(s, nil)
	src, err := c.Source(ctx, stack.SourceOf(s))
	if err == nil {
		r = report(s, src)
	}
	if o.List {
		var lookErr error
		if r.Objects, lookErr = o.Objects(ctx, s); lookErr != nil {
			return lookErr
		}
	}
	if !f.ForPeople() {
		if err := f.Write(o.IO.Out, r); err != nil {
			return err
		}
		return o.strict(r.Status == standing.Blocked.String())
	}
	o.print(r, s, src, err)
	return o.strict(r.Status == standing.Blocked.String())
}

func (o *options) strict(blocked bool) error {
	if o.Strict && blocked {
		return env.Exit(fault.KindBlocked.Consequence().Exit)
	}
	return nil
}

// Watch is status STACK --watch.
func Watch(ctx context.Context, e *env.Env, u lockstep.Unit, output string) error {
	return run(ctx, &options{IO: e.IO, API: e.Kinds, Now: e.Now, Unit: &u, Output: output, Watch: true})
}
