package live

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/drift"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// FieldState is one field that is not as Git has it, whose it is, and what happens
// to it next.
type FieldState struct {
	Path string `json:"path" doc:"empty where the whole object is meant" example:"spec.template.spec.containers[name=web].image"`
	Git  string `json:"git,omitempty" doc:"what Git wants, as JSON; absent where Git does not ask for the field. Values of Secrets are masked"`
	Live string `json:"live,omitempty" doc:"what the cluster has, as JSON; absent where it has none"`
	// Class sorts fields by what they mean to whoever reads the table.
	Class       string     `json:"class" enum:"drift,behind,ignored,protected,other" doc:"drift: somebody changed it. behind: Git changed it. ignored and protected: left alone by a rule. other: set by somebody, and Git does not ask for it"`
	Manager     string     `json:"manager,omitempty" doc:"field manager that set what the cluster has"`
	Operation   string     `json:"operation,omitempty" enum:"Apply,Update,Delete"`
	Subresource string     `json:"subresource,omitempty"`
	At          *time.Time `json:"at,omitempty" doc:"when that manager changed the object last"`
	Since       *time.Time `json:"since,omitempty" doc:"when Lockstep saw it first"`
	Until       *time.Time `json:"until,omitempty" doc:"when it is healed next, where that waits"`
	Healed      int        `json:"healed,omitempty" doc:"how often it was healed and came back"`
	Next        string     `json:"next" doc:"what Lockstep will do about it"`
}

// Difference is one object that is not as Git has it.
type Difference struct {
	ID        string       `json:"id"`
	Group     string       `json:"group"`
	Kind      string       `json:"kind"`
	Namespace string       `json:"namespace"`
	Name      string       `json:"name"`
	Verb      string       `json:"verb" enum:"create,update,replace,delete,orphan,leave" doc:"what the next pass does about it"`
	Reason    string       `json:"reason,omitempty"`
	Origin    string       `json:"origin,omitempty" doc:"file and line in the source"`
	Fields    []FieldState `json:"fields"`
}

// Differences is what differs between Git and the Target.
type Differences struct {
	Revision string       `json:"revision" doc:"the commit that was compared"`
	Digest   string       `json:"digest" doc:"of the plan that would be carried out"`
	Summary  plan.Summary `json:"summary"`
	Held     string       `json:"held,omitempty" doc:"why the plan is not carried out"`
	Objects  []Difference `json:"objects" doc:"deletions first, then in order of id"`
	Left     int          `json:"left" doc:"objects that are left out, beyond the bound"`
	Quiet    int          `json:"quiet" doc:"fields that are ignored or protected by a rule"`
	Problem  string       `json:"problem,omitempty" doc:"objects that cannot be planned, and why"`
	ReadAt   time.Time    `json:"readAt"`
}

// mostDifferent bounds one answer.
const mostDifferent = 200

type comparison struct {
	differences Differences
	plan        plan.Plan
	all         []lockstep.Drift
}

// Differences compares what Git says now with what is live.
func (l *Looker) Differences(ctx context.Context, u lockstep.Unit) (Differences, error) {
	c, err := l.compare(ctx, u)
	if err != nil {
		return Differences{}, err
	}
	return c.differences, nil
}

func (l *Looker) compare(ctx context.Context, u lockstep.Unit) (*comparison, error) {
	return l.compared.get(ctx, u.String(), Fresh, func(ctx context.Context) (*comparison, error) {
		d, err := l.desired(ctx, u, "")
		if err != nil {
			return nil, err
		}
		// The Stack may be newer than when it was rendered, with what is rendered
		// from it the same.
		s, err := l.stack(ctx, u)
		if err != nil {
			return nil, err
		}
		return l.compareWith(ctx, s, d)
	})
}

func (l *Looker) compareWith(ctx context.Context, s *v1alpha1.Stack, d *Desired) (*comparison, error) {
	t, err := l.target(ctx, s)
	if err != nil {
		return nil, err
	}
	rules, err := stack.HealthOf(s)
	if err != nil {
		return nil, err
	}
	u := stack.UnitOf(s)
	live, err := t.Observe(ctx, driver.Query{Unit: u, Kinds: stack.KindsOf(s), Desired: d.rendered.Objects, Health: rules})
	if err != nil {
		return nil, settle(err)
	}
	fresh := *d
	fresh.stack = s
	p, problem := l.plan(&fresh, live)
	c := &comparison{plan: p, all: drift.All(p, stack.DriftRecorded(s.Status.Drift), time.Now().UTC())}
	out := Differences{Revision: d.revision.Commit, Digest: p.Digest, Summary: p.Summary(), Objects: []Difference{}, ReadAt: time.Now().UTC()}
	if gate, held := p.Held(); held {
		out.Held = gate.Reason
	}
	if problem != nil {
		out.Problem = problem.Error()
	}
	out.Objects, out.Quiet = c.objects(s)
	if n := len(out.Objects); n > mostDifferent {
		out.Left, out.Objects = n-mostDifferent, out.Objects[:mostDifferent]
	}
	l.date(ctx, t, out.Objects)
	c.differences = out
	return c, nil
}

// objects turns a plan into what differs.
func (c *comparison) objects(s *v1alpha1.Stack) (out []Difference, quiet int) {
	out = []Difference{}
	for _, step := range c.plan.Steps() {
		d := difference(step.Key, step.Verb.String(), step.Reason)
		d.Origin = step.Desired.Origin.String()
		for _, x := range step.Changes {
			class, next := "behind", "apply what Git says"
			if step.Heals {
				class, next = "drift", "revert it now"
			}
			d.Fields = append(d.Fields, c.field(s, step.Key, x, class, next))
		}
		out = append(out, d)
	}
	add := func(x plan.Drifted, class, next string) {
		i := slices.IndexFunc(out, func(d Difference) bool { return d.ID == x.Key.String() })
		if i < 0 {
			out = append(out, difference(x.Key, "leave", ""))
			i = len(out) - 1
		}
		for _, f := range x.Changes {
			out[i].Fields = append(out[i].Fields, c.field(s, x.Key, f, class, next))
		}
	}
	for _, x := range c.plan.Drifted {
		add(x, "drift", "leave it: "+x.Why)
	}
	for _, x := range c.plan.Spared {
		class := "ignored"
		if x.State == lockstep.DriftProtected {
			class = "protected"
		}
		quiet += len(x.Changes)
		add(x, class, "ignore: "+x.Why)
	}
	slices.SortStableFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(verbOrder(a.Verb), verbOrder(b.Verb)), cmp.Compare(a.ID, b.ID))
	})
	return out, quiet
}

func verbOrder(verb string) int {
	return slices.Index([]string{"delete", "replace", "orphan", "update", "create", "leave"}, verb)
}

func difference(k lockstep.Key, verb, reason string) Difference {
	return Difference{ID: k.String(), Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name, Verb: verb, Reason: reason, Fields: []FieldState{}}
}

// field adds what the ledger of the Stack knows of a drifted field.
func (c *comparison) field(s *v1alpha1.Stack, k lockstep.Key, x lockstep.FieldChange, class, next string) FieldState {
	f := FieldState{Path: x.Path, Git: x.To, Live: x.From, Class: class, Manager: x.Manager, Operation: x.Operation, Subresource: x.Subresource, Next: next}
	if class != "drift" {
		return f
	}
	if Paused(s) {
		f.Next = "leave it while the stack is paused"
	}
	for _, d := range c.all {
		if d.Object != k || d.Field != x.Path {
			continue
		}
		f.Since, f.Healed = moment(d.FirstSeen), d.Healed
		switch d.State {
		case lockstep.DriftWaiting, lockstep.DriftResting:
			f.Until = moment(d.Until)
			f.Next = "revert it later: it keeps coming back"
		case lockstep.DriftHeld:
			f.Next = "revert it once the plan is let through"
		}
	}
	if class == "drift" && s.Spec.Sync.Mode == v1alpha1.SyncManual && !Paused(s) {
		f.Next = "wait until somebody reconciles: spec.sync.mode is manual"
	}
	return f
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// mostDated bounds how many objects are read to say when fields were changed.
const mostDated = 40

// date says when the managers of drifted fields changed them. An object that
// cannot be read goes without.
func (l *Looker) date(ctx context.Context, t target, out []Difference) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	n := 0
	for i := range out {
		if n >= mostDated || !slices.ContainsFunc(out[i].Fields, func(f FieldState) bool { return f.Manager != "" }) {
			continue
		}
		n++
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			d := &out[i]
			tree, err := t.Look(ctx, lockstep.Key{Group: d.Group, Kind: d.Kind, Namespace: d.Namespace, Name: d.Name}, "")
			if err == nil && tree != nil {
				dated(d.Fields, tree)
			}
		})
	}
	wg.Wait()
}

func dated(fields []FieldState, tree map[string]any) {
	entries := managersOf(tree)
	for i, f := range fields {
		for _, m := range entries {
			if f.Manager != "" && m.Name == f.Manager && m.Operation == f.Operation && m.Subresource == f.Subresource {
				fields[i].At = m.At
			}
		}
	}
}
