package standing

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

func stack(name string, v v1alpha1.Verdict) v1alpha1.Stack {
	s := v1alpha1.Stack{}
	s.Namespace, s.Name, s.Generation = "team", name, 1
	s.Status.ObservedGeneration = 1
	v1alpha1.SetVerdict(&s.Status.Conditions, v, 1, metav1.Now())
	return s
}

func TestOfStack(t *testing.T) {
	cases := map[string]struct {
		why  string
		in   v1alpha1.Verdict
		edit func(*v1alpha1.Stack)
		want Standing
	}{
		"Ready":       {why: "Live and healthy.", in: v1alpha1.InSync("main@1", 3), want: Ready},
		"Progressing": {why: "Applied, not healthy yet.", in: v1alpha1.Progressing("2 of 3"), want: Progressing},
		"Held":        {why: "A person must act.", in: v1alpha1.Held("empty-render", "nothing left"), want: Blocked},
		"Waiting":     {why: "Nothing is wrong with it.", in: v1alpha1.WaitingFor("stack a/b"), want: Waiting},
		"Degraded":    {why: "It will not get there.", in: v1alpha1.Degraded("pod crashes"), want: Failing},
		"Fault":       {why: "Whatever the fault.", in: v1alpha1.Failing("Unavailable", "no route", false), want: Failing},
		"FaultWaits":  {why: "A fault that only waits is no failure.", in: v1alpha1.Failing("Waiting", "not fetched yet", false), want: Waiting},
		"Drifted":     {why: "Somebody changed it and healing is off.", in: v1alpha1.Drifted("replicas"), want: Drifted},
		"Paused":      {why: "On purpose.", in: v1alpha1.Paused(&v1alpha1.Pause{}), want: Paused},
		"NewSpec": {
			why:  "The verdict is about the spec before.",
			in:   v1alpha1.InSync("main@1", 3),
			edit: func(s *v1alpha1.Stack) { s.Generation = 2 },
			want: Progressing,
		},
		"JustPaused": {
			why:  "Who paused it sees that at once.",
			in:   v1alpha1.InSync("main@1", 3),
			edit: func(s *v1alpha1.Stack) { s.Generation, s.Spec.Pause = 2, &v1alpha1.Pause{} },
			want: Paused,
		},
		"New": {
			why:  "No server has seen it.",
			edit: func(s *v1alpha1.Stack) { s.Status = v1alpha1.StackStatus{} },
			want: Progressing,
		},
		"GoingAway": {
			why:  "It says Ready until the finalizer begins.",
			in:   v1alpha1.InSync("main@1", 3),
			edit: func(s *v1alpha1.Stack) { now := metav1.Now(); s.DeletionTimestamp = &now },
			want: Progressing,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := stack("x", tc.in)
			if tc.edit != nil {
				tc.edit(&s)
			}
			if got := OfStack(&s).Standing; got != tc.want {
				t.Errorf("%s\ngot %v, want %v", tc.why, got, tc.want)
			}
		})
	}
}

func TestSortAndCount(t *testing.T) {
	items := []v1alpha1.Stack{
		stack("b", v1alpha1.InSync("x", 1)), stack("a", v1alpha1.InSync("x", 1)),
		stack("c", v1alpha1.Degraded("x")), stack("d", v1alpha1.Progressing("x")),
	}
	SortStacks(items)
	var names []string
	for _, s := range items {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"c", "d", "a", "b"}, names); diff != "" {
		t.Errorf("worst first (-want +got):\n%s", diff)
	}
	got := []string{Count(items).Sentence(), Count(items[2:]).Sentence(), Count(items[:1]).Sentence(), Count(nil).Sentence()}
	want := []string{"4 stacks: 2 ready, 1 progressing, 1 failing", "2 stacks, all ready", "1 stack: 1 failing", "no stacks"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Sentence (-want +got):\n%s", diff)
	}
}
