// Package version is the command that says which Lockstep this is.
package version

import (
	"cmp"
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/ui"
)

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Client    string `json:"client"`
	Go        string `json:"go"`
	Platform  string `json:"platform"`
	API       string `json:"api"`
	// UI names the web UI that is part of the binary; "" without one.
	UI string `json:"ui,omitempty"`
	// Cluster is the address that Installed was asked of.
	Cluster string `json:"cluster,omitempty"`
	// Installed is the digest of the definitions on the cluster.
	Installed string `json:"installed,omitempty"`
}

type options struct {
	IO      *term.IO
	API     func() (*api.Client, error)
	Version string
	Server  bool
	Output  string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Client, Version: e.Version}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which Lockstep this is",
		Example: `  lockstep version

  # and what is installed on the cluster
  lockstep version --server -o json`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().BoolVar(&o.Server, "server", false, "ask the cluster, too")
	return cmd
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	a := Answer{
		Head: form.Of("Version"), Client: o.Version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, API: v1alpha1.GroupVersion.String(), UI: ui.Hash(),
	}
	if o.Server {
		c, err := o.API()
		if err != nil {
			return err
		}
		crd, err := c.Definition(ctx, "stacks."+v1alpha1.GroupVersion.Group)
		if err != nil {
			return err
		}
		a.Cluster, a.Installed = c.Server(), crd.Annotations[v1alpha1.AnnotationDigest]
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, a)
	}
	o.IO.Printf("lockstep %s  %s  %s  %s\n", a.Client, a.API, a.Go, a.Platform)
	o.IO.Printf("ui: %s\n", cmp.Or(a.UI, "not built"))
	if o.Server {
		o.IO.Printf("cluster  %s  definitions %s\n", a.Cluster, a.Installed)
	}
	return nil
}
