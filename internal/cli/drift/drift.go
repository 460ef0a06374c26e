// Package drift is the command that shows what others changed.
package drift

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO        *term.IO
	Way       func() (way, error)
	Now       func() time.Time
	Unit      lockstep.Unit // zero for all
	Namespace string        // "" for every one
	Output    string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Way: func() (way, error) { return wayOf(e) }, Now: e.Now}
	all := false
	cmd := &cobra.Command{
		Use:   "drift [STACK]",
		Short: "Show what others changed in what Git decides",
		Long: `Show what others changed in what Git decides: which field, the live value and
Git's, who changed it and how, since when, and what happens next.

Of one stack the target itself is asked, so that everything is shown, also what an
annotation protects or the stack ignores. Without a stack it is what the status of
each says: the first ten fields.`,
		Example: `  lockstep drift payments/shop

  # everywhere, for a script
  lockstep drift -A -o json`,
		Args:              env.AtMost("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 && all {
				return fault.Usage("-A is for all stacks, not for one").WithHint("leave out one of the two")
			}
			if len(args) > 0 {
				if o.Unit, err = e.Unit(args[0]); err != nil {
					return err
				}
			}
			if !all {
				o.Namespace = e.NamespaceListed()
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Listing)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of every namespace")
	return cmd
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Items     []Item `json:"items"`
}

// Item is one drifted field.
type Item struct {
	Namespace            string `json:"namespace"` // of the Stack
	Name                 string `json:"name"`
	v1alpha1.DriftRecord `json:",inline"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Listing)
	if err != nil {
		return err
	}
	w, err := o.Way()
	if err != nil {
		return err
	}
	a := Answer{Head: form.Of("DriftList"), Items: []Item{}}
	var more int32
	if o.Unit != (lockstep.Unit{}) {
		a.Items, more, err = w.One(ctx, o.Unit)
	} else {
		a.Items, more, err = w.Recorded(ctx, o.Namespace)
	}
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		items := make([]any, len(a.Items))
		for i, x := range a.Items {
			items[i] = x
		}
		return f.Write(o.IO.Out, a, items...)
	}
	o.print(f, a.Items)
	if len(a.Items) == 0 {
		o.IO.Notef("nothing has drifted %s", o.where())
	}
	if more > 0 {
		o.IO.Notef("and %s; lockstep drift STACK shows all of one stack", term.Count(int(more), "more field"))
	}
	return nil
}

func (o *options) where() string {
	switch {
	case o.Unit != (lockstep.Unit{}):
		return "in " + o.Unit.String()
	case o.Namespace == "":
		return "in any namespace"
	}
	return "in namespace " + o.Namespace + "; -A looks in all"
}

func (o *options) print(f form.Form, items []Item) {
	if f.Is(form.Name) {
		for _, x := range items {
			o.IO.Printf("%s/%s %s %s\n", x.Namespace, x.Name, x.Object, x.Field)
		}
		return
	}
	if len(items) == 0 {
		return
	}
	t := term.Table{Header: []string{"STACK", "OBJECT", "FIELD", "LIVE", "GIT", "BY", "SINCE", "NEXT"}}
	for _, x := range items {
		since := term.Age(o.Now().Sub(x.FirstSeen.Time))
		if f.Is(form.Wide) {
			since = x.FirstSeen.UTC().Format(time.RFC3339)
		}
		t.Add(x.Namespace+"/"+x.Name, x.Object, field(x), x.Live, x.Git, by(x.DriftRecord),
			since, term.Cell{Text: x.Next, Style: style(x.State)})
	}
	o.IO.Print(t)
}

func field(x Item) string {
	switch {
	case x.Field != "":
		return x.Field
	case x.Operation == "Delete":
		return "(deleted)"
	}
	return "(object)"
}

// by says who and how: "kubectl (Update scale)".
func by(r v1alpha1.DriftRecord) string {
	if r.Manager == "" {
		return ""
	}
	return r.Manager + " (" + strings.TrimSpace(r.Operation+" "+r.Subresource) + ")"
}

func style(state string) term.Style {
	switch lockstep.DriftState(state) {
	case lockstep.DriftResting, lockstep.DriftWaiting:
		return term.Bad
	case lockstep.DriftProtected, lockstep.DriftIgnored:
		return term.Dim
	}
	return term.Warn
}
