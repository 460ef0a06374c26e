// Package events is the command that shows what the cluster says of the objects of a
// Stack.
package events

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO      *term.IO
	Gateway func() (*gateway.Client, error)
	Now     func() time.Time
	Unit    lockstep.Unit
	Watch   bool
	Output  string
}

var forms = []string{form.Table, form.JSON, form.YAML, form.JSONL}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Gateway: e.NeedGateway, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "events STACK",
		Short: "Show what the cluster says of a stack's objects",
		Long: `Show what the cluster says of a stack's objects, and of what it made of them: the
newest last. It is asked of a Lockstep server.`,
		Example: `  lockstep events payments/shop

  # and what comes
  lockstep events payments/shop -w`,
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, forms)
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "go on printing what comes")
	return cmd
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string                `json:"namespace"`
	Name      string                `json:"name"`
	Items     []client.ClusterEvent `json:"items"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, forms)
	if err != nil {
		return err
	}
	g, err := o.Gateway()
	if err != nil {
		return err
	}
	if o.Watch {
		return o.follow(ctx, g, f)
	}
	all, err := gateway.Read[client.ClusterEvents](g)(g.API().ListEvents(ctx, o.Unit.Namespace, o.Unit.Name))
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		items := make([]any, len(all.Items))
		for i, e := range all.Items {
			items[i] = e
		}
		return f.Write(o.IO.Out, Answer{form.Of("EventList"), o.Unit.Namespace, o.Unit.Name, all.Items}, items...)
	}
	if len(all.Items) == 0 {
		o.IO.Notef("the cluster says nothing of %s", o.Unit)
		return nil
	}
	t := term.Table{Header: []string{"LAST", "TYPE", "REASON", "OBJECT", "MESSAGE"}}
	for i := range all.Items {
		e := all.Items[len(all.Items)-1-i]
		t.Add(term.Age(o.Now().Sub(e.Last)), term.Cell{Text: e.Type, Style: style(e)}, e.Reason, e.Object, e.Message)
	}
	o.IO.Print(t)
	return nil
}

func style(e client.ClusterEvent) term.Style {
	if e.Type == "Warning" {
		return term.Warn
	}
	return term.Plain
}

func (o *options) follow(ctx context.Context, g *gateway.Client, f form.Form) error {
	return g.Follow(ctx, "events", func(data []byte) error {
		var batch []client.ClusterEvent
		if err := json.Unmarshal(data, &batch); err != nil {
			return err
		}
		for _, e := range batch {
			if !f.ForPeople() {
				if err := form.Line(o.IO.Out, e); err != nil {
					return err
				}
				continue
			}
			o.IO.Printf("%s  %s  %s  %s  %s\n", e.Last.UTC().Format("15:04:05Z"), o.IO.Paint(style(e), e.Type), e.Reason, e.Object, e.Message)
		}
		return nil
	})(g.API().StreamEvents(ctx, o.Unit.Namespace, o.Unit.Name))
}
