// Package trial is the command that runs a Stack's test hooks.
package trial

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/follow"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

type options struct {
	IO      *term.IO
	API     func() (*api.Client, error)
	Config  func() (*rest.Config, error)
	Now     func() time.Time
	Unit    lockstep.Unit
	Timeout time.Duration
	Lines   int64
	Output  string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, API: e.Client, Config: e.Config, Now: e.Now}
	cmd := &cobra.Command{
		Use:   "test STACK",
		Short: "Run a stack's test hooks",
		Long: `Run the test hooks of a stack (helm.sh/hook: test, lockstep.dev/hook: test) and wait
for them. Nothing else of the stack is touched. It fails if a test does, and then
prints the last lines of its log where that may be read.`,
		Example:           `  lockstep test payments/shop`,
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			return test(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Single)
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 5*time.Minute, "how long to wait; 0 for ever")
	cmd.Flags().Int64Var(&o.Lines, "lines", 10, "lines of a failed test's log to print; 0 for none")
	return cmd
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Succeeded bool   `json:"succeeded"`
	Message   string `json:"message,omitempty"`
	Tests     []Test `json:"tests"`
}

// Test is how one test ended.
type Test struct {
	Object  string `json:"object"`
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	Log     string `json:"log,omitempty"`
}

func test(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	c, err := o.API()
	if err != nil {
		return err
	}
	s, err := c.Stack(ctx, o.Unit)
	if err != nil {
		return err
	}
	if s.Spec.Pause.At(o.Now()) != nil {
		return fault.Blocked("is paused").At("stack %s", o.Unit).WithHint("lockstep resume %s", o.Unit)
	}
	at := o.Now().UTC().Format(time.RFC3339Nano)
	if err := c.Annotate(ctx, s, map[string]string{v1alpha1.AnnotationTestAt: at}); err != nil {
		return err
	}
	if s, err = o.follow(ctx, c, at); err != nil {
		return err
	}
	a := o.answer(ctx, s)
	if f.ForPeople() {
		o.print(a)
	} else if err := f.Write(o.IO.Out, a); err != nil {
		return err
	}
	if !a.Succeeded {
		return fault.Invalid("its tests failed: %s", a.Message).At("stack %s", o.Unit)
	}
	return nil
}

// follow waits until the run that answers the request has ended.
func (o *options) follow(ctx context.Context, c *api.Client, at string) (*v1alpha1.Stack, error) {
	bounded, stop := env.Bounded(ctx, o.Timeout)
	defer stop()
	var last *v1alpha1.Stack
	err := follow.Stack(bounded, c, o.Unit, func(s *v1alpha1.Stack) (bool, error) {
		if s == nil {
			return true, fault.NotFound("was deleted meanwhile").At("stack %s", o.Unit)
		}
		last = s
		r := s.Status.Run
		return r != nil && r.Request == at && r.Action == "test" && run.State(r.State).Ended(), nil
	})
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return last, fault.Timeout("the tests have not ended after %s", term.Took(o.Timeout)).At("stack %s", o.Unit).
			WithHint("tests wait for a release that is under way; look at it with: lockstep status %s", o.Unit)
	}
	return last, err
}

func (o *options) answer(ctx context.Context, s *v1alpha1.Stack) Answer {
	r := s.Status.Run
	a := Answer{Head: form.Of("Tests"), Namespace: s.Namespace, Name: s.Name, Succeeded: r.State == string(run.Succeeded), Message: r.Message, Tests: []Test{}}
	for _, h := range r.Hooks {
		t := Test{Object: lockstep.Key{Group: h.Group, Kind: h.Kind, Namespace: h.Namespace, Name: h.Name}.Short(), State: h.State, Message: h.Message}
		if h.State == string(run.HookBroke) {
			t.Log = o.log(ctx, s, h)
		}
		a.Tests = append(a.Tests, t)
	}
	return a
}

func (o *options) print(a Answer) {
	if len(a.Tests) == 0 {
		o.IO.Printf("%s has no test hooks\n", o.Unit)
		return
	}
	t := term.Table{Header: []string{"TEST", "RESULT", "MESSAGE"}}
	for _, x := range a.Tests {
		style := term.Good
		if x.State != string(run.Done) {
			style = term.Bad
		}
		t.Add(x.Object, term.Cell{Text: x.State, Style: style}, x.Message)
	}
	o.IO.Print(t)
	for _, x := range a.Tests {
		if x.Log != "" {
			o.IO.Printf("\n%s:\n%s\n", x.Object, x.Log)
		}
	}
}

// log returns the last lines of a test's pods. That they cannot be read is no
// fault of the test, so it returns none then: the command's own credential may
// reach only the cluster that holds the stack.
func (o *options) log(ctx context.Context, s *v1alpha1.Stack, h v1alpha1.RunHook) string {
	if o.Lines <= 0 || !stack.TargetOf(s).IsLocal() {
		return ""
	}
	cfg, err := o.Config()
	if err != nil {
		return ""
	}
	api, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return ""
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	pods := api.CoreV1().Pods(h.Namespace)
	names := []string{h.Name}
	if h.Kind == "Job" {
		list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + h.Name})
		if err != nil {
			return ""
		}
		names = nil
		for _, p := range list.Items {
			names = append(names, p.Name)
		}
	}
	var out []string
	for _, name := range names {
		text, err := pods.GetLogs(name, &corev1.PodLogOptions{TailLines: &o.Lines}).DoRaw(ctx)
		if err == nil && len(text) > 0 {
			out = append(out, fmt.Sprintf("%s: %s", name, strings.TrimRight(string(text), "\n")))
		}
	}
	return strings.Join(out, "\n")
}
