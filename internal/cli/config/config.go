// Package config holds the commands that choose among several servers.
package config

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
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
	cmd.AddCommand(newList(e), newUse(e))
	return cmd
}

// Contexts is the list as programs read it.
type Contexts struct {
	form.Head `json:",inline"`
	Items     []Context `json:"items"`
}

// Context is a server that is known, without what one is signed in with.
type Context struct {
	Name     string `json:"name"`
	Server   string `json:"server"`
	Current  bool   `json:"current"`
	SignedIn bool   `json:"signedIn"`
}

var forms = []string{form.Table, form.Name, form.JSON, form.YAML, form.JSONL}

func newList(e *env.Env) *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use: "get-contexts", Short: "The servers that are known", Example: "  lockstep config get-contexts", Args: env.None,
		RunE: func(*cobra.Command, []string) error {
			f, err := form.Parse(output, forms)
			if err != nil {
				return err
			}
			return list(e, f)
		},
	}
	env.Output(cmd, &output, forms)
	return cmd
}

func list(e *env.Env, f form.Form) error {
	c, err := remote.Load(e.Getenv)
	if err != nil {
		return err
	}
	all := []Context{}
	for _, x := range c.Contexts {
		all = append(all, Context{x.Name, x.Server, x.Name == c.Current, x.Token != ""})
	}
	if !f.ForPeople() {
		return f.Write(e.IO.Out, Contexts{form.Of("ContextList"), all}, form.Each(all)...)
	}
	for _, x := range all {
		if f.Is(form.Name) {
			e.IO.Printf("%s\n", x.Name)
			continue
		}
		mark, in := " ", "signed out"
		if x.Current {
			mark = "*"
		}
		if x.SignedIn {
			in = "signed in"
		}
		e.IO.Printf("%s %s  %s  %s\n", mark, x.Name, x.Server, in)
	}
	return nil
}

func newUse(e *env.Env) *cobra.Command {
	return &cobra.Command{
		Use: "use-context NAME", Short: "Choose the server that commands speak to", Example: "  lockstep config use-context lockstep.example.org", Args: env.Exactly("NAME"),
		RunE: func(_ *cobra.Command, args []string) error { return use(e, args[0]) },
	}
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
