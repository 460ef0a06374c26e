// Package rollback is the command that takes a Stack back to an earlier release, for a
// time or in Git, and says before what that would change and what may be lost.
package rollback

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

type options struct {
	IO      *term.IO
	Way     func() (way, error)
	Unit    lockstep.Unit
	To      string
	As      string
	For     time.Duration
	Reason  string
	Accept  []string
	Yes     bool
	DryRun  bool
	Release bool
	Output  string
}

// way is how a rollback is looked at and carried out: by a server, or here.
type way interface {
	Preview(ctx context.Context, u lockstep.Unit, to string, as live.Way) (live.Rollback, error)
	Go(ctx context.Context, u lockstep.Unit, r live.Rollback, w wish) (client.RollbackDone, error)
	Release(ctx context.Context, u lockstep.Unit, reason string) error
	// Refused is told of a wish that does not accept what would be lost, so that
	// whoever keeps a record has it.
	Refused(ctx context.Context, u lockstep.Unit, r live.Rollback, w wish)
}

// wish is what was asked for and said yes to.
type wish struct {
	To     string
	For    time.Duration
	Reason string
	Accept []string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Way: func() (way, error) { return wayOf(e) }}
	cmd := &cobra.Command{
		Use:   "rollback STACK --to RELEASE|COMMIT",
		Short: "Take a stack back to an earlier release, for a time or in Git",
		Long: `Take a stack back to an earlier release, for a time or in Git.

What would be lost comes first, then what would change, computed against what is live
now. Then, by --as:

  hold    the stack is held at that commit, visibly, while Git stays ahead, until the
          time of --for is over or --release lets it go on
  commit  what the stack reads, its directory, bases, charts and values, is committed
          as it was then to the branch that its source follows
  branch  the same on a branch of its own, for a pull request

The last two need a server, and a source that may be written to (spec.git.write). Files
that no render of the stack reads stay as they are; other stacks that read a file that
goes back are named. Nothing is pushed by force.

Whatever may lose data is to be accepted by name: --accept-loss, once for each, with a
--reason. Everything else needs a --reason and a yes: --yes says it where nobody can be
asked. What is refused exits with 6.`,
		Example: `  # what would happen?
  lockstep rollback payments/shop --to 41 --dry-run

  lockstep rollback payments/shop --to 41 --reason "checkout fails, ana looks into it" --yes

  # for good, by a pull request
  lockstep rollback payments/shop --to 41 --as branch --reason "checkout fails"

  # let it go on to what Git says
  lockstep rollback payments/shop --release`,
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
	f := cmd.Flags()
	f.StringVar(&o.To, "to", "", "number of an earlier release, or a commit: 7 digits of one in the history, or all of any")
	f.StringVar(&o.As, "as", string(live.Hold), "how to go back: hold, commit or branch")
	f.DurationVar(&o.For, "for", 72*time.Hour, "how long it is held; what Git says then goes live")
	f.StringVar(&o.Reason, "reason", "", "why, for whoever finds Git ahead, or the commit")
	f.StringArrayVar(&o.Accept, "accept-loss", nil, "an object whose data may be lost, KIND/NAME or as it is printed; may be repeated")
	f.BoolVarP(&o.Yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.DryRun, "dry-run", false, "say what would happen, and do nothing")
	f.BoolVar(&o.Release, "release", false, "end the hold: go on to what Git says")
	cmd.MarkFlagsMutuallyExclusive("to", "release")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "release")
	cmd.MarkFlagsMutuallyExclusive("as", "release")
	// There is nothing to be wrong with a list of three words.
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions([]string{string(live.Hold), string(live.InGit), string(live.OnBranch)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// State is what became of it: planned by --dry-run, refused, held, committed (to the
	// branch that is followed), proposed (on another) or released.
	State string           `json:"state"`
	Plan  *live.Rollback   `json:"plan,omitempty"`
	Until *time.Time       `json:"until,omitempty"`
	Git   *client.Reverted `json:"git,omitempty"`
}

// longest is how long a hold may be, as the server has it.
const longest = 366 * 24 * time.Hour

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	switch {
	case err != nil:
		return err
	case o.To == "" && !o.Release:
		return fault.Usage("--to is missing").WithHint("lockstep history %s lists releases; --release ends a hold", o.Unit)
	case o.For < time.Minute || o.For > longest:
		return fault.Usage("--for is %s", o.For).WithHint("a time like 4h or 72h, a minute at least and a year at most")
	}
	as, err := live.ParseWay(o.As)
	if err != nil {
		return err
	}
	w, err := o.Way()
	if err != nil {
		return err
	}
	if o.Release {
		return o.release(ctx, f, w)
	}
	r, err := w.Preview(ctx, o.Unit, o.To, as)
	if err != nil {
		return err
	}
	if f.ForPeople() {
		o.print(r)
	}
	a := Answer{Head: form.Of("Rollback"), Namespace: o.Unit.Namespace, Name: o.Unit.Name, State: "planned", Plan: &r}
	if o.DryRun {
		return o.answer(f, a)
	}
	yes, err := o.agreed(r, f)
	if err != nil {
		a.State = "refused"
		// Without a reason nobody has meant it yet.
		if yes.Reason != "" && len(yes.Accept) < len(r.Accept) {
			w.Refused(ctx, o.Unit, r, yes)
		}
		if writeErr := o.answer(f, a); writeErr != nil {
			return writeErr
		}
		return err
	}
	done, err := w.Go(ctx, o.Unit, r, yes)
	if err != nil {
		return err
	}
	a.State, a.Until, a.Git = states[as], done.Until, done.Git
	if f.ForPeople() {
		o.done(r, done)
	}
	return o.answer(f, a)
}

// states is what became of it, by the way that was gone.
var states = map[live.Way]string{live.Hold: "held", live.InGit: "committed", live.OnBranch: "proposed"}

func (o *options) release(ctx context.Context, f form.Form, w way) error {
	if err := w.Release(ctx, o.Unit, o.Reason); err != nil {
		return err
	}
	if f.ForPeople() {
		o.IO.Printf("%s goes on to what Git says\n", o.Unit)
		o.IO.Notef("next: lockstep wait %s", o.Unit)
	}
	return o.answer(f, Answer{Head: form.Of("Rollback"), Namespace: o.Unit.Namespace, Name: o.Unit.Name, State: "released"})
}

// answer writes a for programs; people were told on the way.
func (o *options) answer(f form.Form, a Answer) error {
	if f.ForPeople() {
		return nil
	}
	return f.Write(o.IO.Out, a)
}
