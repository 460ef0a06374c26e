package main

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/devcluster/internal/cluster"
)

func newUpCmd() *cobra.Command {
	opts := cluster.Options{}
	cmd := &cobra.Command{
		Use:   "up --dir DIR",
		Short: "Run a cluster in the foreground until SIGINT or SIGTERM",
		Long: `Run a cluster in the foreground until SIGINT or SIGTERM.

Prints one line to stdout, the path of the admin kubeconfig, once /readyz answers
and the default namespace, its service account and the RBAC roles exist. Logs of
the components are in DIR/logs. Data, certificates and the port survive a restart.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			opts.Stdout, opts.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return cluster.Up(ctx, opts)
		},
	}
	dirFlag(cmd, &opts.Dir)
	cmd.Flags().IntVar(&opts.Nodes, "nodes", 1, "how many simulated nodes, named node-0 upwards")
	cmd.Flags().IntVar(&opts.BasePort, "ports", 0, "first of two ports (API server, etcd); 0 takes free ones and keeps the API server's")
	cmd.Flags().BoolVar(&opts.Wipe, "wipe", false, "forget data and certificates of an earlier run first")
	cmd.Flags().BoolVar(&opts.NoFsync, "no-fsync", false, "do not wait for the disk: faster, and a power cut may lose the data")
	return cmd
}

func dirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", "", "directory of the cluster (required)")
	_ = cmd.MarkFlagRequired("dir")
}
