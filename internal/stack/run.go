package stack

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// ActionOf says what a release of the newest content would be to s.
//
// It is an install until something of the Stack was once carried out in full,
// and a rollback where a person pins the commit of an earlier release.
func ActionOf(s *v1alpha1.Stack) hook.Action {
	if s.Status.Key == "" {
		return hook.Install
	}
	pin := s.Spec.Source.Revision
	if pin == "" || pin == s.Status.Revision {
		return hook.Upgrade
	}
	earlier := func(r v1alpha1.Release) bool { return r.Revision == pin && r.Outcome == "Succeeded" }
	if slices.ContainsFunc(s.Status.Releases(), earlier) {
		return hook.Rollback
	}
	return hook.Upgrade
}

// Staged says whether a release of wants and program takes more than one pass:
// it has several waves, or hooks.
func Staged(wants []plan.Want, program run.Program) bool {
	for _, w := range wants {
		if w.Wave != wants[0].Wave {
			return true
		}
	}
	const every = hook.Install | hook.Upgrade | hook.Rollback
	return program.Any(every, true)
}

// HooksDue returns the hooks that carrying out key would run: none if it is
// what s came to already.
func HooksDue(s *v1alpha1.Stack, key string, program run.Program, secret []byte) []plan.Hook {
	if s.Status.Key == key {
		return nil
	}
	return program.Planned(ActionOf(s), s.Spec.Sync.Tests, secret)
}

// Ran returns what the run of key has applied and need not be there any more.
func Ran(s *v1alpha1.Stack, key string) []string {
	if r := s.Status.Run; r != nil && r.Key == key {
		return r.Ran
	}
	return nil
}

// Applied says whether all that key stands for has been applied by a release that
// has not ended. What is not as it was applied has been changed since.
func Applied(s *v1alpha1.Stack, key string) bool {
	r := s.Status.Run
	return r != nil && r.Key == key && s.Status.ObservedGeneration == s.Generation && RecordOf(r).Applied()
}

// RecordOf reads the record of a run from a status.
func RecordOf(r *v1alpha1.StackRun) run.Record {
	if r == nil {
		return run.Record{}
	}
	out := run.Record{
		ID: r.ID, Action: hook.ParseAction(r.Action), Content: r.Key, Digest: r.Plan, Request: r.Request,
		State: run.State(r.State), FailedIn: run.State(r.FailedIn), Message: r.Message, Final: r.Final,
		Started: r.StartedAt.Time, Since: r.Since.Time, Attempt: int(r.Attempt),
	}
	if r.Wave != nil {
		out.Wave, out.InWave = int(*r.Wave), true
	}
	for _, h := range r.Hooks {
		out.Hooks = append(out.Hooks, run.HookRecord{
			Key:   lockstep.Key{Group: h.Group, Kind: h.Kind, Namespace: h.Namespace, Name: h.Name},
			State: run.HookState(h.State), Policies: hook.ParsePolicy(h.Policy), Message: h.Message,
		})
	}
	return out
}

// RunOf writes a record into a status. What it does not know, the number of the
// release and the counts, is taken over from before.
func RunOf(r run.Record, before *v1alpha1.StackRun) *v1alpha1.StackRun {
	if r.ID == "" {
		return nil
	}
	out := &v1alpha1.StackRun{
		ID: r.ID, Action: r.Action.String(), Key: r.Content, Plan: r.Digest, Request: r.Request,
		State: string(r.State), FailedIn: string(r.FailedIn), Message: r.Message, Final: r.Final,
		StartedAt: metav1.NewTime(r.Started), Since: metav1.NewTime(r.Since), Attempt: int32(r.Attempt),
	}
	if r.InWave && !r.State.Ended() {
		wave := int32(r.Wave)
		out.Wave = &wave
	}
	for _, h := range r.Hooks {
		out.Hooks = append(out.Hooks, v1alpha1.RunHook{
			Group: h.Key.Group, Kind: h.Key.Kind, Namespace: h.Key.Namespace, Name: h.Key.Name,
			State: string(h.State), Policy: h.Policies.String(), Message: h.Message,
		})
	}
	if before != nil && before.ID == r.ID {
		out.Release, out.Done, out.Ran = before.Release, before.Done, before.Ran
		// A status has whole seconds; what did not change must not look changed.
		if before.StartedAt.Unix() == out.StartedAt.Unix() {
			out.StartedAt = before.StartedAt
		}
		if before.Since.Unix() == out.Since.Unix() {
			out.Since = before.Since
		}
	}
	return out
}
