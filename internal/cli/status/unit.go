package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Report is the answer about one Stack.
type Report struct {
	form.Head `json:",inline"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Status    string `json:"status"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
	Target    string `json:"target"`
	// Revision is the newest commit that changed the Stack.
	Revision string `json:"revision,omitempty"`
	// SourceRevision is the newest commit of its Source.
	SourceRevision string `json:"sourceRevision,omitempty"`
	// UpToDate is true when the Stack is live and healthy and its Source holds
	// nothing newer that concerns it.
	UpToDate bool                  `json:"upToDate"`
	Health   *v1alpha1.StackHealth `json:"health,omitempty"`
	Plan     *v1alpha1.PlanSummary `json:"plan,omitempty"`
	Drift    *v1alpha1.StackDrift  `json:"drift,omitempty"`
	Release  int64                 `json:"release,omitempty"`
	Run      *v1alpha1.StackRun    `json:"run,omitempty"`
	Count    int32                 `json:"objectCount"`
	Objects  []Object              `json:"objects,omitempty"`
}

// Object is one object on the Target.
type Object struct {
	Key     string                 `json:"key"`
	Health  string                 `json:"health"`
	Message string                 `json:"message,omitempty"`
	Drift   []lockstep.FieldChange `json:"drift,omitempty"`
	// LeftAlone is the annotation that takes the object out of Lockstep's hands.
	LeftAlone string `json:"leftAlone,omitempty"`
}

func report(s *v1alpha1.Stack, src *v1alpha1.Source) Report {
	v := standing.OfStack(s)
	r := Report{
		Head: form.Of("StackStatus"), Namespace: s.Namespace, Name: s.Name,
		Status: v.Standing.String(), Reason: v.Reason, Message: v.Message,
		Target: stack.TargetOf(s).String(), Revision: s.Status.Revision,
		Health: s.Status.Health, Plan: s.Status.Plan, Drift: s.Status.Drift, Release: s.Status.Release, Run: s.Status.Run, Count: s.Status.Objects,
	}
	if src != nil {
		r.SourceRevision = src.Status.Revision
		// A commit that concerns a Stack takes Ready from it; one that does not
		// leaves it as it is, so nothing has to be compared here.
		r.UpToDate = v.Standing == standing.Ready && src.Status.Revision != ""
	}
	return r
}

func objects(live lockstep.Live) []Object {
	// Worst first, as everywhere.
	items := slices.Clone(live.Objects)
	slices.SortFunc(items, func(a, b lockstep.LiveObject) int {
		return cmp.Or(cmp.Compare(b.Health.Status, a.Health.Status), a.Key.Compare(b.Key))
	})
	out := make([]Object, 0, len(items))
	for _, l := range items {
		out = append(out, Object{Key: l.Key.String(), Health: l.Health.Status.String(), Message: l.Health.Message, Drift: l.Drift, LeftAlone: plan.Alone(l)})
	}
	return out
}

func (o *options) print(r Report, s *v1alpha1.Stack, src *v1alpha1.Source, srcErr error) {
	v := standing.OfStack(s)
	head := fmt.Sprintf("%s %s", v.Standing.Sign(), v.Standing)
	since := ""
	if !v.Since.IsZero() {
		since = "  for " + term.Age(o.Now().Sub(v.Since.Time))
	}
	o.IO.Printf("%s  %s%s\n", o.IO.Paint(term.Bold, r.Namespace+"/"+r.Name), o.IO.Paint(v.Standing.Style(), head), o.IO.Paint(term.Dim, since))
	for _, row := range [][2]string{
		{"message", v.Message},
		{"source", sourceLine(s, src, srcErr)},
		{"revision", revisionLine(r, src)},
		{"target", fmt.Sprintf("%s, namespace %s", r.Target, stack.NamespaceOf(s))},
		{"health", healthLine(s)},
		{"objects", strings.TrimSpace(fmt.Sprintf("%d %s", r.Count, s.Status.Renderer))},
		{"plan", planLine(s)},
		{"drift", driftLine(s.Status.Drift)},
		{"release", releaseLine(s, o)},
		{"run", runLine(s)},
	} {
		if row[1] != "" {
			o.IO.Printf("  %s %s\n", o.IO.Paint(term.Dim, fmt.Sprintf("%-9s", row[0])), row[1])
		}
	}
	if hint := next(s, v); hint != "" {
		o.IO.Printf("  %s %s\n", o.IO.Paint(term.Dim, "next     "), hint)
	}
	if r.Objects != nil {
		o.IO.Printf("\n")
		t := term.Table{Header: []string{"OBJECT", "HEALTH", "MESSAGE"}}
		for _, x := range r.Objects {
			message := x.Message
			if x.LeftAlone != "" {
				message = strings.TrimSpace("left alone: " + x.LeftAlone + "; " + message)
			}
			if len(x.Drift) > 0 {
				message = strings.TrimSpace(fmt.Sprintf("≠ %s drifted; %s", term.Count(len(x.Drift), "field"), message))
			}
			t.Add(x.Key, term.Cell{Text: x.Health, Style: healthStyle(x.Health)}, message)
		}
		o.IO.Print(t)
	}
}

// runLine says how far a release of several passes is, hook by hook.
func runLine(s *v1alpha1.Stack) string {
	r := s.Status.Run
	if r == nil {
		return ""
	}
	line := r.Action + ": " + r.State
	if r.Wave != nil {
		line += fmt.Sprintf(", wave %d", *r.Wave)
	}
	if r.Attempt > 1 {
		line += fmt.Sprintf(", attempt %d", r.Attempt)
	}
	if r.Message != "" {
		return line + " in " + r.FailedIn + ": " + r.Message
	}
	for _, h := range r.Hooks {
		line += fmt.Sprintf("; %s/%s %s", h.Kind, h.Name, strings.ToLower(h.State))
	}
	return line
}

func sourceLine(s *v1alpha1.Stack, src *v1alpha1.Source, err error) string {
	name := stack.SourceOf(s).String()
	switch {
	case err != nil:
		return name + ": " + fault.As(err).What
	case src.Status.ShortRevision == "":
		return name + ": " + standing.OfSource(src).Message
	}
	return fmt.Sprintf("%s:%s  %s %q (%s)", name, s.Spec.Source.Path, src.Status.ShortRevision, src.Status.Subject, author(src.Status.Author))
}

func revisionLine(r Report, src *v1alpha1.Source) string {
	if r.Revision == "" {
		return ""
	}
	if !r.UpToDate {
		return term.Commit(r.Revision)
	}
	if src.Status.Revision == r.Revision {
		return term.Commit(r.Revision) + ", the newest commit"
	}
	return fmt.Sprintf("%s, up to date at %s: newer commits do not touch it", term.Commit(r.Revision), src.Status.ShortRevision)
}

func healthLine(s *v1alpha1.Stack) string {
	h := s.Status.Health
	if h == nil {
		return ""
	}
	if h.Message == "" {
		return h.Status
	}
	return h.Status + ": " + h.Message
}

// driftLine counts; what it is in full is another command's answer.
func driftLine(d *v1alpha1.StackDrift) string {
	if d == nil {
		return ""
	}
	var parts []string
	if d.Fields > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s", term.Count(int(d.Fields), "field"), term.Count(int(d.Objects), "object")))
	}
	if d.LeftAlone > 0 {
		parts = append(parts, term.Count(int(d.LeftAlone), "object")+" left alone by annotation")
	}
	if len(d.Records) > 0 {
		parts = append(parts, d.Records[0].Next)
	}
	return strings.Join(parts, "; ")
}

func planLine(s *v1alpha1.Stack) string {
	p := s.Status.Plan
	if p == nil {
		return "nothing to do"
	}
	if p.Held != "" {
		return p.Summary + ", held: " + p.Held
	}
	return p.Summary
}

func releaseLine(s *v1alpha1.Stack, o *options) string {
	if len(s.Status.History) == 0 {
		return ""
	}
	r := s.Status.History[0]
	return fmt.Sprintf("%d  %s ago  %s  %s, by %s", r.ID, term.Age(o.Now().Sub(r.StartedAt.Time)), r.Outcome, r.Summary, r.Cause)
}

// author drops the mail address.
func author(a string) string {
	name, _, _ := strings.Cut(a, " <")
	return name
}

func healthStyle(word string) term.Style {
	switch word {
	case lockstep.Healthy.String():
		return term.Good
	case lockstep.Degraded.String(), lockstep.Missing.String():
		return term.Bad
	}
	return term.Warn
}
