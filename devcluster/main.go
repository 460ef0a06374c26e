package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/devcluster/internal/component"
	"github.com/lockstep-dev/lockstep/devcluster/internal/kubeversion"
)

func main() {
	if err := kubeversion.Set(); err != nil {
		fail(err)
	}
	// A re-executed child must see nothing of our own flags: the Kubernetes
	// commands parse everything after their name themselves.
	if component.IsChild(os.Args) {
		os.Exit(component.Main(os.Args))
	}

	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A real Kubernetes control plane in one process tree, without containers",
		SilenceUsage:  true,
		SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{
			DisableDefaultCmd: true,
		},
	}
	root.AddCommand(newUpCmd(), newUserCmd(), newTokenCmd(), newStatusCmd(), newWipeCmd(), newVersionCmd())
	if err := root.Execute(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "error: %v\n", err)
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		fmt.Fprintf(os.Stderr, "hint:  %s\n", hinted.Hint())
	}
	os.Exit(1)
}
