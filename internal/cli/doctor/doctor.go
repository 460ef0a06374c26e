// Package doctor is the command that looks for what keeps Lockstep from working,
// and says of each finding how to mend it.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
)

type options struct {
	IO      *term.IO
	Env     *env.Env
	DataDir string
	Timeout time.Duration
	Output  string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Env: e}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, with a fix for each finding",
		Long: `Look for what is wrong: programs, cluster, definitions, permissions, disk, clock,
and the sources, targets and stacks that fail. Exits with 1 when something is.`,
		Example: `  lockstep doctor

  # may this credential run the server?
  lockstep doctor --kubeconfig server.kubeconfig --data-dir /var/lib/lockstep`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().StringVar(&o.DataDir, "data-dir", "", "directory that the server is to use (default: the user's cache directory)")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 15*time.Second, "how long the cluster may take to answer")
	return cmd
}

// Finding is one thing that was looked at.
type Finding struct {
	OK      bool   `json:"ok"`
	Check   string `json:"check"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	OK        bool      `json:"ok"`
	Findings  []Finding `json:"findings"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	ctx, stop := env.Bounded(ctx, o.Timeout)
	defer stop()
	findings := append(local(ctx, o), cluster(ctx, o)...)
	a := Answer{Head: form.Of("Diagnosis"), OK: true, Findings: findings}
	bad := 0
	for _, x := range findings {
		if !x.OK {
			a.OK = false
			bad++
		}
	}
	if !f.ForPeople() {
		if err := f.Write(o.IO.Out, a); err != nil {
			return err
		}
	} else {
		o.print(findings, bad)
	}
	if !a.OK {
		return env.Exit(1)
	}
	return nil
}

func (o *options) print(findings []Finding, bad int) {
	for _, x := range findings {
		sign, style := "✓", term.Good
		if !x.OK {
			sign, style = "✗", term.Bad
		}
		o.IO.Printf("%s %-14s %s\n", o.IO.Paint(style, sign), x.Check, x.Message)
		if x.Fix != "" && !x.OK {
			o.IO.Printf("  %s %s\n", o.IO.Paint(term.Dim, fmt.Sprintf("%-14s", "fix:")), x.Fix)
		}
	}
	if bad > 0 {
		o.IO.Printf("\n%s to mend\n", term.Count(bad, "thing"))
		return
	}
	o.IO.Printf("\nnothing is wrong\n")
}
