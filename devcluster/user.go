package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/devcluster/internal/cluster"
)

func newUserCmd() *cobra.Command {
	var dir string
	var groups []string
	cmd := &cobra.Command{
		Use:   "user --dir DIR NAME",
		Short: "Issue a client certificate and print the path of its kubeconfig",
		Long: `Issue a client certificate for user NAME and print the path of a kubeconfig.

The user may do only what RBAC allows: bind a role to the name or to a group.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := cluster.IssueUser(dir, args[0], groups)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			return err
		},
	}
	dirFlag(cmd, &dir)
	cmd.Flags().StringArrayVar(&groups, "group", nil, "a group the user belongs to; may be repeated")
	return cmd
}
