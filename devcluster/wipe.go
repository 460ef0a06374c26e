package main

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/devcluster/internal/cluster"
)

func newWipeCmd() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "wipe --dir DIR",
		Short: "Remove all that a stopped cluster left in its directory",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return cluster.Wipe(dir)
		},
	}
	dirFlag(cmd, &dir)
	return cmd
}
