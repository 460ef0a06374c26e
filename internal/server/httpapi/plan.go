package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// PlanPreview is what a commit would change, and how to say so.
type PlanPreview struct {
	// Plan is what lockstep plan -o json prints, wherever it was made.
	Plan     json.RawMessage `json:"plan" doc:"the plan whole: its digest, stages of steps with the fields that change, hooks, gates; secrets masked"`
	Revision string          `json:"revision" doc:"the commit, with its branch or tag, as people read it"`
	Summary  plan.Summary    `json:"summary"`
	Lines    []PlanLine      `json:"lines" doc:"the same for people: what may be lost first"`
	Fate     string          `json:"fate" enum:"none,held,paused,manual,applied,trial" doc:"what becomes of it by itself. none: there is nothing to do. paused: nothing until the Stack goes on. manual: nothing until somebody reconciles. applied: it is carried out soon. trial: it is of a commit that was asked about"`
	Warnings []string        `json:"warnings"`
	Problem  string          `json:"problem,omitempty" doc:"objects that cannot be planned, and why"`
}

// PlanLine is one line of a plan as people read it, before colour.
type PlanLine struct {
	Kind   string `json:"kind" doc:"create, update, replace, delete, orphan, field, note, drift, gate, summary, hook or output"`
	Indent int    `json:"indent" doc:"in columns"`
	Sign   string `json:"sign,omitempty"`
	Text   string `json:"text"`
}

type previewPlan struct {
	UnitPath
	Revision string `query:"revision" maxLength:"64" pattern:"^[0-9a-f]*$" doc:"a commit in full or of its history by its first digits, or the number of a release; absent for what the Source says now"`
	Fields   int    `query:"fields" default:"20" minimum:"-1" maximum:"10000" doc:"fields of one object in lines; 0 for all, -1 for none"`
}

type testStack struct {
	UnitPath
	Body *Why
}

func registerPlan(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/stacks/{namespace}/{name}/plan", "previewPlan", "What a commit would change, planned now against what is live",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	huma.Register(api, o, func(ctx context.Context, in *previewPlan) (*struct{ Body PlanPreview }, error) {
		return answer(ctx, d, access.Get, in.UnitPath, func(l *live.Looker, u lockstep.Unit) (PlanPreview, error) { return d.planned(ctx, l, u, in) })
	})
	o = operation(http.MethodPost, "/stacks/{namespace}/{name}/test", "testStack", "Run the test hooks of a Stack", http.StatusNotFound, http.StatusConflict)
	o.Description = "Answered at once. How it went is in run of the Stack: its action is test, and its request what is answered here."
	o.DefaultStatus = http.StatusAccepted
	huma.Register(api, o, d.testStack)
}

func (d *Deps) planned(ctx context.Context, l *live.Looker, u lockstep.Unit, in *previewPlan) (PlanPreview, error) {
	commit := ""
	if in.Revision != "" {
		s := &v1alpha1.Stack{}
		err := d.object(ctx, u, s, "stack")
		if err == nil {
			commit, err = ReleaseOf(s, u, in.Revision)
		}
		if err != nil {
			return PlanPreview{}, err
		}
	}
	p, err := l.Plan(ctx, u, commit)
	if err != nil {
		return PlanPreview{}, err
	}
	raw, err := json.Marshal(p.Plan)
	if err != nil {
		return PlanPreview{}, fault.Internal(err)
	}
	out := PlanPreview{
		Plan: raw, Revision: p.Plan.Revision.Short(), Summary: p.Plan.Summary(), Lines: []PlanLine{}, Fate: string(p.Fate), Warnings: append([]string{}, p.Warnings...),
	}
	if p.Problem != nil {
		out.Problem = p.Problem.Error()
	}
	for _, x := range plan.Lines(p.Plan, plan.Detail{MaxFields: in.Fields}) {
		out.Lines = append(out.Lines, PlanLine{string(x.Kind), x.Indent, x.Sign, x.Text})
	}
	return out, nil
}

func (d *Deps) testStack(ctx context.Context, in *testStack) (*asked, error) {
	u, s, value := in.unit(), &v1alpha1.Stack{}, stamp()
	why := Why{}
	if in.Body != nil {
		why = *in.Body
	}
	// Tests run what Git brings, on request: what the other actions do to objects.
	err := d.act(ctx, Act{Name: "test", Verb: access.Actions, Resource: access.Stacks, Unit: u, Reason: why.Reason}, func(ctx context.Context) error {
		if err := d.object(ctx, u, s, "stack"); err != nil {
			return err
		}
		switch {
		case s.DeletionTimestamp != nil:
			return fault.Conflict("is being deleted").At("stack %s", u)
		case live.Paused(s):
			return fault.Blocked("is paused").At("stack %s", u).WithHint("lockstep resume %s", u)
		}
		return d.annotate(ctx, s, v1alpha1.AnnotationTestAt, value)
	})
	if err != nil {
		return nil, problem(err)
	}
	return &asked{Asked{Request: value, Release: s.Status.Release}}, nil
}
