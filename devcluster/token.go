package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/devcluster/internal/cluster"
)

func newTokenCmd() *cobra.Command {
	var dir string
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "token --dir DIR NAMESPACE/SERVICEACCOUNT",
		Short: "Print a fresh token of a service account",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := cluster.IssueToken(cmd.Context(), dir, args[0], lifetime)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	dirFlag(cmd, &dir)
	cmd.Flags().DurationVar(&lifetime, "lifetime", 24*time.Hour, "how long the token is good for; at least 10m")
	return cmd
}
