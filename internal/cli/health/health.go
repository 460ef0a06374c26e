// Package health is the command that judges objects of a file.
package health

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Items     []Item `json:"items"`
	// Health is the worst of them.
	Health lockstep.Health `json:"health"`
}

// Item is the verdict on one object.
type Item struct {
	Object  string `json:"object"`
	At      string `json:"at,omitempty"` // file and line
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

type options struct {
	IO     *term.IO
	File   string
	Rules  string
	Output string
}

// The exits of a command whose answer is not all well.
const (
	exitFailed  env.Exit = 1
	exitPending env.Exit = 8
)

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO}
	cmd := &cobra.Command{
		Use:   "health -f FILE",
		Short: "Say how the objects of a file are doing",
		Long: `Say how the objects of a file are doing, as the server would, without a cluster.

Where pods of a workload are in the same file, they say why it is not healthy.
With --rules the objects are judged by rules or by a Lua script first, as with
spec.health of a Stack.

It ends with 0 when everything is Healthy or Suspended, with 1 when something is
Degraded or Missing, and with 8 when something is on its way.`,
		Example: `  kubectl get deployments,pods -o yaml | lockstep health -f -

  # try a script of Argo CD, or rules for a Stack
  lockstep health -f widget.yaml --rules health.lua`,
		Args: env.None,
		RunE: func(*cobra.Command, []string) error { return run(o) },
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().StringVarP(&o.File, "filename", "f", "", "file with objects, YAML or JSON; - for standard input")
	cmd.Flags().StringVar(&o.Rules, "rules", "", "file of rules, or a script whose name ends in .lua")
	return cmd
}

func run(o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	if o.File == "" {
		return fault.Usage("want -f FILE").WithHint("kubectl get deployment web -o yaml | lockstep health -f -")
	}
	rules, err := o.rules()
	if err != nil {
		return err
	}
	data, err := o.read(o.File)
	if err != nil {
		return err
	}
	objects, err := render.Decode(named(o.File), data)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return fault.Invalid("there is no object in it").At("%s", named(o.File))
	}
	a := judge(objects, rules)
	if !f.ForPeople() {
		err = f.Write(o.IO.Out, a)
	} else {
		o.print(a)
	}
	if err != nil {
		return err
	}
	return exit(a.Health.Status)
}

func exit(worst lockstep.HealthStatus) error {
	switch worst {
	case lockstep.Healthy, lockstep.Suspended:
		return nil
	case lockstep.Progressing, lockstep.Terminating:
		return exitPending
	}
	return exitFailed
}

func judge(objects []lockstep.Object, rules *core.Rules) Answer {
	a := Answer{Head: form.Of("Health"), Items: make([]Item, 0, len(objects))}
	family := familyOf(objects)
	parts := make([]core.Part, 0, len(objects))
	for _, o := range objects {
		h := rules.Of(o.Tree)
		if _, parent := core.ParentOf(o.Tree, h); parent {
			h = core.With(h, core.Told(core.Troubles(family.pods(o)), ""))
		}
		a.Items = append(a.Items, Item{Object: o.Key().String(), At: o.Origin.String(), Status: h.Status.String(), Message: h.Message})
		parts = append(parts, core.Part{Key: o.Key(), Health: h})
	}
	a.Health = core.Aggregate(parts)
	return a
}

func (o *options) print(a Answer) {
	t := term.Table{Header: []string{"OBJECT", "HEALTH", "MESSAGE"}}
	for _, i := range a.Items {
		t.Add(i.Object, term.Cell{Text: i.Status, Style: style(i.Status)}, i.Message)
	}
	o.IO.Print(t)
}

func style(word string) term.Style {
	switch word {
	case lockstep.Healthy.String():
		return term.Good
	case lockstep.Degraded.String(), lockstep.Missing.String():
		return term.Bad
	}
	return term.Warn
}

// rules reads --rules. A script says something about every object.
func (o *options) rules() (*core.Rules, error) {
	if o.Rules == "" {
		return nil, nil
	}
	data, err := o.read(o.Rules)
	if err != nil {
		return nil, err
	}
	name := named(o.Rules)
	if filepath.Ext(o.Rules) == ".lua" {
		return core.Compile([]core.Entry{{Group: "*", Kinds: []string{"*"}, Lua: string(data), Place: name, Lines: true}}, time.Now)
	}
	file, err := core.ParseFile(name, data)
	if err != nil {
		return nil, err
	}
	return core.Compile([]core.Entry{{Group: file.Group, Kinds: file.Kinds, CEL: file.Rules, Place: name, Lines: true}}, time.Now)
}

func named(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

func (o *options) read(file string) ([]byte, error) {
	if file == "-" {
		data, err := io.ReadAll(o.IO.In)
		if err != nil {
			return nil, fault.Internal(err)
		}
		return data, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.NotFound("file %q does not exist", file)
	}
	if err != nil {
		return nil, fault.Invalid("file %q cannot be read", file).Because(err)
	}
	return data, nil
}
