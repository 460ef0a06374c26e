package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/approve"
	"github.com/lockstep-dev/lockstep/internal/cli/audit"
	"github.com/lockstep-dev/lockstep/internal/cli/auth"
	"github.com/lockstep-dev/lockstep/internal/cli/config"
	"github.com/lockstep-dev/lockstep/internal/cli/demo"
	"github.com/lockstep-dev/lockstep/internal/cli/diff"
	"github.com/lockstep-dev/lockstep/internal/cli/doctor"
	"github.com/lockstep-dev/lockstep/internal/cli/drift"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/events"
	"github.com/lockstep-dev/lockstep/internal/cli/explain"
	"github.com/lockstep-dev/lockstep/internal/cli/graph"
	"github.com/lockstep-dev/lockstep/internal/cli/health"
	"github.com/lockstep-dev/lockstep/internal/cli/history"
	"github.com/lockstep-dev/lockstep/internal/cli/list"
	"github.com/lockstep-dev/lockstep/internal/cli/login"
	"github.com/lockstep-dev/lockstep/internal/cli/logs"
	"github.com/lockstep-dev/lockstep/internal/cli/open"
	"github.com/lockstep-dev/lockstep/internal/cli/pause"
	"github.com/lockstep-dev/lockstep/internal/cli/plan"
	"github.com/lockstep-dev/lockstep/internal/cli/reconcile"
	"github.com/lockstep-dev/lockstep/internal/cli/render"
	"github.com/lockstep-dev/lockstep/internal/cli/rollback"
	"github.com/lockstep-dev/lockstep/internal/cli/serve"
	"github.com/lockstep-dev/lockstep/internal/cli/state"
	"github.com/lockstep-dev/lockstep/internal/cli/status"
	"github.com/lockstep-dev/lockstep/internal/cli/token"
	"github.com/lockstep-dev/lockstep/internal/cli/trial"
	versioncmd "github.com/lockstep-dev/lockstep/internal/cli/version"
	"github.com/lockstep-dev/lockstep/internal/cli/wait"
	"github.com/lockstep-dev/lockstep/internal/cli/watch"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// NewRoot returns the whole tree of commands.
func NewRoot(e *env.Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "Keep what runs in lockstep with what Git says",
		Long: `Keep what runs in lockstep with what Git says.

A STACK is one directory of a Git repository that is kept live; it is named NAME
or NAMESPACE/NAME.`,
		Example: `  # everything on this machine, no cluster needed
  lockstep demo

  lockstep status
  lockstep plan .`,
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
		PersistentPreRunE:          func(*cobra.Command, []string) error { return e.IO.SetColour(e.Colour, e.Getenv) },
		// Without Args, cobra would take an unknown command for an argument.
		Args: func(cmd *cobra.Command, args []string) error { return unknown(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	e.Flags(root)
	root.SetFlagErrorFunc(usageErrors)
	root.SetUsageTemplate(usage)
	root.SetHelpTemplate(help)
	root.AddGroup(&cobra.Group{ID: "look", Title: "Look:"}, &cobra.Group{ID: "act", Title: "Act:"},
		&cobra.Group{ID: "author", Title: "Before you push:"}, &cobra.Group{ID: "run", Title: "Run:"})
	add(root, "look", status.New(e), list.New(e), diff.New(e), drift.New(e), graph.New(e), explain.New(e), history.New(e),
		watch.New(e), logs.New(e), events.New(e), open.New(e), audit.New(e), state.New(e))
	add(root, "act", reconcile.New(e), trial.New(e), wait.New(e), approve.NewApprove(e), approve.NewReject(e), rollback.New(e), pause.NewPause(e), pause.NewResume(e), state.NewUnlock(e))
	add(root, "author", plan.New(e), render.New(e), health.New(e))
	add(root, "run", demo.New(e), serve.New(e), doctor.New(e), auth.New(e), login.New(e), login.NewLogout(e), token.New(e), config.New(e), versioncmd.New(e))
	root.SetCompletionCommandGroupID("run")
	root.AddCommand(exitCodes())
	return root
}

func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

func unknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	f := fault.Usage("there is no command %q", args[0]).WithHint("lockstep --help lists them")
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		slices.Sort(near)
		return f.WithHint("did you mean %s?", strings.Join(near, " or "))
	}
	return f
}

// help begins with examples: they are what most people are looking for.
const help = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}{{end}}
{{if or .Runnable .HasSubCommands}}
{{.UsageString}}{{end}}`

const usage = `{{if .HasExample}}Examples:
{{.Example}}

{{end}}Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if not .Groups}}

Commands:{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Global flags:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasHelpSubCommands}}

More help:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad .CommandPath .CommandPathPadding}} {{.Short}}{{end}}{{end}}{{end}}
`

// exitCodes is a help topic: a command that does nothing.
func exitCodes() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the numbers mean",
		Long: `Exit codes:

    0  done
    1  failed
    2  there are differences; only with --exit-code
    3  timed out
    4  not signed in, or not allowed
    5  not found
    6  blocked by a guard, a policy, a gate or an approval
    8  still pending
   64  wrong usage
  130  interrupted`,
	}
}
