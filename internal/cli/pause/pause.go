// Package pause holds the commands that stop Lockstep from changing a Stack and
// let it go on.
package pause

import (
	"context"

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
	API    func() (*api.Client, error)
	Unit   lockstep.Unit
	Reason string
	Output string
}

// NewPause returns the command pause.
func NewPause(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Client}
	cmd := &cobra.Command{
		Use:   "pause STACK",
		Short: "Leave a stack as it is until it is resumed",
		Long: `Leave a stack as it is until it is resumed: nothing is applied, pruned or healed.

It sets spec.suspend on the cluster. Where the Stack itself is kept in Git, change
it there, or what keeps it will take this back.`,
		Example: `  lockstep pause payments/shop --reason "database migration, ask ana"`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return pause(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for who finds it paused")
	return o.on(e, cmd)
}

// NewResume returns the command resume.
func NewResume(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Client}
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
	return o.set(ctx, true, "paused", "lockstep resume "+o.Unit.String())
}

func resume(ctx context.Context, o *options) error {
	o.Reason = ""
	return o.set(ctx, false, "resumed", "lockstep wait "+o.Unit.String())
}

func (o *options) set(ctx context.Context, suspend bool, done, next string) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	c, err := o.API()
	if err != nil {
		return err
	}
	s, err := c.Stack(ctx, o.Unit)
	if err != nil {
		return err
	}
	if suspend && s.DeletionTimestamp != nil {
		return fault.Conflict("is being deleted").At("stack %s", o.Unit)
	}
	already := s.Spec.Suspend == suspend
	if err := c.SetSuspend(ctx, s, suspend, map[string]string{v1alpha1.AnnotationPausedReason: o.Reason}); err != nil {
		return err
	}
	if !f.ForPeople() {
		s.SetManagedFields(nil)
		s.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Stack"))
		return f.Write(o.IO.Out, s)
	}
	if already {
		done = "already " + done
	}
	o.IO.Printf("%s %s\n", o.Unit, done)
	o.IO.Notef("next: %s", next)
	return nil
}
