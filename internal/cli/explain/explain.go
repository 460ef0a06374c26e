// Package explain is the command that answers "why is it so?" with a chain of
// facts, the first that is not as it should be being the answer.
package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	corerun "github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// reader is what the command asks of the API.
type reader interface {
	Stack(ctx context.Context, u lockstep.Unit) (*v1alpha1.Stack, error)
	Source(ctx context.Context, u lockstep.Unit) (*v1alpha1.Source, error)
	Target(ctx context.Context, u lockstep.Unit) (*v1alpha1.Target, error)
}

type options struct {
	IO     *term.IO
	API    func() (reader, error)
	Live   func(ctx context.Context, s *v1alpha1.Stack) (lockstep.Live, error)
	Now    func() time.Time
	Unit   lockstep.Unit
	Output string
}

// New returns the command.
func New(e *env.Env) *cobra.Command {
	o := &options{IO: e.IO, Now: e.Now, Live: live(e), API: func() (reader, error) { return e.Kinds() }}
	cmd := &cobra.Command{
		Use:   "explain STACK",
		Short: "Say why a stack is as it is",
		Long: `Say why a stack is as it is: is it paused, does its source answer, is its target
there, does it wait for another stack, is its plan held, which object is not
healthy and why. The first fact that is not as it should be is the reason; what to
do about it comes last.`,
		Example:           `  lockstep explain payments/shop`,
		Args:              env.Exactly("STACK"),
		ValidArgsFunction: e.CompleteStacks,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Unit, err = e.Unit(args[0]); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

func live(e *env.Env) func(context.Context, *v1alpha1.Stack) (lockstep.Live, error) {
	return func(ctx context.Context, s *v1alpha1.Stack) (lockstep.Live, error) {
		g, err := e.Gateway()
		if err != nil {
			return lockstep.Live{}, err
		}
		if g != nil {
			return g.Live(ctx, stack.UnitOf(s))
		}
		c, err := e.Client()
		if err != nil {
			return lockstep.Live{}, err
		}
		l, err := lookup.New(e, c)
		if err != nil {
			return lockstep.Live{}, err
		}
		defer l.Close()
		return l.Observe(ctx, s)
	}
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Status    string `json:"status"`
	Facts     []Fact `json:"facts"`
	Next      string `json:"next,omitempty"`
}

// Fact is one link of the chain.
type Fact struct {
	OK      bool   `json:"ok"`
	About   string `json:"about"`
	Message string `json:"message"`
	// next is what to do if it is not OK.
	next string
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	r, err := o.API()
	if err != nil {
		return err
	}
	s, err := r.Stack(ctx, o.Unit)
	if err != nil {
		return err
	}
	a := Answer{Head: form.Of("Explanation"), Namespace: s.Namespace, Name: s.Name, Status: standing.OfStack(s).Standing.String()}
	a.Facts = o.facts(ctx, r, s)
	for _, fact := range a.Facts {
		if !fact.OK {
			a.Next = fact.next
			break
		}
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, a)
	}
	v := standing.OfStack(s)
	o.IO.Printf("%s  %s\n", o.IO.Paint(term.Bold, o.Unit.String()), o.IO.Paint(v.Standing.Style(), v.Standing.Sign()+" "+v.Standing.String()))
	t := term.Table{}
	for _, fact := range a.Facts {
		sign := term.Cell{Text: "  ✓", Style: term.Good}
		if !fact.OK {
			sign = term.Cell{Text: "  ✗", Style: term.Bad}
		}
		t.Add(sign, fact.About, fact.Message)
	}
	o.IO.Print(t)
	if a.Next != "" {
		o.IO.Printf("%s %s\n", o.IO.Paint(term.Dim, "next:"), a.Next)
	}
	return nil
}

func (o *options) facts(ctx context.Context, r reader, s *v1alpha1.Stack) []Fact {
	out := []Fact{o.seen(s), paused(s, o.Now()), source(ctx, r, s)}
	if t := stack.TargetOf(s); !t.IsLocal() {
		out = append(out, target(ctx, r, t))
	}
	for _, d := range stack.DependenciesOf(s) {
		out = append(out, dependency(ctx, r, d))
	}
	out = append(out, held(s))
	if r := s.Status.Run; r != nil && !corerun.State(r.State).Ended() {
		out = append(out, Fact{About: "release", Message: fmt.Sprintf("the %s is in %s", r.Action, r.State), next: "it goes on by itself; what it waits for: lockstep status " + stack.UnitOf(s).String()})
	}
	if s.Status.Drift != nil {
		out = append(out, drift(s))
	}
	if v := standing.OfStack(s); v.Standing == standing.Failing && v.Reason != v1alpha1.ReasonDegraded && v.Reason != v1alpha1.ReasonTimeout {
		out = append(out, Fact{About: "last pass", Message: v.Message, next: nextOf(s, v)})
	}
	return append(out, o.objects(ctx, s)...)
}

func (o *options) seen(s *v1alpha1.Stack) Fact {
	if s.Status.ObservedGeneration == 0 {
		return Fact{About: "server", Message: "no server has looked at it yet", next: "is lockstep serve running? lockstep doctor"}
	}
	if s.Status.ObservedGeneration < s.Generation {
		return Fact{About: "server", Message: "its spec was changed and is not looked at yet", next: "a moment's patience; if it stays so: lockstep doctor"}
	}
	v := standing.OfStack(s)
	return Fact{OK: true, About: "server", Message: fmt.Sprintf("has looked at its spec; %s for %s", v.Standing, term.Age(o.Now().Sub(v.Since.Time)))}
}

func paused(s *v1alpha1.Stack, now time.Time) Fact {
	p := s.Spec.Pause.At(now)
	if p == nil {
		return Fact{OK: true, About: "paused", Message: "no"}
	}
	why := p.String()
	if p.Reason == "" {
		why += "; nobody said why"
	}
	return Fact{About: "paused", Message: why, next: "lockstep resume " + stack.UnitOf(s).String()}
}

func source(ctx context.Context, r reader, s *v1alpha1.Stack) Fact {
	u := stack.SourceOf(s)
	about := "source " + u.String()
	src, err := r.Source(ctx, u)
	if err != nil {
		return missing(about, err, "create it, or correct spec.source.name")
	}
	v := standing.OfSource(src)
	if v.Standing != standing.Ready {
		return Fact{About: about, Message: v.Message, next: fmt.Sprintf("look at spec.git of source %s and the Secret it names; every minute it is tried again", u)}
	}
	return Fact{OK: true, About: about, Message: fmt.Sprintf("%s %q", src.Status.ShortRevision, src.Status.Subject)}
}

func target(ctx context.Context, r reader, ref lockstep.TargetRef) Fact {
	about := "target " + ref.String()
	t, err := r.Target(ctx, lockstep.Unit(ref))
	if err != nil {
		return missing(about, err, "create it, or correct spec.target.name")
	}
	v := standing.OfTarget(t)
	return Fact{OK: v.Standing == standing.Ready, About: about, Message: v.Message, next: "look at spec.kubernetes of the target and the Secret it names"}
}

func dependency(ctx context.Context, r reader, u lockstep.Unit) Fact {
	about := "depends on " + u.String()
	d, err := r.Stack(ctx, u)
	if err != nil {
		return missing(about, err, "create it, or take it out of spec.dependsOn")
	}
	v := standing.OfStack(d)
	return Fact{OK: v.Standing == standing.Ready, About: about, Message: fmt.Sprintf("%s: %s", v.Standing, v.Message), next: "lockstep explain " + u.String()}
}

func missing(about string, err error, next string) Fact {
	f := fault.As(err)
	if !errors.Is(err, fault.KindNotFound) {
		next = f.Hint
	}
	return Fact{About: about, Message: f.What, next: next}
}

func held(s *v1alpha1.Stack) Fact {
	p := s.Status.Plan
	switch {
	case p == nil:
		return Fact{OK: true, About: "plan", Message: "nothing to do"}
	case p.Held == "":
		return Fact{OK: true, About: "plan", Message: p.Summary}
	}
	next := "lockstep plan " + stack.UnitOf(s).String()
	if s.Spec.Sync.Mode == v1alpha1.SyncManual {
		next += "; if it is right: lockstep reconcile " + stack.UnitOf(s).String() + " --wait"
	}
	return Fact{About: "plan", Message: p.Summary + ", held: " + p.Held, next: next}
}

// drift is as its owner wants it where it is only reported.
func drift(s *v1alpha1.Stack) Fact {
	d := s.Status.Drift
	f := Fact{OK: true, About: "drift", next: "lockstep drift " + stack.UnitOf(s).String()}
	if d.LeftAlone > 0 {
		f.Message = term.Count(int(d.LeftAlone), "object") + " left alone by annotation"
	}
	if len(d.Records) == 0 {
		return f
	}
	r := d.Records[0]
	f.OK = r.State == string(lockstep.DriftReported) && r.Field != ""
	f.Message = strings.TrimSpace(fmt.Sprintf("%s %s: %s", r.Object, r.Field, r.Next))
	return f
}

func nextOf(s *v1alpha1.Stack, v standing.Verdict) string {
	if slices.ContainsFunc(s.Status.Conditions, func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionStalled }) {
		return "it needs a new commit or an edit of the Stack; nothing is tried again before"
	}
	return "it is tried again by itself; now: lockstep reconcile " + stack.UnitOf(s).String() + " --wait"
}

// maxBad is how many failing objects are shown; one usually brings down others.
const maxBad = 5

func (o *options) objects(ctx context.Context, s *v1alpha1.Stack) []Fact {
	l, err := o.Live(ctx, s)
	if err != nil {
		return []Fact{{About: "objects", Message: fault.As(err).What, next: fault.As(err).Hint}}
	}
	var out []Fact
	bad := 0
	for _, x := range l.Objects {
		if x.Unit != stack.UnitOf(s) || x.Health.Status <= lockstep.Suspended {
			continue
		}
		if bad++; bad > maxBad {
			continue
		}
		out = append(out, Fact{
			About: x.Key.String(), Message: strings.TrimSpace(x.Health.Status.String() + ": " + x.Health.Message),
			next: objectNext(x, s),
		})
	}
	if bad > maxBad {
		out = append(out, Fact{About: "objects", Message: fmt.Sprintf("and %d more are not healthy", bad-maxBad)})
	}
	if bad == 0 {
		out = append(out, Fact{OK: true, About: "objects", Message: fmt.Sprintf("%s, all healthy", term.Count(len(l.Objects), "object"))})
	}
	return out
}

func objectNext(x lockstep.LiveObject, s *v1alpha1.Stack) string {
	if x.Health.Status == lockstep.Progressing {
		return "lockstep wait " + stack.UnitOf(s).String()
	}
	return fmt.Sprintf("look at %s on the target; then fix it in Git, or revert the commit", x.Key.String())
}
