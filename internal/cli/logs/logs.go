// Package logs is the command that reads the logs of a Stack's pods, merged as they
// come.
package logs

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type options struct {
	IO        *term.IO
	Gateway   func() (*gateway.Client, error)
	Now       func() time.Time
	Unit      lockstep.Unit
	Object    string // as it was typed; "" for all pods
	Container string
	Follow    bool
	Previous  bool
	Tail      int64
	Since     time.Duration
	Output    string
}

var forms = []string{form.Table, form.JSON, form.JSONL}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Gateway: e.NeedGateway, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "logs STACK[/OBJECT]",
		Short: "Read the logs of a stack's pods",
		Long: `Read the logs of a stack's pods, merged as they come. With OBJECT only those of its
pods: a name, KIND/NAME, or the whole as lockstep status --objects prints it; the
namespace is then to be said, NAMESPACE/STACK/OBJECT.

It is asked of a Lockstep server, and needs the permission logs of the stack, none of
the cluster that the pods are on.`,
		Example: `  lockstep logs payments/shop -f

  # of one Deployment, the last five minutes
  lockstep logs payments/shop/Deployment/web --since 5m`,
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			unit, object := split(args[0])
			if o.Unit, err = e.Unit(unit); err != nil {
				return err
			}
			o.Object = object
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, forms)
	f := cmd.Flags()
	f.BoolVarP(&o.Follow, "follow", "f", false, "go on with what comes")
	f.BoolVarP(&o.Previous, "previous", "p", false, "of containers before their last restart")
	f.StringVarP(&o.Container, "container", "c", "", "only of this container")
	f.Int64Var(&o.Tail, "tail", 200, "lines from the end of each log")
	f.DurationVar(&o.Since, "since", 0, "nothing that is older than this; 0 for no limit")
	return cmd
}

// split takes what follows NAMESPACE/STACK for an object.
func split(arg string) (unit, object string) {
	parts := strings.SplitN(arg, "/", 3)
	if len(parts) < 3 {
		return arg, ""
	}
	return parts[0] + "/" + parts[1], parts[2]
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, forms)
	if err != nil {
		return err
	}
	in := client.StreamLogsParams{Follow: &o.Follow, Previous: &o.Previous, Tail: &o.Tail}
	switch {
	case o.Tail < 0 || o.Tail > 10000:
		return fault.Usage("--tail is %d", o.Tail).WithHint("0 to 10000")
	case o.Since < 0:
		return fault.Usage("--since %s is in the future", o.Since)
	case o.Since > 0:
		in.Since = new(o.Now().Add(-o.Since).UTC().Truncate(time.Second))
	}
	if o.Container != "" {
		in.Container = &o.Container
	}
	g, err := o.Gateway()
	if err != nil {
		return err
	}
	if o.Object != "" {
		id, err := o.find(ctx, g)
		if err != nil {
			return err
		}
		in.Object = &id
	}
	w := &writer{options: o, form: f}
	err = g.Follow(ctx, "lines", w.lines)(g.API().StreamLogs(ctx, o.Unit.Namespace, o.Unit.Name, &in))
	if err == nil && f.Is(form.JSON) && !o.Follow {
		return f.Write(o.IO.Out, Answer{form.Of("LogLineList"), o.Unit.Namespace, o.Unit.Name, append([]client.LogLine{}, w.kept...)})
	}
	return err
}

// Answer is what -o json prints; with --follow it is one line of JSON for each.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Items     []client.LogLine `json:"items"`
}

// writer prints lines as they come.
type writer struct {
	*options
	form form.Form
	kept []client.LogLine
}

func (w *writer) lines(data []byte) error {
	var batch []client.LogLine
	if err := json.Unmarshal(data, &batch); err != nil {
		return fault.Internal(err)
	}
	for _, l := range batch {
		switch {
		case l.Note:
			w.IO.Notef("%s", strings.TrimSpace(where(l)+" "+l.Text))
		case w.form.Is(form.JSON) && !w.Follow:
			w.kept = append(w.kept, l)
		case !w.form.ForPeople():
			if err := form.Line(w.IO.Out, l); err != nil {
				return err
			}
		default:
			w.IO.Printf("%s %s\n", w.IO.Paint(term.Dim, where(l)), l.Text)
		}
	}
	return nil
}

func where(l client.LogLine) string {
	if l.Pod == "" || l.Container == "" {
		return l.Pod
	}
	return l.Pod + "/" + l.Container
}

// runs are the kinds that a bare name may mean: a Service of the name has no logs.
var runs = []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod", "Rollout"}

// find returns the id of the object that was typed: a whole id, KIND/NAME or a name.
func (o *options) find(ctx context.Context, g *gateway.Client) (string, error) {
	var found, all []string
	in := &client.ListResourcesParams{}
	for {
		page, err := gateway.Read[client.Resources](g)(g.API().ListResources(ctx, o.Unit.Namespace, o.Unit.Name, in))
		if err != nil {
			return "", err
		}
		for _, r := range page.Items {
			all = append(all, r.Kind+"/"+r.Name)
			if r.Id == o.Object {
				return r.Id, nil
			}
			if r.Name == o.Object && slices.Contains(runs, r.Kind) || strings.EqualFold(r.Kind+"/"+r.Name, o.Object) {
				found = append(found, r.Id)
			}
		}
		if page.Next == "" {
			break
		}
		in.Cursor = &page.Next
	}
	slices.Sort(found)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		f := fault.NotFound("has no object %q", o.Object).At("stack %s", o.Unit)
		if near := fault.Nearest(o.Object, all, 3); len(near) > 0 {
			return "", f.WithHint("did you mean %s?", strings.Join(near, ", "))
		}
		return "", f.WithHint("lockstep status %s --objects lists them", o.Unit)
	}
	return "", fault.Usage("%q may be any of %s", o.Object, strings.Join(found, ", ")).WithHint("write one of them whole")
}
