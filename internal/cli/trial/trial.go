// Package trial is the command that runs a Stack's test hooks.
package trial

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/follow"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO      *term.IO
	Way     func() (way, error)
	Now     func() time.Time
	Unit    lockstep.Unit
	Timeout time.Duration
	Lines   int64
	Output  string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Way: func() (way, error) { return wayOf(e) }, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "test STACK",
		Short: "Run a stack's test hooks",
		Long: `Run the test hooks of a stack (helm.sh/hook: test, lockstep.dev/hook: test) and wait
for them. Nothing else of the stack is touched. It fails if a test does, and then
prints the last lines of its log where that may be read. Through a Lockstep server it
needs the permission to do something to the stack's objects: actions.`,
		Example:           `  lockstep test payments/shop`,
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			return test(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 5*time.Minute, "how long to wait; 0 for ever")
	cmd.Flags().Int64Var(&o.Lines, "lines", 10, "lines of a failed test's log to print; 0 for none")
	return cmd
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Succeeded bool   `json:"succeeded"`
	Message   string `json:"message,omitempty"`
	Tests     []Test `json:"tests"`
}

// Test is how one test ended.
type Test struct {
	Object  string `json:"object"`
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	Log     string `json:"log,omitempty"`
}

func test(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	c, err := o.Way()
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
	at, err := c.Ask(ctx, s)
	if err != nil {
		return err
	}
	if s, err = o.follow(ctx, c, at); err != nil {
		return err
	}
	a := o.answer(ctx, c, s)
	if f.ForPeople() {
		o.print(a)
	} else if err := f.Write(o.IO.Out, a); err != nil {
		return err
	}
	if !a.Succeeded {
		return fault.Invalid("its tests failed: %s", a.Message).At("stack %s", o.Unit)
	}
	return nil
}

// follow waits until the run that answers the request has ended.
func (o *options) follow(ctx context.Context, c api.Kinds, at string) (*v1alpha1.Stack, error) {
	bounded, stop := env.Bounded(ctx, o.Timeout)
	defer stop()
	var last *v1alpha1.Stack
	err := follow.Stack(bounded, c, o.Unit, func(s *v1alpha1.Stack) (bool, error) {
		if s == nil {
			return true, fault.NotFound("was deleted meanwhile").At("stack %s", o.Unit)
		}
		last = s
		r := s.Status.Run
		return r != nil && r.Request == at && r.Action == "test" && run.State(r.State).Ended(), nil
	})
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return last, fault.Timeout("the tests have not ended after %s", term.Took(o.Timeout)).At("stack %s", o.Unit).
			WithHint("tests wait for a release that is under way; look at it with: lockstep status %s", o.Unit)
	}
	return last, err
}

func (o *options) answer(ctx context.Context, c way, s *v1alpha1.Stack) Answer {
	r := s.Status.Run
	a := Answer{Head: form.Of("Tests"), Namespace: s.Namespace, Name: s.Name, Succeeded: r.State == string(run.Succeeded), Message: r.Message, Tests: []Test{}}
	for _, h := range r.Hooks {
		t := Test{Object: lockstep.Key{Group: h.Group, Kind: h.Kind, Namespace: h.Namespace, Name: h.Name}.Short(), State: h.State, Message: h.Message}
		if h.State == string(run.HookBroke) && o.Lines > 0 {
			t.Log = c.Log(ctx, s, h, o.Lines)
		}
		a.Tests = append(a.Tests, t)
	}
	return a
}

func (o *options) print(a Answer) {
	if len(a.Tests) == 0 {
		o.IO.Printf("%s has no test hooks\n", o.Unit)
		return
	}
	t := term.Table{Header: []string{"TEST", "RESULT", "MESSAGE"}}
	for _, x := range a.Tests {
		style := term.Good
		if x.State != string(run.Done) {
			style = term.Bad
		}
		t.Add(x.Object, term.Cell{Text: x.State, Style: style}, x.Message)
	}
	o.IO.Print(t)
	for _, x := range a.Tests {
		if x.Log != "" {
			o.IO.Printf("\n%s:\n%s\n", x.Object, x.Log)
		}
	}
}
