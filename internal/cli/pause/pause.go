// Package pause holds the commands that stop Lockstep from changing a Stack and
// let it go on.
package pause

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO     *term.IO
	API    func() (api.Kinds, error)
	Unit   lockstep.Unit
	Reason string
	For    time.Duration
	Output string
	Now    func() time.Time
}

// NewPause returns the command pause.
func NewPause(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Kinds, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "pause STACK",
		Short: "Leave a stack as it is until it is resumed",
		Long: `Leave a stack as it is until it is resumed: nothing is applied, pruned or healed.

With --for it goes on by itself after that time. It sets spec.pause on the cluster,
which a Stack that is itself kept in Git may leave to it by not mentioning it.`,
		Example: `  lockstep pause payments/shop --reason "database migration, ask ana" --for 2h`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return pause(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for who finds it paused")
	cmd.Flags().DurationVar(&o.For, "for", 0, "go on by itself after this time; 0 for never")
	return o.on(e, cmd)
}

// NewResume returns the command resume.
func NewResume(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Kinds, Now: e.Now}
	return o.on(e, &cobra.Command{
		Use:     "resume STACK",
		Short:   "Go on with a paused stack",
		Example: `  lockstep resume payments/shop && lockstep wait payments/shop`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return resume(cmd.Context(), o) },
	})
}

func (o *options) on(e *env.Env, cmd *cobra.Command) *cobra.Command {
	cmd.Args = env.Exactly("STACK")
	cmd.ValidArgsFunction = e.CompleteStacks
	cmd.PreRunE = func(_ *cobra.Command, args []string) (err error) {
		o.Unit, err = e.Unit(args[0])
		return err
	}
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

func pause(ctx context.Context, o *options) error {
	if o.For < 0 {
		return fault.Usage("--for %s is in the past", o.For).WithHint("a time like 90m or 24h")
	}
	c, s, err := o.stack(ctx)
	if err != nil {
		return err
	}
	if s.DeletionTimestamp != nil {
		return fault.Conflict("is being deleted").At("stack %s", o.Unit)
	}
	done := "paused"
	if s.Spec.Pause.At(o.Now()) != nil {
		done = "already paused; the reason and the end are new"
	}
	if err := c.Pause(ctx, s, o.Reason, o.For); err != nil {
		return err
	}
	return o.say(s, done, "lockstep resume "+o.Unit.String())
}

func resume(ctx context.Context, o *options) error {
	c, s, err := o.stack(ctx)
	if err != nil {
		return err
	}
	done := "resumed"
	if s.Spec.Pause.At(o.Now()) == nil {
		done = "already resumed"
	}
	if err := c.Resume(ctx, s); err != nil {
		return err
	}
	return o.say(s, done, "lockstep wait "+o.Unit.String())
}

func (o *options) stack(ctx context.Context) (api.Kinds, *v1alpha1.Stack, error) {
	if _, err := form.Parse(o.Output, form.Single); err != nil {
		return nil, nil, err
	}
	c, err := o.API()
	if err != nil {
		return nil, nil, err
	}
	s, err := c.Stack(ctx, o.Unit)
	return c, s, err
}

func (o *options) say(s *v1alpha1.Stack, done, next string) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		s.SetManagedFields(nil)
		s.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Stack"))
		return f.Write(o.IO.Out, s)
	}
	o.IO.Printf("%s %s\n", o.Unit, done)
	o.IO.Notef("next: %s", next)
	return nil
}
