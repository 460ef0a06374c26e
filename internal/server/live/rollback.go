package live

import (
	"context"
	"slices"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Risk is one thing that may be lost.
type Risk struct {
	ID    string `json:"id,omitempty" doc:"id of the object; absent where all of them are meant"`
	Verb  string `json:"verb,omitempty" enum:"delete,replace,update"`
	Level string `json:"level" enum:"review,loss" doc:"loss: data that only the cluster has may be gone"`
	Rule  string `json:"rule" doc:"the rule that says so" example:"pvc-delete"`
	Why   string `json:"why"`
	Keep  string `json:"keep,omitempty" doc:"what to do so that it is not lost"`
}

// Rollback is what going back to an earlier commit would do.
type Rollback struct {
	As       Way          `json:"as" enum:"hold,commit,branch" doc:"the way that this is about"`
	Revision string       `json:"revision" doc:"the commit that would be live"`
	Subject  string       `json:"subject,omitempty" doc:"first line of its message"`
	Author   string       `json:"author,omitempty"`
	Live     string       `json:"live" doc:"the commit that is live now"`
	Newest   string       `json:"newest" doc:"the commit that Git is at; it would be ahead"`
	Digest   string       `json:"digest" doc:"of what would be done; sent back with the rollback, it holds for exactly that"`
	Summary  plan.Summary `json:"summary"`
	Objects  []Difference `json:"objects" doc:"deletions first, then in order of id"`
	Left     int          `json:"left" doc:"objects that are left out, beyond the bound"`
	Hooks    []string     `json:"hooks" doc:"hooks that would run, in order"`
	Risks    []Risk       `json:"risks" doc:"what may be lost, worst first"`
	Guard    int          `json:"guard" enum:"0,1,2,3" doc:"how much it takes to say yes: 0 nothing changes, 1 a confirmation, 2 a confirmation that lists what goes, 3 a reason and the names of what may be lost"`
	Accept   []string     `json:"accept" doc:"ids that have to be named in the rollback, because their data may be lost"`
	Stays    []string     `json:"stays" doc:"what a rollback does not bring back"`
	Problem  string       `json:"problem,omitempty" doc:"objects that cannot be planned, and why"`

	Ways []RollbackWay `json:"ways,omitempty" doc:"the ways to go back, and which of them can be gone"`
	Git  *GitRollback  `json:"git,omitempty" doc:"what it would do in Git; absent where that is nothing"`
}

// massDelete stands in Accept for the finding that is about no single object.
const massDelete = "mass-delete"

// Rollback says what going back to revision by as would do, computed against what is
// live.
func (l *Looker) Rollback(ctx context.Context, u lockstep.Unit, revision string, as Way) (Rollback, error) {
	out, d, err := l.rollback(ctx, u, revision)
	if err != nil {
		return Rollback{}, err
	}
	out.Newest = l.newest(ctx, u)
	out.As, out.Ways = as, l.ways(ctx, u)
	if as == Hold {
		return out, nil
	}
	if err := l.previewGit(ctx, u, as, d, &out); err != nil {
		return Rollback{}, err
	}
	return out, nil
}

// rollback is what u would come to where it is kept at revision.
func (l *Looker) rollback(ctx context.Context, u lockstep.Unit, revision string) (Rollback, *Desired, error) {
	s, err := l.stack(ctx, u)
	if err != nil {
		return Rollback{}, nil, err
	}
	if !s.DeletionTimestamp.IsZero() {
		return Rollback{}, nil, fault.Conflict("is being deleted").At("stack %s", u)
	}
	t, err := l.target(ctx, s)
	if err != nil {
		return Rollback{}, nil, err
	}
	d, err := l.desired(ctx, u, revision)
	if err != nil {
		return Rollback{}, nil, err
	}
	rules, err := stack.HealthOf(s)
	if err != nil {
		return Rollback{}, nil, err
	}
	found, err := t.Observe(ctx, driver.Query{Unit: u, Kinds: stack.KindsOf(s), Desired: d.rendered.Objects, Health: rules})
	if err != nil {
		return Rollback{}, nil, settle(err)
	}
	// As the pass will see it: the Stack of now, pinned to then.
	then := *d
	then.stack = s.DeepCopy()
	then.stack.Spec.Source.Revision = d.revision.Commit
	p, problem := l.plan(&then, found)
	f := t.RiskFacts(ctx, risk.ChangesOf(p, found))
	return Assess(then.stack, d.revision, p, found, problem, f), d, nil
}

// Assess says what a plan for an earlier commit of s would do, where somebody else
// looked at the Target. Which commit Git is at is for them to say, too.
func Assess(s *v1alpha1.Stack, r lockstep.Revision, p plan.Plan, found lockstep.Live, problem error, f risk.Facts) Rollback {
	out := Rollback{
		As: Hold, Revision: r.Commit, Subject: r.Subject, Author: r.Author, Live: s.Status.Revision,
		Digest: p.Digest, Summary: p.Summary(), Hooks: []string{}, Risks: []Risk{}, Accept: []string{}, Stays: notUndone(s),
	}
	for _, h := range p.Hooks {
		out.Hooks = append(out.Hooks, h.Key.String())
	}
	if problem != nil {
		out.Problem = problem.Error()
	}
	c := comparison{plan: p}
	out.Objects, _ = c.objects(s)
	if n := len(out.Objects); n > mostDifferent {
		out.Left, out.Objects = n-mostDifferent, out.Objects[:mostDifferent]
	}
	out.judge(risk.Judge(risk.ChangesOf(p, found), len(found.Objects), f, risk.DefaultLimits), p)
	return out
}

// judge adds the findings and how much it takes to go on in spite of them.
func (r *Rollback) judge(findings []risk.Finding, p plan.Plan) {
	for _, f := range findings {
		x := Risk{Verb: f.Verb.String(), Level: f.Level.String(), Rule: f.Rule, Why: f.Why, Keep: f.Keep}
		if f.Rule == massDelete {
			x.Verb = "delete"
		}
		if f.Key != (lockstep.Key{}) {
			x.ID = f.Key.String()
		}
		r.Risks = append(r.Risks, x)
		if f.Level != risk.Loss {
			continue
		}
		name := x.ID
		if name == "" {
			name = f.Rule
		}
		r.Accept = append(r.Accept, name)
	}
	deletes := slices.ContainsFunc(p.Steps(), func(s plan.Step) bool { return s.Verb == lockstep.Delete || s.Verb == lockstep.Replace })
	switch {
	case len(r.Accept) > 0:
		r.Guard = 3
	case deletes || len(r.Risks) > 0:
		r.Guard = 2
	case !p.Empty():
		r.Guard = 1
	}
}

// Losses are the ids of what may be lost, whether or not it has to be accepted now.
func (r Rollback) Losses() []string {
	var out []string
	for _, x := range r.Risks {
		if x.Level != risk.Loss.String() {
			continue
		}
		if x.ID == "" {
			x.ID = x.Rule
		}
		out = append(out, x.ID)
	}
	return out
}

// newest is the commit that the Source of u is at, "" if it is not known here.
func (l *Looker) newest(ctx context.Context, u lockstep.Unit) string {
	d, err := l.desired(ctx, u, "")
	if err != nil {
		return ""
	}
	return d.revision.Commit
}

// notUndone says what is not part of a commit, of what s has.
func notUndone(s *v1alpha1.Stack) []string {
	out := []string{}
	if h := s.Spec.Helm; h != nil {
		if h.Values != nil {
			out = append(out, "spec.helm.values of the Stack stay as they are")
		}
		if len(h.ValuesFrom) > 0 {
			out = append(out, "the ConfigMaps and Secrets of spec.helm.valuesFrom stay as they are")
		}
		if h.Chart != nil {
			out = append(out, "the chart is the one that spec.helm.chart.version chooses now")
		}
	}
	if len(s.Spec.IgnoreDifferences) > 0 {
		out = append(out, "fields of spec.ignoreDifferences stay as they are")
	}
	return append(out, "what hooks and Jobs did outside the cluster, a migration of a database for one, is not undone")
}
