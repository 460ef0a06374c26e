// Package auth holds the commands about who one is and who may do what.
package auth

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// New returns the command auth with those below it.
func New(e *env.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "Who you are, and who may do what",
		Long: `Who you are, and who may do what.

Permissions are rules of the cluster that holds the stacks; there are no others.`,
		Example: `  lockstep auth whoami
  lockstep auth can approve payments/shop`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCan(e), newWhoami(e), newStatus(e), newSessions(e), newLink(e))
	return cmd
}

func direct(e *env.Env) func() (*access.Direct, error) {
	return func() (*access.Direct, error) {
		config, err := e.Config()
		if err != nil {
			return nil, err
		}
		return access.NewDirect(config)
	}
}
