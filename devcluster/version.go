package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/devcluster/internal/kubeversion"
)

func newVersionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the components inside",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, part := range kubeversion.Parts() {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%-10s  %s\n", part.Name, part.Version); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
