package standing

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

func TestOf(t *testing.T) {
	until := metav1.NewTime(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	drift := func(state string) func(*v1alpha1.Stack) {
		return func(s *v1alpha1.Stack) {
			s.Status.Drift = &v1alpha1.StackDrift{Objects: 1, Fields: 1, Records: []v1alpha1.DriftRecord{{Object: "Deployment.apps/a/web", Field: "spec.replicas", State: state, Until: &until}}}
		}
	}
	cases := map[string]struct {
		why    string
		in     v1alpha1.Verdict
		health string
		edit   func(*v1alpha1.Stack)
		want   [4]string // health, step, attention, verb
	}{
		"Ready":      {why: "Live and healthy.", in: v1alpha1.InSync("main@1", 3), health: "Healthy", want: [4]string{"Healthy", "InStep", "InStep", "checking"}},
		"RollingOut": {why: "What is applied is what Git says, before it is healthy.", in: v1alpha1.Progressing("2 of 3"), health: "Progressing", want: [4]string{"Progressing", "InStep", "Moving", "rollingOut"}},
		"Degraded":   {why: "In step and broken: the two words are apart.", in: v1alpha1.Degraded("pods crash"), health: "Degraded", want: [4]string{"Degraded", "InStep", "NeedsYou", "checking"}},
		"TimedOut":   {why: "The release failed, whatever the objects say.", in: v1alpha1.TimedOut("2 of 3"), health: "Progressing", want: [4]string{"Progressing", "Failing", "NeedsYou", "retrying"}},
		"Stalled":    {why: "Only a change helps.", in: v1alpha1.Failing("Invalid", "no such chart", true), health: "Healthy", want: [4]string{"Healthy", "Failing", "NeedsYou", "stopped"}},
		"Held":       {why: "A person has to open the gate.", in: v1alpha1.Held("manual sync", "1 to change"), health: "Healthy", want: [4]string{"Healthy", "Blocked", "NeedsYou", "holding"}},
		"Waiting":    {why: "The other Stack is what needs somebody.", in: v1alpha1.WaitingFor("stack a/b"), want: [4]string{"Unknown", "Blocked", "Moving", "waiting"}},
		"Unfetched":  {why: "Nothing is wrong, something comes first.", in: v1alpha1.Failing("Waiting", "not fetched yet", false), want: [4]string{"Unknown", "Behind", "Moving", "waiting"}},
		"Reported":   {why: "Drift that is left is somebody's to judge.", in: v1alpha1.InSync("main@1", 3), health: "Healthy", edit: drift("reported"), want: [4]string{"Healthy", "Drifted", "NeedsYou", "reporting"}},
		"Reverting":  {why: "Drift that is healed by itself needs nobody.", in: v1alpha1.Drifted("replicas"), health: "Healthy", edit: drift("waiting"), want: [4]string{"Healthy", "Drifted", "Moving", "reverting"}},
		"Fought":     {why: "Healing again does not end a fight.", in: v1alpha1.Drifted("replicas"), health: "Healthy", edit: drift("resting"), want: [4]string{"Healthy", "Drifted", "NeedsYou", "reverting"}},
		"New":        {why: "No server has seen it.", edit: func(s *v1alpha1.Stack) { s.Status = v1alpha1.StackStatus{} }, want: [4]string{"Unknown", "Behind", "Moving", "starting"}},
		"NewSpec":    {why: "The verdict is about the spec before.", in: v1alpha1.InSync("main@1", 3), health: "Healthy", edit: func(s *v1alpha1.Stack) { s.Generation = 2 }, want: [4]string{"Healthy", "Behind", "Moving", "starting"}},
		"Wave":       {why: "Not all is applied yet.", in: v1alpha1.Progressing("wave 1"), health: "Progressing", edit: func(s *v1alpha1.Stack) { s.Status.Run = &v1alpha1.StackRun{State: "Applying"} }, want: [4]string{"Progressing", "Behind", "Moving", "applying"}},
		"JustPaused": {why: "Who paused it sees that at once.", in: v1alpha1.InSync("main@1", 3), health: "Healthy", edit: func(s *v1alpha1.Stack) { s.Generation, s.Spec.Pause = 2, &v1alpha1.Pause{} }, want: [4]string{"Healthy", "Paused", "Paused", "paused"}},
		"GoingAway":  {why: "It says Ready until the finalizer begins.", in: v1alpha1.InSync("main@1", 3), health: "Healthy", edit: func(s *v1alpha1.Stack) { now := metav1.Now(); s.DeletionTimestamp = &now }, want: [4]string{"Healthy", "Behind", "Moving", "deleting"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
			s.Status.ObservedGeneration = 1
			v1alpha1.SetVerdict(&s.Status.Conditions, tc.in, 1, metav1.Now())
			if tc.health != "" {
				s.Status.Health = &v1alpha1.StackHealth{Status: tc.health}
			}
			if tc.edit != nil {
				tc.edit(s)
			}
			st := Of(s)
			if got := [4]string{string(st.Health), string(st.Step), string(st.Attention), string(st.Flow.Verb)}; got != tc.want {
				t.Errorf("%s\ngot %v, want %v", tc.why, got, tc.want)
			}
		})
	}
}
