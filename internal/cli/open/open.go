// Package open is the command that shows in the browser what the command line shows.
package open

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// tabs are the pages that a Stack has.
var tabs = []string{"resources", "diff", "timeline", "logs", "events", "manifest", "settings"}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	URL       string `json:"url"`
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	output, only := "", false
	cmd := &cobra.Command{
		Use:   "open [STACK[/PAGE]]",
		Short: "Open the same page in the browser",
		Long: `Open the same page in the browser: that of all stacks, or of one, where PAGE is
` + strings.Join(tabs, ", ") + `.

Where the output is no terminal, the address is printed and nothing is opened.`,
		Example: `  lockstep open payments/shop

  # for a chat message
  lockstep open payments/shop/diff --print`,
		Args:              env.AtMost("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := form.Parse(output, form.Single)
			if err != nil {
				return err
			}
			page, err := pageOf(e, strings.Join(args, ""))
			if err != nil {
				return err
			}
			g, err := e.NeedGateway()
			if err != nil {
				return err
			}
			url := g.Server() + page
			if !f.ForPeople() {
				return f.Write(e.IO.Out, Answer{form.Of("Page"), url})
			}
			e.IO.Printf("%s\n", url)
			if e.IO.OutTTY && !only && browse(url) != nil {
				e.IO.Notef("no browser could be started here")
			}
			return nil
		},
	}
	env.Output(cmd, &output, form.Single)
	cmd.Flags().BoolVar(&only, "print", false, "print the address and open nothing")
	return cmd
}

// pageOf returns the path of the page that arg names.
func pageOf(e *env.Env, arg string) (string, error) {
	if arg == "" {
		return "/fleet", nil
	}
	tab := ""
	if i := strings.LastIndex(arg, "/"); i >= 0 && slices.Contains(tabs, arg[i+1:]) {
		arg, tab = arg[:i], arg[i:]
	} else if strings.Count(arg, "/") > 1 {
		return "", fault.Usage("a stack has no page %q", arg[i+1:]).WithHint("one of %s", strings.Join(tabs, ", "))
	}
	u, err := e.Unit(arg)
	if err != nil {
		return "", err
	}
	return "/stacks/" + u.String() + tab, nil
}

func browse(url string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.Command("open", url).Start()
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", url).Start()
	}
	return exec.Command("xdg-open", url).Start()
}
