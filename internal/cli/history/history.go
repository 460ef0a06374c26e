// Package history is the command that lists what was released of a Stack.
package history

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO      *term.IO
	API     func() (api.Kinds, error)
	Gateway func() (*gateway.Client, error)
	Now     func() time.Time
	Unit    lockstep.Unit
	Days    int
	Output  string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Kinds, Gateway: e.NeedGateway, Now: e.Now}
	counted := false
	cmd := &cobra.Command{
		Use:   "history STACK",
		Short: "List the newest releases of a stack",
		Long: `List the newest releases of a stack.

A release is one plan that was carried out: for a commit, for a changed spec, to
undo a change by hand (drift), or because somebody asked for it.

With --stats it says instead how delivery went in the last --days: how many releases
there were, how many of them failed, and how long it took from a commit to healthy.
That is asked of a Lockstep server, and without a stack it is about all of -n, or
about all stacks for who may list them everywhere.`,
		Example: `  lockstep history payments/shop

  # which commits went live, for a script
  lockstep history payments/shop -o 'template={{range .items}}{{.revision}}{{"\n"}}{{end}}'

  # lead time and change failure rate of a quarter
  lockstep history payments/shop --stats --days 90`,
		Args:              env.AtMost("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 0 && !counted {
				return env.Exactly("STACK")(cmd, args)
			}
			o.Unit.Namespace = e.NamespaceAsked()
			if len(args) > 0 {
				if o.Unit, err = e.Unit(args[0]); err != nil {
					return err
				}
			}
			if counted {
				return stats(cmd.Context(), o)
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Listing)
	cmd.Flags().BoolVar(&counted, "stats", false, "say how many releases failed and how long they took")
	cmd.Flags().IntVar(&o.Days, "days", 30, "how far back --stats looks")
	return cmd
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string             `json:"namespace"`
	Name      string             `json:"name"`
	Items     []v1alpha1.Release `json:"items"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Listing)
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
	releases := s.Status.Releases()
	if !f.ForPeople() {
		items := make([]any, len(releases))
		for i, r := range releases {
			items[i] = r
		}
		return f.Write(o.IO.Out, Answer{form.Of("ReleaseList"), s.Namespace, s.Name, releases}, items...)
	}
	if f.Is(form.Name) {
		for _, r := range releases {
			o.IO.Printf("%s@%d\n", o.Unit, r.ID)
		}
		return nil
	}
	if len(releases) == 0 {
		o.IO.Notef("%s was never released", o.Unit)
		return nil
	}
	o.table(f, releases)
	return nil
}

func (o *options) table(f form.Form, releases []v1alpha1.Release) {
	t := term.Table{Header: []string{"RELEASE", "AGE", "COMMIT", "CAUSE", "OUTCOME", "TOOK", "DONE", "SUBJECT"}}
	if f.Is(form.Wide) {
		t.Header = []string{"RELEASE", "STARTED", "COMMIT", "AUTHOR", "CAUSE", "OUTCOME", "TOOK", "DONE", "PLAN", "SUBJECT"}
	}
	for _, r := range releases {
		outcome := term.Cell{Text: r.Outcome, Style: style(r.Outcome)}
		text := r.Subject
		if r.Message != "" {
			text = fmt.Sprintf("%s: %s", text, r.Message)
		}
		id := strconv.FormatInt(r.ID, 10)
		if f.Is(form.Wide) {
			t.Add(id, r.StartedAt.UTC().Format(time.RFC3339), r.Revision, r.Author, r.Cause, outcome, took(r), r.Summary, r.Digest, text)
			continue
		}
		t.Add(id, term.Age(o.Now().Sub(r.StartedAt.Time)), term.Commit(r.Revision), r.Cause, outcome, took(r), r.Summary, text)
	}
	o.IO.Print(t)
}

func took(r v1alpha1.Release) string {
	if r.FinishedAt == nil {
		return ""
	}
	d := r.FinishedAt.Sub(r.StartedAt.Time)
	if d < time.Second {
		// The API keeps whole seconds.
		return "<1s"
	}
	return term.Took(d)
}

func style(outcome string) term.Style {
	switch outcome {
	case "Succeeded":
		return term.Good
	case "Failed":
		return term.Bad
	}
	return term.Plain
}
