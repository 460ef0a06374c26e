// Package reconcile is the command that makes Lockstep look at a Stack now.
package reconcile

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
	IO         *term.IO
	API        func() (api.Kinds, error)
	Now        func() time.Time
	Unit       lockstep.Unit
	WithSource bool
	Wait       bool
	Timeout    time.Duration
	Output     string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Kinds, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "reconcile STACK",
		Short: "Look at a stack and its source now",
		Long: `Look at a stack and its source now, instead of at the next interval or event.

In a stack with sync.mode manual this is also what carries the plan out. With
--wait it follows until the stack is ready, and fails as soon as it is clear that
it will not be. Ctrl-C stops following; the server goes on.`,
		Example: `  lockstep reconcile payments/shop --wait

  # only apply again what is known, without asking the Git server
  lockstep reconcile payments/shop --with-source=false`,
		Aliases:           []string{"sync"},
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().BoolVar(&o.WithSource, "with-source", true, "ask the stack's source for a newer commit first")
	cmd.Flags().BoolVar(&o.Wait, "wait", false, "follow until the stack is ready")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 5*time.Minute, "how long to follow; 0 for ever")
	return cmd
}

func run(ctx context.Context, o *options) error {
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
	if s.Spec.Pause.At(o.Now()) != nil {
		return fault.Blocked("is paused").At("stack %s", o.Unit).WithHint("lockstep resume %s", o.Unit)
	}
	at, err := o.ask(ctx, c, s)
	if err != nil {
		return err
	}
	if !o.Wait {
		if !f.ForPeople() {
			return f.Write(o.IO.Out, answer(o.Unit, at, s))
		}
		o.IO.Printf("%s asked to reconcile\n", o.Unit)
		o.IO.Notef("next: lockstep wait %s", o.Unit)
		return nil
	}
	s, err = o.follow(ctx, c, at, f)
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, answer(o.Unit, at, s))
	}
	return nil
}

// ask marks the Source first and waits until it was looked at, so that the pass
// of the Stack sees the newest commit.
func (o *options) ask(ctx context.Context, c api.Kinds, s *v1alpha1.Stack) (at string, err error) {
	if o.WithSource {
		src, err := c.Source(ctx, stack.SourceOf(s))
		if err != nil {
			return "", err
		}
		if at, err = c.Reconcile(ctx, src); err != nil {
			return "", err
		}
		if err := o.fetched(ctx, c, s, at); err != nil {
			return "", err
		}
	}
	return c.Reconcile(ctx, s)
}

const (
	fetchTime = 30 * time.Second
	fetchTick = 100 * time.Millisecond
)

func (o *options) fetched(ctx context.Context, c api.Kinds, s *v1alpha1.Stack, at string) error {
	ctx, stop := context.WithTimeout(ctx, fetchTime)
	defer stop()
	for {
		src, err := c.Source(ctx, stack.SourceOf(s))
		if err == nil && src.Status.LastHandledReconcileAt == at {
			if v := standing.OfSource(src); v.Standing == standing.Failing {
				return fault.Unavailable("%s", v.Message).At("source %s/%s", src.Namespace, src.Name).
					WithHint("the stack stays at what it has; --with-source=false goes on without the source")
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Timeout("source %s was not looked at within %s", stack.SourceOf(s), fetchTime).
				WithHint("is lockstep serve running? lockstep doctor")
		case <-time.After(fetchTick):
		}
	}
}

// follow tells what happens, one timestamped line a change.
func (o *options) follow(ctx context.Context, c api.Kinds, at string, f form.Form) (*v1alpha1.Stack, error) {
	bounded, stop := env.Bounded(ctx, o.Timeout)
	defer stop()
	var last *v1alpha1.Stack
	said := ""
	err := follow.Stack(bounded, c, o.Unit, func(s *v1alpha1.Stack) (bool, error) {
		if s == nil {
			return true, fault.NotFound("was deleted meanwhile").At("stack %s", o.Unit)
		}
		last = s
		if s.Status.LastHandledReconcileAt != at {
			return false, nil
		}
		v := standing.OfStack(s)
		if line := o.line(s, v); line != said && f.ForPeople() {
			o.IO.Printf("%s %s\n", o.Now().UTC().Format("15:04:05Z"), line)
			said = line
		}
		return enough(o.Unit, v)
	})
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return last, fault.Timeout("is not ready after %s", term.Took(o.Timeout)).At("stack %s", o.Unit).
			WithHint("go on watching: lockstep status %s -w", o.Unit)
	}
	return last, err
}

func (o *options) line(s *v1alpha1.Stack, v standing.Verdict) string {
	text := o.IO.Paint(v.Standing.Style(), v.Standing.Sign()+" "+v.Standing.String())
	if s.Status.Plan != nil && v.Standing == standing.Progressing {
		text += " " + s.Status.Plan.Summary
	}
	return text + "  " + v.Message
}

// enough says whether following on would show nothing new.
func enough(u lockstep.Unit, v standing.Verdict) (bool, error) {
	switch v.Standing {
	case standing.Ready:
		return true, nil
	case standing.Failing:
		return true, fault.Invalid("%s", v.Message).At("stack %s", u).WithHint("lockstep explain %s", u)
	case standing.Blocked, standing.Drifted:
		return true, fault.Blocked("%s", v.Message).At("stack %s", u).WithHint("lockstep plan %s", u)
	case standing.Paused:
		return true, fault.Blocked("was paused meanwhile").At("stack %s", u)
	}
	return false, nil
}

// Answer is what -o json prints.
type Answer struct {
	form.Head   `json:",inline"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	ReconcileAt string `json:"reconcileAt"`
	Status      string `json:"status"`
	Message     string `json:"message"`
	Revision    string `json:"revision,omitempty"`
	Release     int64  `json:"release,omitempty"`
}

func answer(u lockstep.Unit, at string, s *v1alpha1.Stack) Answer {
	v := standing.OfStack(s)
	return Answer{form.Of("Reconcile"), u.Namespace, u.Name, at, v.Standing.String(), v.Message, s.Status.Revision, s.Status.Release}
}
