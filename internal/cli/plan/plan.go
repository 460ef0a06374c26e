// Package plan is the command that says what would happen to Stacks, for the
// newest commit or for a working tree that nobody has committed.
package plan

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/approve"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// planner is what the command needs of [lookup.Lookup].
type planner interface {
	Plan(ctx context.Context, s *v1alpha1.Stack) (lookup.Looked, error)
	Instead(src lockstep.Unit, snap source.Snapshot)
	Close()
}

type options struct {
	IO        *term.IO
	API       func() (*api.Client, error)
	Gateway   func() (*gateway.Client, error)
	Planner   func(c *api.Client) (planner, error)
	Waiting   func() (approve.Way, error)
	Unit      lockstep.Unit
	Dir       string // "" to plan Unit
	Source    string
	Namespace string // of Sources; "" for all
	Default   string // namespace of a Source without one
	Revision  string // "" is what the Source says now
	ExitCode  bool
	Fields    int
	Output    string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Client, Gateway: e.Gateway, Planner: func(c *api.Client) (planner, error) { return lookup.New(e, c) },
		Waiting: func() (approve.Way, error) { return approve.WayOf(e) }}
	cmd := &cobra.Command{
		Use:   "plan STACK|DIR",
		Short: "Show what the newest commit, or a working tree, would change",
		Long: `Show what would change: what may be lost first, then the rest, field by field.

With a STACK, its newest commit is fetched, rendered and compared with what is
live; with --revision another commit is. A Lockstep server does that, where one is
chosen. With a DIR (begin it with . or /), every stack of the Git repository that
DIR is a working tree of is planned as if what lies there were committed.

Of a stack with a root module of OpenTofu or Terraform it is the plan that the tool made
and that waits for somebody: lockstep approve.

Nothing is changed, on the cluster or anywhere else. Without a server, and of a
DIR, it is the server's own code that plans, run here with your credentials.`,
		Example: `  lockstep plan payments/shop

  # what would that commit, or going back to release 41, change now?
  lockstep plan payments/shop --revision 41

  # what would my edits do, before I commit them?
  lockstep plan .

  # in a pull request: 2 when something would change
  lockstep plan . --exit-code -o json > plan.json`,
		Args:              env.Exactly("STACK|DIR"),
		ValidArgsFunction: e.CompleteStacksOrDirs,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Namespace, o.Default = e.NamespaceAsked(), e.Namespace()
			if isDir(args[0]) || o.Source != "" {
				if o.Dir = args[0]; o.Revision != "" {
					return fault.Usage("--revision is of a STACK, and %q is a directory", o.Dir).WithHint("check the commit out, and plan the directory")
				}
				return run(cmd.Context(), o)
			}
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().BoolVar(&o.ExitCode, "exit-code", false, "exit with 2 when something would change")
	cmd.Flags().StringVar(&o.Source, "source", "", "the source that DIR stands for (default: those with one of its Git remotes)")
	cmd.Flags().StringVar(&o.Revision, "revision", "", "plan this release or commit, rather than what the source says now")
	cmd.Flags().IntVar(&o.Fields, "fields", 20, "fields to show of one object; 0 for all, -1 for none")
	return cmd
}

// isDir tells a path from a name by its first character, as the shell does.
func isDir(arg string) bool { return strings.HasPrefix(arg, ".") || filepath.IsAbs(arg) }

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	if o.Dir == "" {
		g, err := o.Gateway()
		if err != nil {
			return err
		}
		if g != nil {
			return o.served(ctx, g, f)
		}
	}
	c, err := o.API()
	if err != nil {
		return err
	}
	p, err := o.Planner(c)
	if err != nil {
		return err
	}
	defer p.Close()
	if o.Dir != "" {
		return o.dir(ctx, c, p, f)
	}
	return o.unit(ctx, c, p, f)
}

func (o *options) unit(ctx context.Context, c *api.Client, p planner, f form.Form) error {
	s, err := c.Stack(ctx, o.Unit)
	if err != nil {
		return o.perhapsDir(err)
	}
	if s.Spec.Terraform != nil && o.Revision == "" {
		return o.waiting(ctx, f)
	}
	fate := live.FateOf
	if o.Revision != "" {
		s = s.DeepCopy()
		if s.Spec.Source.Revision, err = httpapi.ReleaseOf(s, o.Unit, o.Revision); err != nil {
			return err
		}
		s.Spec.Hold = nil
		fate = func(_ *v1alpha1.Stack, p core.Plan) live.Fate {
			if p.Empty() {
				return live.FateNone
			}
			return live.FateTrial
		}
	}
	k, err := p.Plan(ctx, s)
	if k.Plan.Unit.Name == "" {
		return err
	}
	if !f.ForPeople() {
		if err := f.Write(o.IO.Out, one(k)); err != nil {
			return err
		}
	} else {
		o.show(k)
		o.fate(fate(s, k.Plan))
	}
	if err != nil {
		return err
	}
	return o.exit(!k.Plan.Empty())
}

func (o *options) exit(changes bool) error {
	if o.ExitCode && changes {
		return env.Differences
	}
	return nil
}

// perhapsDir helps who meant the directory of that name.
func (o *options) perhapsDir(err error) error {
	info, statErr := os.Stat(o.Unit.Name)
	if f := fault.As(err); statErr == nil && info.IsDir() && f.Kind == fault.KindNotFound {
		return f.WithHint("to plan the directory, write ./%s", o.Unit.Name)
	}
	return err
}

// Answer is what -o json prints of one Stack.
type Answer struct {
	form.Head `json:",inline"`
	Plan      core.Plan `json:"plan"`
	Warnings  []string  `json:"warnings,omitempty"`
	// Error is why some objects could not be planned.
	Error string `json:"error,omitempty"`
}

func one(k lookup.Looked) Answer {
	return Answer{Head: form.Of("Plan"), Plan: k.Plan, Warnings: k.Desired.Warnings}
}

func (o *options) show(k lookup.Looked) {
	o.IO.Printf("%s  at %s\n", o.IO.Paint(term.Bold, "stack "+k.Plan.Unit.String()), k.Plan.Revision.Short())
	Print(o.IO, k.Plan, o.Fields)
	for _, w := range k.Desired.Warnings {
		o.IO.Notef("warning: %s", w)
	}
}

var styles = map[core.LineKind]term.Style{
	"delete": term.Bad, "replace": term.Bad, "update": term.Warn, "create": term.Good, "orphan": term.Warn,
	core.DriftLine: term.Warn, core.NoteLine: term.Dim, core.GateLine: term.Warn, core.SummaryLine: term.Bold,
}

// Print writes a plan for people.
func Print(io *term.IO, p core.Plan, fields int) {
	for _, l := range core.Lines(p, core.Detail{MaxFields: fields}) {
		printLine(io, l)
	}
}

func printLine(io *term.IO, l core.Line) {
	indent := strings.Repeat(" ", l.Indent)
	sign := ""
	if l.Sign != "" {
		sign = io.Paint(styles[l.Kind], l.Sign) + " "
	}
	text := l.Text
	if l.Kind == core.SummaryLine || l.Kind == core.GateLine {
		text = io.Paint(styles[l.Kind], text)
	}
	io.Printf("%s%s%s\n", indent, sign, text)
}
