// Package wait is the command that returns once something is true of a Stack.
package wait

import (
	"context"
	"errors"
	"strconv"
	"strings"
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
)

type options struct {
	IO      *term.IO
	API     func() (api.Kinds, error)
	Now     func() time.Time
	Unit    lockstep.Unit
	For     string
	Timeout time.Duration
	Output  string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Kinds, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "wait STACK",
		Short: "Wait until something is true of a stack",
		Long: `Wait until something is true of a stack; return at once if it is already.

  ready          live and healthy at what Git says, for the spec as it is
  healthy        every object is healthy, whatever Git says meanwhile
  revision=HASH  live and healthy at this commit (seven digits or more)
  release=N      release N has ended well
  deleted        the stack is gone

Exits with 3 when it takes longer than --timeout, and with 1 as soon as the
release that is waited for has failed.`,
		Example: `  # after git push, in a pipeline
  lockstep wait payments/shop --for revision=$(git rev-parse HEAD) --timeout 5m

  lockstep wait payments/shop --for healthy`,
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
	cmd.Flags().StringVar(&o.For, "for", "ready", "ready, healthy, revision=HASH, release=N or deleted")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 5*time.Minute, "how long to wait; 0 waits for ever")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions(
		[]string{"ready", "healthy", "revision=", "release=", "deleted"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	return cmd
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	cond, err := parse(o.For)
	if err != nil {
		return err
	}
	c, err := o.API()
	if err != nil {
		return err
	}
	last, took, err := Until(ctx, c, o.Unit, cond, o.Timeout, o.Now)
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, answer(o, last, took))
	}
	o.IO.Printf("%s %s is %s%s\n", o.IO.Paint(term.Good, "✓"), o.Unit, cond.says, after(took))
	return nil
}

// shortest is what counts as "at once" for a person.
const shortest = 200 * time.Millisecond

func after(took time.Duration) string {
	if took < shortest {
		return ""
	}
	return ", after " + term.Took(took)
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string  `json:"namespace"`
	Name      string  `json:"name"`
	For       string  `json:"for"`
	Seconds   float64 `json:"seconds"`
	Revision  string  `json:"revision,omitempty"`
	Release   int64   `json:"release,omitempty"`
}

func answer(o *options, s *v1alpha1.Stack, took time.Duration) Answer {
	a := Answer{Head: form.Of("Wait"), Namespace: o.Unit.Namespace, Name: o.Unit.Name, For: o.For, Seconds: took.Seconds()}
	if s != nil {
		a.Revision, a.Release = s.Status.Revision, s.Status.Release
	}
	return a
}

// Condition is what is waited for.
type Condition struct {
	says string // "NAME is …"
	// met is asked with nil for a Stack that is gone.
	met func(s *v1alpha1.Stack) (bool, error)
}

func parse(text string) (Condition, error) {
	what, value, _ := strings.Cut(text, "=")
	switch what {
	case "ready":
		return Ready, nil
	case "healthy":
		return Condition{"healthy", present(func(s *v1alpha1.Stack) (bool, error) {
			h := s.Status.Health
			return h != nil && h.Status == lockstep.Healthy.String() && s.Status.ObservedGeneration == s.Generation, nil
		})}, nil
	case "revision":
		if len(value) < 7 {
			return Condition{}, fault.Usage("--for revision wants a commit").WithHint("--for revision=$(git rev-parse HEAD)")
		}
		return AtRevision(value), nil
	case "release":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 1 {
			return Condition{}, fault.Usage("--for release wants a number, not %q", value).WithHint("lockstep history shows them")
		}
		return atRelease(n), nil
	case "deleted":
		return Condition{"gone", func(s *v1alpha1.Stack) (bool, error) { return s == nil, nil }}, nil
	}
	return Condition{}, fault.Usage("--for is %q", text).WithHint("ready, healthy, revision=HASH, release=N or deleted")
}

// Ready is met by a Stack that is live and healthy at what Git says.
var Ready = Condition{"ready", present(func(s *v1alpha1.Stack) (bool, error) {
	return standing.OfStack(s).Standing == standing.Ready, nil
})}

// AtRevision is met by a Stack that is live and healthy at a commit.
func AtRevision(hash string) Condition {
	return Condition{"live and healthy at " + term.Commit(hash), present(func(s *v1alpha1.Stack) (bool, error) {
		return strings.HasPrefix(s.Status.Revision, hash) && standing.OfStack(s).Standing == standing.Ready, nil
	})}
}

func atRelease(n int64) Condition {
	return Condition{"at release " + strconv.FormatInt(n, 10), present(func(s *v1alpha1.Stack) (bool, error) {
		for _, r := range s.Status.Releases() {
			if r.ID == n && (r.Outcome == "Failed" || r.Outcome == "Superseded") {
				return false, fault.Invalid("release %d ended as %s: %s", n, strings.ToLower(r.Outcome), r.Message).
					At("stack %s/%s", s.Namespace, s.Name).WithHint("lockstep explain %s/%s", s.Namespace, s.Name)
			}
			if r.ID == n && r.Outcome == "Succeeded" {
				return true, nil
			}
		}
		return s.Status.Release > n && standing.OfStack(s).Standing == standing.Ready, nil
	})}
}

// present turns the end of a Stack into an error.
func present(met func(*v1alpha1.Stack) (bool, error)) func(*v1alpha1.Stack) (bool, error) {
	return func(s *v1alpha1.Stack) (bool, error) {
		if s == nil {
			return false, nil
		}
		return met(s)
	}
}

// Until waits for cond, at most timeout; 0 is for ever. It returns the Stack as
// it then is.
func Until(ctx context.Context, c api.Kinds, u lockstep.Unit, cond Condition, timeout time.Duration, now func() time.Time) (*v1alpha1.Stack, time.Duration, error) {
	bounded, stop := env.Bounded(ctx, timeout)
	defer stop()
	start := now()
	var last *v1alpha1.Stack
	seen := false
	err := follow.Stack(bounded, c, u, func(s *v1alpha1.Stack) (bool, error) {
		if s == nil && seen && cond.says != "gone" {
			return true, fault.NotFound("was deleted meanwhile").At("stack %s", u)
		}
		seen = seen || s != nil
		if s != nil {
			last = s
		}
		return cond.met(s)
	})
	if err != nil && bounded.Err() != nil && ctx.Err() == nil && !errors.Is(err, fault.KindInvalid) {
		return last, timeout, late(u, last, cond, timeout)
	}
	return last, now().Sub(start), err
}

func late(u lockstep.Unit, last *v1alpha1.Stack, cond Condition, timeout time.Duration) error {
	f := fault.Timeout("is not %s after %s", cond.says, term.Took(timeout)).At("stack %s", u)
	if last == nil {
		return f
	}
	v := standing.OfStack(last)
	return f.WithHint("it is %s: %s\nlockstep explain %s says more", v.Standing, v.Message, u)
}
