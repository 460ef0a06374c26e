// Package drift is the command that shows what others changed.
package drift

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/drift"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

type options struct {
	IO        *term.IO
	API       func() (*api.Client, error)
	Now       func() time.Time
	Plan      func(ctx context.Context, c *api.Client, s *v1alpha1.Stack) (lookup.Looked, error)
	Unit      lockstep.Unit // zero for all
	Namespace string        // "" for every one
	Output    string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Client, Now: e.Now, Plan: plan(e)}
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
				o.Namespace = e.Namespace()
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Listing)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of every namespace")
	return cmd
}

func plan(e *env.Env) func(context.Context, *api.Client, *v1alpha1.Stack) (lookup.Looked, error) {
	return func(ctx context.Context, c *api.Client, s *v1alpha1.Stack) (lookup.Looked, error) {
		l, err := lookup.New(e, c)
		if err != nil {
			return lookup.Looked{}, err
		}
		defer l.Close()
		return l.Plan(ctx, s)
	}
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
	c, err := o.API()
	if err != nil {
		return err
	}
	a := Answer{Head: form.Of("DriftList"), Items: []Item{}}
	var more int32
	if o.Unit != (lockstep.Unit{}) {
		a.Items, err = o.one(ctx, c)
	} else {
		a.Items, more, err = o.recorded(ctx, c)
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

// one asks the Target. A Stack that does not look at drift is looked at all the
// same: somebody asks.
func (o *options) one(ctx context.Context, c *api.Client) ([]Item, error) {
	s, err := c.Stack(ctx, o.Unit)
	if err != nil {
		return nil, err
	}
	asked := s.DeepCopy()
	off := s.Spec.Sync.Drift == v1alpha1.DriftIgnore
	if off {
		asked.Spec.Sync.Drift = v1alpha1.DriftReport
	}
	k, err := o.Plan(ctx, c, asked)
	if err != nil {
		return nil, err
	}
	out := []Item{}
	for _, r := range core.All(k.Plan, stack.DriftRecorded(s.Status.Drift), o.Now()) {
		if off && r.State == lockstep.DriftReported {
			r.Next = "nobody looks: spec.sync.drift is ignore"
		}
		out = append(out, Item{s.Namespace, s.Name, stack.DriftRecord(r)})
	}
	return out, nil
}

// recorded reads the status of all Stacks.
func (o *options) recorded(ctx context.Context, c *api.Client) (out []Item, more int32, err error) {
	list, err := c.Stacks(ctx, o.Namespace)
	if err != nil {
		return nil, 0, err
	}
	out = []Item{}
	for _, s := range list.Items {
		d := s.Status.Drift
		if d == nil {
			continue
		}
		for _, r := range d.Records {
			out = append(out, Item{s.Namespace, s.Name, r})
		}
		more += d.Fields - int32(len(d.Records))
	}
	return out, more, nil
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
