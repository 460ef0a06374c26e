package env

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Exit ends a command with a code and nothing more to say.
type Exit int

// Error is never printed.
func (x Exit) Error() string { return fmt.Sprintf("exit %d", int(x)) }

// Differences is the exit of --exit-code when there are some.
const Differences Exit = 2

// Flags adds the flags that every command has.
func (e *Env) Flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&e.Kubeconfig, "kubeconfig", "", "file that says how to reach the cluster (default $KUBECONFIG, then ~/.kube/config)")
	f.StringVar(&e.Context, "context", "", "context of the kubeconfig")
	f.StringVar(&e.Server, "server", "", "Lockstep server to go through: an address, or a name of lockstep config (default $LOCKSTEP_SERVER, then where you are signed in)")
	f.StringVarP(&e.namespace, "namespace", "n", "", "namespace (default the context's)")
	f.StringVar(&e.Colour, "color", "auto", "auto, always or never")
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

// Output adds -o.
func Output(cmd *cobra.Command, value *string, allowed []string) {
	cmd.Flags().StringVarP(value, "output", "o", "", "form of the output: "+form.Usage(allowed))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
}

// Exactly wants one argument for each name.
func Exactly(names ...string) cobra.PositionalArgs { return between(len(names), names) }

// AtMost allows one argument for each name.
func AtMost(names ...string) cobra.PositionalArgs { return between(0, names) }

// None allows no argument.
var None = between(0, nil)

func between(least int, names []string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fault.Usage("%s is missing", names[len(args)]).WithHint("%s", usageLine(cmd))
		case len(args) > len(names):
			return fault.Usage("%q is one argument too many", args[len(names)]).WithHint("%s", usageLine(cmd))
		}
		return nil
	}
}

func usageLine(cmd *cobra.Command) string { return "usage: " + cmd.UseLine() }

// completionTime is how long a person who pressed Tab is willing to wait.
const completionTime = 2 * time.Second

// CompleteStacks offers the names of Stacks.
func (e *Env) CompleteStacks(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	const silent = cobra.ShellCompDirectiveNoFileComp
	if len(args) > 0 {
		return nil, silent
	}
	c, err := e.Kinds()
	if err != nil {
		return nil, silent
	}
	ctx, stop := context.WithTimeout(contextOf(cmd), completionTime)
	defer stop()
	namespace := e.Namespace()
	list, err := c.Find(ctx, "", "")
	if err != nil {
		if list, err = c.Find(ctx, namespace, ""); err != nil {
			return nil, silent
		}
	}
	var out []string
	for _, s := range list.Items {
		name := s.Namespace + "/" + s.Name
		if s.Namespace == namespace && !strings.Contains(prefix, "/") {
			name = s.Name
		}
		if strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	return out, silent
}

// CompleteStacksOrDirs is for commands that take either.
func (e *Env) CompleteStacksOrDirs(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	out, _ := e.CompleteStacks(cmd, args, prefix)
	return out, cobra.ShellCompDirectiveDefault
}

func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
