// Package approve holds the commands by which a person says yes or no to a plan that
// waits for them.
package approve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

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
	IO     *term.IO
	Way    func() (Way, error)
	Unit   lockstep.Unit
	Plan   string
	Reason string
	Accept []string
	Reject bool
	Yes    bool
	Output string
}

// NewApprove returns the command approve.
func NewApprove(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Way: func() (Way, error) { return WayOf(e) }}
	cmd := &cobra.Command{
		Use:   "approve STACK",
		Short: "Say yes to the plan that a stack holds",
		Long: `Say yes to the plan that a stack holds: exactly that plan is carried out, once.

The plan is printed first, what is destroyed before everything else, and then you are
asked. Where nobody can be asked, --plan names the digest of the plan that was read, or
--yes takes the one that is held now.

What may be lost is to be accepted by name: --accept-loss, once for each, with a
--reason. If the plan moved since, nothing is done, and the command exits with 6.`,
		Example: `  lockstep approve payments/network

  # what was reviewed, and nothing else
  lockstep approve payments/network --plan sha256:4f1c… --reason "reviewed in #812"

  # a database goes with it
  lockstep approve payments/shop-db --reason "moved to shop-db-2" --accept-loss fakecloud_database.main`,
	}
	f := cmd.Flags()
	f.StringVar(&o.Reason, "reason", "", "why; a plan that may lose data needs one")
	f.StringArrayVar(&o.Accept, "accept-loss", nil, "an address whose data may be lost, as it is printed; may be repeated")
	return o.on(e, cmd)
}

// NewReject returns the command reject.
func NewReject(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Way: func() (Way, error) { return WayOf(e) }, Reject: true}
	cmd := &cobra.Command{
		Use:   "reject STACK --reason TEXT",
		Short: "Say no to the plan that a stack holds",
		Long: `Say no to the plan that a stack holds. It stays held under every policy, until another
commit makes another plan, or somebody approves it after all.`,
		Example: `  lockstep reject payments/network --reason "the old network is still in use"`,
	}
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for whoever made the change")
	return o.on(e, cmd)
}

func (o *options) on(e *env.Env, cmd *cobra.Command) *cobra.Command {
	cmd.Args = env.Exactly("STACK")
	cmd.ValidArgsFunction = e.CompleteStacks
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if o.Unit, err = e.Unit(args[0]); err != nil {
			return err
		}
		return run(cmd.Context(), o)
	}
	cmd.Flags().StringVar(&o.Plan, "plan", "", "digest of the plan that was read; another is refused")
	cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "do not ask")
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// State is approved or rejected.
	State    string          `json:"state"`
	Approval client.Approval `json:"approval"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	if o.Reject && strings.TrimSpace(o.Reason) == "" {
		return fault.Usage("--reason is missing").WithHint("whoever made the change is told why: --reason \"…\"")
	}
	way, err := o.Way()
	if err != nil {
		return err
	}
	w, err := way.Waiting(ctx, o.Unit)
	if err != nil {
		return err
	}
	if f.ForPeople() {
		Print(o.IO, o.Unit, w, 20)
	}
	say, err := o.said(w, f)
	if err != nil {
		return err
	}
	done, err := way.Say(ctx, o.Unit, w, say)
	if err != nil {
		return err
	}
	state, next := "approved", "lockstep watch "+o.Unit.String()
	if o.Reject {
		state, next = "rejected", "lockstep history "+o.Unit.String()
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, Answer{form.Of("Approval"), o.Unit.Namespace, o.Unit.Name, state, done})
	}
	o.IO.Printf("%s %s %s\n", o.Unit, state, done.Plan)
	o.IO.Notef("next: %s", next)
	return nil
}

// said finds out what is meant, and asks for what is missing where somebody can be
// asked.
func (o *options) said(w live.Waiting, f form.Form) (live.Say, error) {
	say := live.Say{Plan: o.Plan, Reason: strings.TrimSpace(o.Reason), Accept: o.Accept, Rejected: o.Reject}
	ask := o.IO.InTTY && o.IO.ErrTTY && f.ForPeople() && !o.Yes && o.Plan == ""
	if say.Plan == "" {
		say.Plan = w.Digest
	}
	in := bufio.NewReader(o.IO.In)
	if ask && say.Reason == "" && len(w.Accept) > 0 {
		say.Reason = o.ask(in, "Why? ")
	}
	// A refusal is said before anybody is asked whether they are sure.
	if err := w.Check(o.Unit, say); err != nil {
		return say, err
	}
	switch {
	case o.Yes || o.Plan != "":
		return say, nil
	case !ask:
		return say, fault.Blocked("nobody said yes").At("stack %s", o.Unit).WithHint("pass --plan %s, the plan that was read, or --yes", w.Digest)
	}
	question := "Approve? [y/N] "
	if o.Reject {
		question = "Reject? [y/N] "
	}
	if answer := strings.ToLower(o.ask(in, question)); answer != "y" && answer != "yes" {
		return say, fault.Blocked("nobody said yes").At("stack %s", o.Unit)
	}
	return say, nil
}

func (o *options) ask(in *bufio.Reader, question string) string {
	fmt.Fprint(o.IO.Err, question)
	line, err := in.ReadString('\n')
	if err != nil && err != io.EOF {
		return ""
	}
	return strings.TrimSpace(line)
}
