// Package watch is the command that goes on telling what changes.
package watch

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/list"
	"github.com/lockstep-dev/lockstep/internal/cli/status"
)

// New returns the command.
func New(e *env.Env) *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "watch [STACK|FILTER...]",
		Short: "Go on telling what changes, of one stack or of all",
		Long: `Go on telling what changes, of one stack or of all that a filter lets through, until
Ctrl-C. It is short for lockstep status STACK --watch and lockstep list FILTER --watch;
-o json prints an object a line.`,
		Example: `  lockstep watch payments/shop

  # everything in production, for another program
  lockstep watch env:prod -o json`,
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !strings.Contains(args[0], ":") {
				u, err := e.Unit(args[0])
				if err != nil {
					return err
				}
				return status.Watch(cmd.Context(), e, u, output)
			}
			return list.Watch(cmd.Context(), e, strings.Join(args, " "), output)
		},
	}
	env.Output(cmd, &output, form.Single)
	return cmd
}
