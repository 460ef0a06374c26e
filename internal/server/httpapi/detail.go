package httpapi

import (
	"context"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
)

// detail is all that is known of u, for p.
func (d *Deps) detail(ctx context.Context, p lockstep.Person, see board.Sight, u lockstep.Unit) (*StackDetail, error) {
	row, ok := d.Board.Others(see, u)
	if !ok {
		// A Stack may be named by a rule for one without being in any list.
		if d.asks(ctx, p, access.Of(access.Get, u)) != nil {
			return nil, missing("stack", u)
		}
		if row, ok = d.Board.Row(u); !ok {
			return nil, missing("stack", u)
		}
	}
	s := &v1alpha1.Stack{}
	if err := d.object(ctx, u, s, "stack"); err != nil {
		return nil, err
	}
	st := standing.Of(s)
	out := &StackDetail{
		StackRow: row, UID: string(s.UID), Labels: orEmpty(s.Labels), FullMessage: st.Message, Since: st.Since.UTC(), Created: s.CreationTimestamp.UTC(),
		TargetNamespace: stack.NamespaceOf(s), Account: s.Spec.ServiceAccount, Policy: policyOf(s), Kinds: orNone(s.Status.Kinds),
		Conditions: conditionsOf(s.Status.Conditions), Drift: driftOf(s.Status.Drift), Run: runOf(s.Status.Run), Pause: pauseOf(s, st), Hold: holdOf(s),
		Inputs: inputsOf(s), Releases: releasesOf(s), Lifecycle: d.lifecycle(ctx, s, st), Request: requestOf(s, s.Status.LastHandledReconcileAt), Handled: s.Status.LastHandledReconcileAt,
		Dependencies: []StackState{}, Dependants: []StackState{},
	}
	if s.Status.Health != nil {
		out.HealthText = s.Status.Health.Message
	}
	if s.Status.Plan != nil {
		out.Plan = &PlanSummary{s.Status.Plan.Digest, s.Status.Plan.Summary, s.Status.Plan.Held}
	}
	if s.DeletionTimestamp != nil {
		out.Deleting = board.Moment(s.DeletionTimestamp.Time)
	}
	for _, dep := range stack.DependenciesOf(s) {
		out.Dependencies = append(out.Dependencies, d.stateOf(see, dep))
	}
	for _, w := range d.Board.Waiters(u) {
		if see.Contains(w) {
			out.Dependants = append(out.Dependants, d.stateOf(see, w))
		}
	}
	if src := (&v1alpha1.Source{}); d.reads(ctx, p, access.Sources, stack.SourceOf(s), src, "source") {
		r := d.sourceRow(see, src)
		out.SourceState = &r
		if st.Step == standing.InStep || st.Step == standing.Drifted {
			out.UpToDateAt = src.Status.ShortRevision
		}
	}
	ref := stack.TargetOf(s)
	if ref.IsLocal() {
		out.TargetState = d.localTarget(see)
	} else if t := (&v1alpha1.Target{}); d.reads(ctx, p, access.Targets, lockstep.Unit(ref), t, "target") {
		r := d.targetRow(see, t)
		out.TargetState = &r
	}
	return out, nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func orNone(s []string) []string { return append([]string{}, s...) }

func (d *Deps) stateOf(see board.Sight, u lockstep.Unit) StackState {
	r, ok := d.Board.Others(see, u)
	if !ok {
		return StackState{Namespace: u.Namespace, Name: u.Name, Health: string(standing.Unknown), Step: "Unknown"}
	}
	return StackState{u.Namespace, u.Name, r.Health, r.Step, r.Reason == v1alpha1.ReasonReady || r.Attention == string(standing.Settled)}
}

func policyOf(s *v1alpha1.Stack) SyncPolicy {
	y := s.Spec.Sync
	p := SyncPolicy{
		Mode: string(y.Mode), Prune: y.Prune == nil || *y.Prune, Drift: string(y.Drift), Deletion: string(y.Deletion),
		Timeout: int64(y.Timeout.Seconds()), Interval: int64(s.Spec.Interval.Seconds()),
	}
	// The API server fills these in; an object of a test may lack them.
	for _, field := range []struct {
		at  *string
		def string
	}{{&p.Mode, string(v1alpha1.SyncAuto)}, {&p.Drift, string(v1alpha1.DriftHeal)}, {&p.Deletion, string(v1alpha1.DeletionDelete)}} {
		if *field.at == "" {
			*field.at = field.def
		}
	}
	return p
}

func conditionsOf(in []metav1.Condition) []Condition {
	out := make([]Condition, 0, len(in))
	for _, c := range in {
		out = append(out, Condition{c.Type, string(c.Status), c.Reason, c.Message, c.LastTransitionTime.UTC()})
	}
	return out
}

func moment(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	return board.Moment(t.Time)
}

func driftOf(d *v1alpha1.StackDrift) *Drift {
	if d == nil {
		return nil
	}
	out := &Drift{Objects: d.Objects, Fields: d.Fields, LeftAlone: d.LeftAlone, Since: moment(d.Since), Records: []DriftRecord{}}
	for _, r := range d.Records {
		out.Records = append(out.Records, driftRecordOf(r))
	}
	return out
}

func runOf(r *v1alpha1.StackRun) *Run {
	if r == nil {
		return nil
	}
	out := &Run{
		Action: r.Action, State: r.State, Wave: r.Wave, Attempt: r.Attempt, Started: r.StartedAt.UTC(), Since: r.Since.UTC(),
		FailedIn: r.FailedIn, Message: r.Message, Request: r.Request, Hooks: []RunHook{},
	}
	for _, h := range r.Hooks {
		k := lockstep.Key{Group: h.Group, Kind: h.Kind, Namespace: h.Namespace, Name: h.Name}
		out.Hooks = append(out.Hooks, RunHook{k.String(), h.State, h.Message})
	}
	return out
}

func pauseOf(s *v1alpha1.Stack, st standing.Standing) *Pause {
	if s.Spec.Pause == nil || st.Step != standing.Paused {
		return nil
	}
	p := &Pause{Reason: s.Spec.Pause.Reason, By: s.Spec.Pause.By, Until: moment(s.Spec.Pause.Until)}
	if st.Reason == v1alpha1.ReasonPaused {
		p.Since = board.Moment(st.Since)
	}
	return p
}

func holdOf(s *v1alpha1.Stack) *Hold {
	h := s.Spec.Hold.At(time.Now())
	if h == nil {
		return nil
	}
	return &Hold{Revision: h.Revision, Reason: h.Reason, By: h.By, Until: h.Until.UTC()}
}

// inputsOf lists what the render reads beside the path: names, never values.
func inputsOf(s *v1alpha1.Stack) []Input {
	out := []Input{}
	if h := s.Spec.Helm; h != nil {
		if h.Chart != nil {
			out = append(out, Input{Kind: "Chart", Name: strings.TrimSpace(h.Chart.Repo + " " + h.Chart.Name + " " + h.Chart.Version), For: "chart"})
		}
		for _, f := range h.ValuesFiles {
			if strings.HasPrefix(f, "$") {
				out = append(out, Input{Kind: "Source", Name: strings.TrimPrefix(f, "$"), For: "values"})
			}
		}
		for _, v := range h.ValuesFrom {
			out = append(out, Input{Kind: v.Kind, Name: v.Name, Key: v.Key, For: "values", Optional: v.Optional})
		}
	}
	if s.Spec.Substitute != nil {
		for _, v := range s.Spec.Substitute.From {
			out = append(out, Input{Kind: v.Kind, Name: v.Name, For: "variables", Optional: v.Optional})
		}
	}
	return out
}

func releasesOf(s *v1alpha1.Stack) []ReleaseRow {
	all := s.Status.Releases()
	out := make([]ReleaseRow, 0, len(all))
	for _, r := range all {
		out = append(out, ReleaseRow{
			ID: r.ID, Revision: r.Revision, Subject: r.Subject, Author: board.Author(r.Author), Cause: r.Cause, Outcome: r.Outcome,
			Summary: r.Summary, Message: r.Message, Digest: r.Digest, Times: max(1, r.Times), Started: r.StartedAt.UTC(), Finished: moment(r.FinishedAt),
		})
	}
	return out
}

func requestOf(obj metav1.Object, handled string) *OpenRequest {
	if v := obj.GetAnnotations()[v1alpha1.AnnotationReconcileAt]; v != "" && v != handled {
		return &OpenRequest{v}
	}
	return nil
}
