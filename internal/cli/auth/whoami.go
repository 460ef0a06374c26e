package auth

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

type whoamiOptions struct {
	IO      *term.IO
	Gateway func() (*gateway.Client, error)
	Direct  func() (*access.Direct, error)
	Output  string
}

func newWhoami(e *env.Env) *cobra.Command {
	o := &whoamiOptions{IO: e.IO, Gateway: e.Gateway, Direct: direct(e)}
	cmd := &cobra.Command{
		Use:     "whoami",
		Short:   "The name and groups that rules know you by",
		Example: `  lockstep auth whoami`,
		Args:    env.None,
		RunE:    func(cmd *cobra.Command, _ []string) error { return whoami(cmd.Context(), o) },
	}
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

// Me is what -o json prints.
type Me struct {
	form.Head `json:",inline"`
	Name      string   `json:"name"`
	Groups    []string `json:"groups"`
}

func whoami(ctx context.Context, o *whoamiOptions) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	p, err := o.myself(ctx)
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, Me{form.Of("Me"), p.Name, append([]string{}, p.Groups...)})
	}
	o.IO.Printf("%s\n", p.Name)
	if len(p.Groups) > 0 {
		o.IO.Printf("groups: %s\n", strings.Join(p.Groups, ", "))
	}
	return nil
}

// myself asks the server that one is signed in to, where one is chosen, and else the
// cluster: the two may know one by different names.
func (o *whoamiOptions) myself(ctx context.Context) (lockstep.Person, error) {
	g, err := o.Gateway()
	if err != nil {
		return lockstep.Person{}, err
	}
	if g != nil {
		me, err := gateway.Read[client.Me](g)(g.API().GetMe(ctx))
		if err != nil {
			return lockstep.Person{}, err
		}
		return lockstep.Person{Name: me.Name, Groups: me.Groups}, nil
	}
	d, err := o.Direct()
	if err != nil {
		return lockstep.Person{}, err
	}
	return d.Myself(ctx)
}
