package gateway

import (
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
)

func version(v int64) string { return strconv.FormatInt(v, 10) }

func at(t *time.Time) *metav1.Time {
	if t == nil {
		return nil
	}
	return &metav1.Time{Time: *t}
}

func zero[T any](p *T) (out T) {
	if p != nil {
		out = *p
	}
	return out
}

// inCluster is how a server names the cluster that holds the Stacks.
const inCluster = "in-cluster"

// stackOfRow makes a Stack of what a list tells of it.
func stackOfRow(r *wire.StackRow) *v1alpha1.Stack {
	s := &v1alpha1.Stack{}
	s.Namespace, s.Name, s.ResourceVersion = r.Namespace, r.Name, version(r.Version)
	s.Generation, s.Status.ObservedGeneration = 1, 1
	s.CreationTimestamp = metav1.Time{Time: r.Changed}
	for key, value := range map[string]string{"env": r.Env, "owner": r.Owner} {
		if value != "" {
			metav1.SetMetaDataLabel(&s.ObjectMeta, key, value)
		}
	}
	s.Spec.Source = v1alpha1.StackSource{Name: r.Source, Path: r.Path}
	if r.Target != inCluster {
		s.Spec.Target.Name = r.Target
	}
	st := &s.Status
	st.Revision, st.Release, st.Objects, st.Renderer = r.Revision, zero(r.Release), r.Objects, r.Driver
	if r.Health != string(standing.Unknown) {
		st.Health = &v1alpha1.StackHealth{Status: r.Health}
	}
	if n := zero(r.Drifted); n > 0 {
		st.Drift = &v1alpha1.StackDrift{Fields: n}
	}
	if r.Step == string(standing.Paused) {
		s.Spec.Pause = &v1alpha1.Pause{}
	}
	if r.Subject != "" {
		st.History = []v1alpha1.Release{{ID: zero(r.Release), Revision: r.Revision, Subject: r.Subject, Author: r.Author}}
	}
	ready(s, r.Reason, r.Message, r.Changed)
	return s
}

// ready gives s the condition that everything else is judged by, of the reason that
// a server tells. Two reasons are no condition's: what stands for none yet, and for
// one of an older spec.
func ready(s *v1alpha1.Stack, reason, message string, since time.Time) {
	switch reason {
	case "New":
		return
	case "NewSpec":
		s.Generation = 2
	}
	c := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: metav1.Time{Time: since}, ObservedGeneration: 1}
	if reason == v1alpha1.ReasonReady {
		c.Status = metav1.ConditionTrue
	}
	s.Status.Conditions = []metav1.Condition{c}
}

// stackOf makes a Stack of all that is known of it.
func stackOf(d *wire.StackDetail) *v1alpha1.Stack {
	s := stackOfRow(&wire.StackRow{
		Namespace: d.Namespace, Name: d.Name, Health: d.Health, Step: d.Step, Reason: d.Reason, Message: d.FullMessage, Source: d.Source, Path: d.Path,
		Target: d.Target, Driver: d.Driver, Revision: d.Revision, Release: d.Release, Objects: d.Objects, Drifted: d.Drifted, Changed: d.Changed, Version: d.Version,
	})
	s.Labels, s.CreationTimestamp = d.Labels, metav1.Time{Time: d.Created}
	s.DeletionTimestamp = at(d.Deleting)
	s.Spec.Target.Namespace, s.Spec.ServiceAccount = d.TargetNamespace, d.ServiceAccount
	s.Spec.Sync = v1alpha1.Sync{
		Mode: v1alpha1.SyncMode(d.Policy.Mode), Drift: v1alpha1.DriftMode(d.Policy.Drift), Prune: &d.Policy.Prune,
		Deletion: v1alpha1.DeletionPolicy(d.Policy.Deletion), Timeout: seconds(d.Policy.Timeout),
	}
	s.Spec.Interval = seconds(d.Policy.Interval)
	if p := d.Pause; p != nil {
		s.Spec.Pause = &v1alpha1.Pause{Reason: p.Reason, By: p.By, Until: at(p.Until)}
	}
	if h := d.Hold; h != nil {
		s.Spec.Hold = &v1alpha1.Hold{Revision: h.Revision, Reason: h.Reason, By: h.By, Until: metav1.Time{Time: h.Until}}
	}
	for _, dep := range d.DependsOn {
		s.Spec.DependsOn = append(s.Spec.DependsOn, v1alpha1.Dependency{Name: dep.Namespace + "/" + dep.Name})
	}
	st := &s.Status
	st.Kinds, st.LastHandledReconcileAt = d.Kinds, d.Handled
	if st.Health != nil {
		st.Health.Message = d.HealthMessage
	}
	if p := d.Plan; p != nil {
		st.Plan = &v1alpha1.PlanSummary{Digest: p.Digest, Summary: p.Summary, Held: p.Held}
	}
	st.Drift, st.Run = driftOf(d.Drift), runOf(d.Run)
	st.History = nil
	for _, r := range d.Releases {
		st.History = append(st.History, releaseOf(r))
	}
	if len(d.Conditions) > 0 {
		st.Conditions = conditionsOf(d.Conditions)
	}
	return s
}

func seconds(n int64) metav1.Duration {
	return metav1.Duration{Duration: time.Duration(n) * time.Second}
}

func releaseOf(r wire.ReleaseRow) v1alpha1.Release {
	return v1alpha1.Release{
		ID: r.Id, Revision: r.Revision, Subject: r.Subject, Author: r.Author, Digest: r.Digest, Summary: r.Summary, Cause: r.Cause, Times: r.Times,
		Outcome: r.Outcome, Message: r.Message, StartedAt: metav1.Time{Time: r.Started}, FinishedAt: at(r.Finished),
	}
}

func conditionsOf(in []wire.Condition) (out []metav1.Condition) {
	for _, c := range in {
		out = append(out, metav1.Condition{
			Type: c.Type, Status: metav1.ConditionStatus(c.Status), Reason: c.Reason, Message: c.Message, LastTransitionTime: metav1.Time{Time: c.Since}, ObservedGeneration: 1,
		})
	}
	return out
}

func driftOf(d *wire.Drift) *v1alpha1.StackDrift {
	if d == nil {
		return nil
	}
	out := &v1alpha1.StackDrift{Objects: d.Objects, Fields: d.Fields, LeftAlone: d.LeftAlone, Since: at(d.Since)}
	for _, r := range d.Records {
		out.Records = append(out.Records, driftRecordOf(r))
	}
	return out
}

func driftRecordOf(r wire.DriftRecord) v1alpha1.DriftRecord {
	return v1alpha1.DriftRecord{
		Object: r.Object, Field: r.Field, Git: r.Git, Live: r.Live, Manager: r.Manager, Operation: r.Operation, Subresource: r.Subresource,
		FirstSeen: metav1.Time{Time: r.FirstSeen}, State: r.State, Until: at(r.Until), Healed: r.Healed, Next: r.Next,
	}
}

func runOf(r *wire.Run) *v1alpha1.StackRun {
	if r == nil {
		return nil
	}
	out := &v1alpha1.StackRun{
		Action: r.Action, State: r.State, Wave: r.Wave, Attempt: r.Attempt, StartedAt: metav1.Time{Time: r.Started}, Since: metav1.Time{Time: r.Since},
		FailedIn: r.FailedIn, Message: r.Message, Request: r.Request,
	}
	for _, h := range r.Hooks {
		k, err := lockstep.ParseKey(h.Object)
		if err != nil {
			continue // a server of another version; the run says enough without
		}
		out.Hooks = append(out.Hooks, v1alpha1.RunHook{Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name, State: h.State, Message: h.Message})
	}
	return out
}

// stateful gives an object the conditions of a word that a server says.
func stateful(good, state, reason, message string, since time.Time) (conditions []metav1.Condition, suspend bool) {
	c := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: metav1.Time{Time: since}}
	switch {
	case reason == "New":
		return nil, false
	case state == good:
		c.Status = metav1.ConditionTrue
	case state == "Paused":
		return []metav1.Condition{c}, true
	case reason == "NewSpec":
		c.Reason = v1alpha1.ReasonProgressing
	}
	return []metav1.Condition{c}, false
}

func sourceOf(r *wire.SourceRow) *v1alpha1.Source {
	s := &v1alpha1.Source{}
	s.Namespace, s.Name = r.Namespace, r.Name
	s.Spec.Interval = seconds(r.Interval)
	s.Spec.Git = &v1alpha1.GitSource{URL: r.Url, Ref: refOf(r.Ref)}
	s.Status.Revision, s.Status.ShortRevision, s.Status.Subject, s.Status.Author = r.Revision, r.ShortRevision, r.Subject, r.Author
	s.Status.Conditions, s.Spec.Suspend = stateful("Ready", r.State, r.Reason, r.Message, r.Since)
	return s
}

// refOf reads what a server says of a ref: "branch main".
func refOf(text string) *v1alpha1.GitRef {
	kind, value, _ := strings.Cut(text, " ")
	switch kind {
	case "branch":
		return &v1alpha1.GitRef{Branch: value}
	case "tag":
		return &v1alpha1.GitRef{Tag: value}
	case "semver":
		return &v1alpha1.GitRef{Semver: value}
	case "ref":
		return &v1alpha1.GitRef{Name: value}
	case "commit":
		return &v1alpha1.GitRef{Commit: value}
	}
	return nil
}

func targetOf(r *wire.TargetRow) *v1alpha1.Target {
	t := &v1alpha1.Target{}
	t.Namespace, t.Name = r.Namespace, r.Name
	t.Status.Server, t.Status.Version = r.Server, r.Version
	t.Status.Conditions, t.Spec.Suspend = stateful("Reachable", r.State, r.Reason, r.Message, zero(r.Since))
	return t
}
