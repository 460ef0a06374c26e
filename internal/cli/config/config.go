// Package config holds the commands that choose among several servers.
package config

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/remote"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// New returns the command config with those below it.
func New(e *env.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Choose among several Lockstep servers",
		Example: "  lockstep config get-contexts\n  lockstep config use-context lockstep.example.org",
		Args:    env.None,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "get-contexts", Short: "The servers that are known", Example: "  lockstep config get-contexts", Args: env.None,
			RunE: func(*cobra.Command, []string) error { return list(e) },
		},
		&cobra.Command{
			Use: "use-context NAME", Short: "Choose the server that commands speak to", Example: "  lockstep config use-context lockstep.example.org", Args: env.Exactly("NAME"),
			RunE: func(_ *cobra.Command, args []string) error { return use(e, args[0]) },
		},
	)
	return cmd
}

func list(e *env.Env) error {
	c, err := remote.Load(e.Getenv)
	if err != nil {
		return err
	}
	for _, x := range c.Contexts {
		mark, in := " ", "signed out"
		if x.Name == c.Current {
			mark = "*"
		}
		if x.Token != "" {
			in = "signed in"
		}
		e.IO.Printf("%s %s  %s  %s\n", mark, x.Name, x.Server, in)
	}
	return nil
}

func use(e *env.Env, name string) error {
	c, err := remote.Load(e.Getenv)
	if err != nil {
		return err
	}
	if _, ok := c.Find(name); !ok {
		return fault.NotFound("there is no context %q", name).WithHint("lockstep config get-contexts lists them")
	}
	c.Current = name
	return c.Save(e.Getenv)
}
