// Package state holds the commands about states of OpenTofu and Terraform that
// Lockstep keeps.
package state

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// options are what the commands share.
type options struct {
	IO        *term.IO
	Gateway   func() (*gateway.Client, error)
	Now       func() time.Time
	Unit      lockstep.Unit
	Workspace string
	Output    string
}

// New returns the command state with those below it.
func New(e *env.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "States of OpenTofu and Terraform that Lockstep keeps",
		Long: `States of OpenTofu and Terraform that Lockstep keeps.

They are asked of a Lockstep server. Values of a state are shown by none of these but
pull, which needs the permission read-state and is recorded.`,
		Example: `  lockstep state list
  lockstep state show payments/network
  lockstep state restore payments/network --version 41 --reason "the import was wrong"`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newList(e), newShow(e), newDiff(e), newPull(e), newPush(e), newRestore(e), newUnlock(e))
	return cmd
}

// of returns a command about one state.
func of(e *env.Env, o *options, cmd *cobra.Command, run func(context.Context, *gateway.Client) error) *cobra.Command {
	o.IO, o.Gateway, o.Now = e.IO, e.NeedGateway, e.Now
	if cmd.Args == nil {
		cmd.Args = env.Exactly("STACK")
	}
	cmd.ValidArgsFunction = e.CompleteStacks
	cmd.Flags().StringVarP(&o.Workspace, "workspace", "w", "default", "workspace of the module")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if o.Unit, err = e.Unit(args[0]); err != nil {
			return err
		}
		g, err := o.Gateway()
		if err != nil {
			return err
		}
		return run(cmd.Context(), g)
	}
	return cmd
}

// Items is what -o json prints of list.
type Items struct {
	form.Head `json:",inline"`
	Items     []wire.KeptState `json:"items"`
}

func newList(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Gateway: e.NeedGateway, Now: e.Now}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the states that are kept",
		Example: "  lockstep state list -n payments",
		Args:    env.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), o, e.NamespaceAsked())
		},
	}
	env.Output(cmd, &o.Output, form.Listing)
	return cmd
}

func list(ctx context.Context, o *options, namespace string) error {
	f, err := form.Parse(o.Output, form.Listing)
	if err != nil {
		return err
	}
	g, err := o.Gateway()
	if err != nil {
		return err
	}
	got, err := gateway.Read[struct{ Items []wire.KeptState }](g)(g.API().ListStates(ctx))
	if err != nil {
		return err
	}
	items := []wire.KeptState{}
	for _, s := range got.Items {
		if namespace == "" || s.Namespace == namespace {
			items = append(items, s)
		}
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, Items{form.Of("StateList"), items}, form.Each(items)...)
	}
	if f.Is(form.Name) {
		for _, s := range items {
			o.IO.Printf("%s/%s\n", s.Namespace, s.Name)
		}
		return nil
	}
	if len(items) == 0 {
		o.IO.Notef("no states are kept that you may see")
		return nil
	}
	t := term.Table{Header: []string{"STACK", "WORKSPACE", "SERIAL", "RESOURCES", "WRITTEN", "BY", "VERSIONS", "LOCKED BY"}}
	for _, s := range items {
		serial, resources, written, by := "–", "–", "–", "–"
		if v := s.Newest; v != nil {
			serial, resources, written, by = number(v.Serial), counted(v.Resources), term.Age(o.Now().Sub(v.At)), writer(*v)
		}
		t.Add(s.Namespace+"/"+s.Name, s.Workspace, serial, resources, written, by, number(s.Kept), holder(s.Lock))
	}
	o.IO.Print(t)
	return nil
}

func counted(n int64) string {
	if n < 0 {
		return "?"
	}
	return term.Count(int(n), "resource")
}

// writer says who wrote a version.
func writer(v wire.StateVersion) string {
	switch {
	case v.Run != "":
		return "run " + v.Run
	case v.By != "":
		return v.By
	}
	return "–"
}

func holder(l *wire.StateLock) term.Cell {
	switch {
	case l == nil:
		return term.Cell{Text: "–"}
	case l.Over:
		return term.Cell{Text: l.Holder + ", which is over", Style: term.Dim}
	}
	return term.Cell{Text: l.Holder, Style: term.Warn}
}

// kept returns versions and lock of a state.
func (o *options) kept(ctx context.Context, g *gateway.Client) (*wire.KeptState, error) {
	return gateway.Read[wire.KeptState](g)(g.API().GetState(ctx, o.Unit.Namespace, o.Unit.Name, &wire.GetStateParams{Workspace: &o.Workspace}))
}

// name is how a state is told.
func (o *options) name() string {
	if o.Workspace == "default" {
		return o.Unit.String()
	}
	return o.Unit.String() + " (workspace " + o.Workspace + ")"
}

func needs(reason string) error {
	if reason == "" {
		return fault.Usage("it needs a reason, for the record").WithHint("pass --reason \"…\"")
	}
	return nil
}
