package state

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

func newRestore(e *env.Env) *cobra.Command {
	o := &options{}
	wish := wire.RestoreWish{}
	cmd := of(e, o, &cobra.Command{
		Use:   "restore STACK --version N",
		Short: "Make the content of an older version the newest one",
		Long: `Make the content of an older version the newest one.

It becomes a new version under the serial after the newest. Nothing in the world
changes: the next plan says what differs. Nobody may have the lock.`,
		Example: `  lockstep state restore payments/network --version 41 --reason "the import was wrong"`,
	}, func(ctx context.Context, g *gateway.Client) error {
		f, err := form.Parse(o.Output, form.Single)
		if err != nil {
			return err
		}
		if wish.Version <= 0 {
			return fault.Usage("--version is missing").WithHint("lockstep state show %s lists the versions", o.Unit)
		}
		if err := needs(wish.Reason); err != nil {
			return err
		}
		v, err := gateway.Read[wire.StateVersion](g)(g.API().RestoreState(ctx, o.Unit.Namespace, o.Unit.Name, &wire.RestoreStateParams{Workspace: &o.Workspace}, wish))
		if err != nil {
			return err
		}
		if !f.ForPeople() {
			return f.Write(o.IO.Out, Restored{form.Of("StateVersion"), *v})
		}
		o.IO.Printf("%s has the content of version %d again, as version %d with serial %d\n", o.name(), wish.Version, v.Number, v.Serial)
		o.IO.Notef("next: lockstep reconcile %s; its plan says what differs", o.Unit)
		return nil
	})
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().Int64Var(&wish.Version, "version", 0, "number of the version")
	cmd.Flags().StringVar(&wish.Reason, "reason", "", "why, for the record")
	return cmd
}

// Restored is what -o json prints of restore.
type Restored struct {
	form.Head `json:",inline"`
	Version   wire.StateVersion `json:"version"`
}

// Unlocked is what -o json prints of unlock: the lock that was there.
type Unlocked struct {
	form.Head `json:",inline"`
	Lock      *wire.StateLock `json:"lock,omitempty"`
}

// NewUnlock returns lockstep unlock, which is lockstep state unlock.
func NewUnlock(e *env.Env) *cobra.Command { return newUnlock(e) }

func newUnlock(e *env.Env) *cobra.Command {
	o := &options{}
	wish := wire.UnlockWish{}
	cmd := of(e, o, &cobra.Command{
		Use:   "unlock STACK",
		Short: "Take a lock off a state that nobody has any more",
		Long: `Take a lock off a state that nobody has any more.

The lock of a run that is over needs none of this: it is in nobody's way. Whoever had
the lock cannot write any more, so what it has made and not written is in no state.

Without --id it says who has the lock, and does nothing.`,
		Example: `  lockstep unlock payments/network
  lockstep unlock payments/network --id 0b0c8f8e-7d3c-4a55-9a3e-0c1d2e3f4a5b --reason "the laptop is gone"`,
	}, func(ctx context.Context, g *gateway.Client) error { return unlock(ctx, o, g, wish) })
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().StringVar(&wish.Id, "id", "", "of the lock that you looked at; another one is left alone")
	cmd.Flags().StringVar(&wish.Reason, "reason", "", "why nobody has it any more, for the record")
	return cmd
}

func unlock(ctx context.Context, o *options, g *gateway.Client, wish wire.UnlockWish) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	if wish.Id != "" {
		if err := needs(wish.Reason); err != nil {
			return err
		}
		was, err := gateway.Read[wire.StateLock](g)(g.API().UnlockState(ctx, o.Unit.Namespace, o.Unit.Name, &wire.UnlockStateParams{Workspace: &o.Workspace}, wish))
		if err != nil {
			return err
		}
		if !f.ForPeople() {
			return f.Write(o.IO.Out, Unlocked{form.Of("StateLock"), was})
		}
		o.IO.Printf("the lock of %s on %s is off\n", was.Holder, o.name())
		return nil
	}
	kept, err := o.kept(ctx, g)
	if err != nil {
		return err
	}
	l := kept.Lock
	if !f.ForPeople() {
		if err := f.Write(o.IO.Out, Unlocked{form.Of("StateLock"), l}); err != nil || l == nil {
			return err
		}
		return fault.Blocked("nobody said yes").At("stack %s", o.name()).WithHint("pass --id %s --reason \"…\"", clean(l.Id))
	}
	if l == nil {
		o.IO.Printf("%s is not locked\n", o.name())
		return nil
	}
	o.IO.Printf("locked by %s since %s\n  %s by %s, with %s\n  id %s\n", holder(l).Text, l.Since.UTC().Format(time.RFC3339), clean(orDash(l.Operation)), clean(orDash(l.Who)), clean(orDash(l.Tool)), clean(l.Id))
	return fault.Blocked("nobody said yes").At("stack %s", o.name()).WithHint("pass --id %s --reason \"…\"", clean(l.Id))
}
