package auth

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

type whoamiOptions struct {
	IO     *term.IO
	Direct func() (*access.Direct, error)
	Output string
}

func newWhoami(e *env.Env) *cobra.Command {
	o := &whoamiOptions{IO: e.IO, Direct: direct(e)}
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
	d, err := o.Direct()
	if err != nil {
		return err
	}
	p, err := d.Myself(ctx)
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
