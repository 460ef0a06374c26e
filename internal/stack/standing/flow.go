package standing

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// flowOf says what is being done about s. Its times are what the status knows:
// when the next look is due is known to a queue alone, so that Every is said instead.
func flowOf(s *v1alpha1.Stack, st Standing) Flow {
	f := Flow{Since: st.Since, Every: s.Spec.Interval.Duration}
	switch {
	case s.DeletionTimestamp != nil:
		f.Verb, f.What, f.Since = Deleting, "", s.DeletionTimestamp.Time
	case st.Step == Paused:
		f.Verb = Pausing
		if p := s.Spec.Pause; p != nil {
			f.What = p.Reason
			if p.Until != nil {
				f.Until = p.Until.Time
			}
		}
	case st.Reason == "New" || st.Reason == "NewSpec":
		f.Verb = Starting
	case running(s):
		f.Verb, f.What, f.Since = Applying, runOf(s.Status.Run), s.Status.Run.Since.Time
	case st.Step == Failing:
		f.Verb, f.What = Retrying, st.Message
		if meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionStalled) {
			f.Verb = Stopped
		}
	case st.Reason == v1alpha1.ReasonHeld:
		f.Verb, f.What = Holding, gate(s)
	case st.Step == Blocked, st.Reason == "Waiting":
		f.Verb, f.What = Waiting, strings.TrimPrefix(st.Message, "waits for ")
	case st.Step == Drifted:
		return drifting(s, f)
	case st.Step == Behind:
		f.Verb = Applying
	case st.Reason == v1alpha1.ReasonProgressing:
		f.Verb, f.What = RollingOut, st.Message
		if r := newest(s); r != nil && r.FinishedAt == nil && s.Spec.Sync.Timeout.Duration > 0 {
			f.Until = r.StartedAt.Add(s.Spec.Sync.Timeout.Duration)
		}
	default:
		f.Verb = Checking
	}
	return f
}

func newest(s *v1alpha1.Stack) *v1alpha1.Release {
	if len(s.Status.History) == 0 {
		return nil
	}
	return &s.Status.History[0]
}

// runOf names what a run is at: "wave 2 of its upgrade", "Job/migrate".
func runOf(r *v1alpha1.StackRun) string {
	for _, h := range r.Hooks {
		if h.State == "Running" || h.State == "Intended" {
			return h.Kind + "/" + h.Name
		}
	}
	if r.Wave != nil {
		return fmt.Sprintf("wave %d", *r.Wave)
	}
	return r.Action
}

func gate(s *v1alpha1.Stack) string {
	if s.Status.Plan != nil && s.Status.Plan.Held != "" {
		return s.Status.Plan.Held
	}
	return "approval"
}

// drifting says whether drift goes away, by its first record that says so.
func drifting(s *v1alpha1.Stack, f Flow) Flow {
	f.Verb = Reporting
	d := s.Status.Drift
	if d == nil {
		return f
	}
	if d.Since != nil {
		f.Since = d.Since.Time
	}
	for _, r := range d.Records {
		if f.What == "" {
			f.What = fieldOf(r)
		}
		switch lockstep.DriftState(r.State) {
		case lockstep.DriftWaiting, lockstep.DriftResting, lockstep.DriftHealing:
			f.Verb, f.What = Reverting, fieldOf(r)
			if r.Until != nil {
				f.Until = r.Until.Time
			}
			return f
		}
	}
	return f
}

func fieldOf(r v1alpha1.DriftRecord) string {
	if r.Field == "" {
		return r.Object
	}
	return r.Field
}
