package auth

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// no is the exit code of an answer that is no: not allowed.
const no env.Exit = 4

type canOptions struct {
	IO      *term.IO
	Gateway func() (*gateway.Client, error)
	Direct  func() (*access.Direct, error)
	Verb    access.Verb
	Unit    lockstep.Unit
	As      string
	AsGroup []string
	Output  string
}

func newCan(e *env.Env) *cobra.Command {
	o := &canOptions{IO: e.IO, Gateway: e.Gateway, Direct: direct(e)}
	cmd := &cobra.Command{
		Use:   "can VERB [UNIT]",
		Short: "Whether somebody may do something, and which rule decides",
		Long: `Whether somebody may do something, and which rule decides.

VERB is one of ` + verbs() + `.
UNIT is a stack, NAMESPACE/* for all of a namespace, or nothing for all there are.

The answer is the cluster's own. It is followed by every binding that allows it, with
its role and rule. The exit code is 0 for yes and 4 for no. Asking about others needs
the permission to create subjectaccessreviews.authorization.k8s.io.`,
		Example: `  lockstep auth can approve payments/shop

  # may somebody else, who is in a group, see everything?
  lockstep auth can list --as oidc:ana@example.org --as-group oidc:platform`,
		Args: verbAndUnit,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return e.CompleteStacks(cmd, args[1:], prefix)
			}
			return strings.Split(verbs(), ", "), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Verb = access.Verb(args[0])
			if !slices.Contains(access.Verbs, o.Verb) {
				return fault.Usage("%q is no verb", args[0]).WithHint("one of %s", verbs())
			}
			if len(o.AsGroup) > 0 && o.As == "" {
				return fault.Usage("--as-group is given, and nobody to be in it").WithHint("say who by --as")
			}
			if len(args) > 1 {
				if o.Unit, err = place(e, args[1]); err != nil {
					return err
				}
			}
			return can(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.As, "as", "", "ask about this user")
	cmd.Flags().StringArrayVar(&o.AsGroup, "as-group", nil, "a group that this user is in; may be repeated")
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

// verbAndUnit wants a verb; what it is about may be left out.
func verbAndUnit(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return env.Exactly("VERB")(cmd, args)
	}
	return env.AtMost("VERB", "UNIT")(cmd, args)
}

func verbs() string {
	out := make([]string, len(access.Verbs))
	for i, v := range access.Verbs {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

func place(e *env.Env, arg string) (lockstep.Unit, error) {
	if strings.Contains(arg, "*") {
		return access.ParsePlace(arg)
	}
	return e.Unit(arg)
}

// Can is what -o json prints.
type Can struct {
	form.Head `json:",inline"`
	Person    string   `json:"person"`
	Groups    []string `json:"groups"`
	Verb      string   `json:"verb"`
	Unit      string   `json:"unit,omitempty"`
	Allowed   bool     `json:"allowed"`
	Reason    string   `json:"reason,omitempty"`
	Trouble   string   `json:"trouble,omitempty"`
	Grants    []Grant  `json:"grants"`
	Dangling  []string `json:"dangling,omitempty"`
	Elsewhere bool     `json:"elsewhere,omitempty"`
	Unread    string   `json:"unread,omitempty"`
	// Narrowed is the refusal by the scopes of a token.
	Narrowed string `json:"narrowed,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

// Grant is one way in which it is allowed.
type Grant struct {
	Binding string `json:"binding"`
	Role    string `json:"role"`
	Subject string `json:"subject"`
	Rule    string `json:"rule"`
	From    string `json:"from,omitempty"`
}

func can(ctx context.Context, o *canOptions) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	a, err := o.ask(ctx)
	if err != nil {
		return err
	}
	if f.ForPeople() {
		o.print(a)
	} else if err := f.Write(o.IO.Out, a); err != nil {
		return err
	}
	if !a.Allowed {
		return no
	}
	return nil
}

// ask asks a server where one is chosen, which narrows the answer by what the token is
// for, and else the cluster.
func (o *canOptions) ask(ctx context.Context) (*Can, error) {
	g, err := o.Gateway()
	switch {
	case err != nil:
		return nil, err
	case g != nil:
		return o.served(ctx, g)
	}
	d, err := o.Direct()
	if err != nil {
		return nil, err
	}
	q := access.Of(o.Verb, o.Unit)
	var p lockstep.Person
	var x access.Explanation
	if o.As != "" {
		p = access.Hypothetical(o.As, o.AsGroup)
		x, err = d.ExplainOther(ctx, p, q)
	} else {
		p, x, err = d.Explain(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	a := &Can{
		Head: form.Of("Can"), Person: p.Name, Groups: append([]string{}, p.Groups...), Verb: string(o.Verb), Unit: access.Place(o.Unit),
		Allowed: x.Allowed, Reason: x.Reason, Trouble: x.Trouble, Grants: []Grant{}, Dangling: x.Dangling, Elsewhere: x.Elsewhere, Unread: x.Unread,
	}
	for _, g := range x.Grants {
		a.Grants = append(a.Grants, Grant(g))
	}
	if !a.Allowed {
		a.Hint = q.Hint()
	}
	return a, nil
}

func (o *canOptions) served(ctx context.Context, g *gateway.Client) (*Can, error) {
	in := &client.CanParams{Verb: client.CanParamsVerb(o.Verb)}
	if at := access.Place(o.Unit); at != "" {
		in.Stack = &at
	}
	if o.As != "" {
		in.As = &o.As
	}
	if len(o.AsGroup) > 0 {
		in.Groups = &o.AsGroup
	}
	x, err := gateway.Read[client.AccessAnswer](g)(g.API().Can(ctx, in))
	if err != nil {
		return nil, err
	}
	a := &Can{
		Head: form.Of("Can"), Person: x.Person, Groups: append([]string{}, x.Groups...), Verb: x.Verb, Unit: x.Stack, Allowed: x.Allowed, Reason: x.Reason,
		Trouble: x.Trouble, Grants: []Grant{}, Dangling: x.Dangling, Elsewhere: x.Elsewhere, Unread: x.Unread, Narrowed: x.Narrowed, Hint: x.Hint,
	}
	for _, g := range x.Grants {
		a.Grants = append(a.Grants, Grant{g.Binding, g.Role, g.Subject, g.Rule, g.From})
	}
	return a, nil
}

func (o *canOptions) print(a *Can) {
	q := access.Of(o.Verb, o.Unit)
	if a.Allowed {
		o.IO.Printf("yes: %s may %s\n", a.Person, q)
	} else {
		o.IO.Printf("no: %s may not %s\n", a.Person, q)
	}
	for _, g := range a.Grants {
		role := g.Role
		if g.From != "" {
			role += " (from " + g.From + ")"
		}
		o.IO.Printf("  %s → %s, for %s\n    %s\n", g.Binding, role, g.Subject, g.Rule)
	}
	for _, d := range a.Dangling {
		o.IO.Printf("  %s\n", d)
	}
	switch {
	case a.Unread != "":
		o.IO.Printf("  %s: which rule decides is not known\n", a.Unread)
		if a.Reason != "" {
			o.IO.Printf("  the cluster says: %s\n", a.Reason)
		}
	case a.Elsewhere:
		o.IO.Printf("  decided by another authorizer than roles and bindings: %s\n", orNothing(a.Reason))
	case a.Narrowed != "":
		o.IO.Printf("  %s\n", a.Narrowed)
	case !a.Allowed:
		o.IO.Printf("  no binding of theirs has a rule that allows it\n")
	}
	if a.Trouble != "" {
		o.IO.Printf("  the cluster could not look at all rules: %s\n", a.Trouble)
	}
	if a.Hint != "" {
		o.IO.Notef("hint: %s", a.Hint)
	}
}

func orNothing(s string) string {
	if s == "" {
		return "it gives no reason"
	}
	return s
}
