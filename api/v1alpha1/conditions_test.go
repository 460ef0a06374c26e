package v1alpha1_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// shown is a condition as a person sees it.
type shown struct {
	Type    string
	Status  metav1.ConditionStatus
	Reason  string
	Message string
}

func show(conditions []metav1.Condition) []shown {
	var out []shown
	for _, c := range conditions {
		out = append(out, shown{c.Type, c.Status, c.Reason, c.Message})
	}
	return out
}

func at(hour int) metav1.Time {
	return metav1.NewTime(time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC))
}

// verdicts are all that a pass can end in.
var verdicts = map[string]struct {
	why     string
	verdict v1alpha1.Verdict
	want    []shown
	kstatus status.Status
}{
	"InSync": {
		why:     "One object is not \"1 objects\".",
		verdict: v1alpha1.InSync("main@1a2b3c4", 1),
		want:    []shown{{"Ready", "True", "Ready", "main@1a2b3c4 is live and healthy (1 object)"}},
		kstatus: status.CurrentStatus,
	},
	"InSyncEmpty": {
		why:     "A Stack may hold nothing.",
		verdict: v1alpha1.InSync("1a2b3c4", 0),
		want:    []shown{{"Ready", "True", "Ready", "1a2b3c4 asks for no object; is the path the right one?"}},
		kstatus: status.CurrentStatus,
	},
	"Fetched": {
		why:     "A Source is done when it knows its commit.",
		verdict: v1alpha1.Fetched("main@1a2b3c4"),
		want:    []shown{{"Ready", "True", "Fetched", "at main@1a2b3c4"}},
		kstatus: status.CurrentStatus,
	},
	"Connected": {
		why:     "A Target is done when it answers.",
		verdict: v1alpha1.Connected("v1.36.3"),
		want:    []shown{{"Ready", "True", "Connected", "answers as Kubernetes v1.36.3"}},
		kstatus: status.CurrentStatus,
	},
	"Progressing": {
		why:     "Tools that wait must go on waiting.",
		verdict: v1alpha1.Progressing("1 of 3 replicas are ready"),
		want: []shown{
			{"Ready", "False", "Progressing", "1 of 3 replicas are ready"},
			{"Reconciling", "True", "Progressing", "1 of 3 replicas are ready"},
		},
		kstatus: status.InProgressStatus,
	},
	"Deleting": {
		why:     "Something is under way here as well.",
		verdict: v1alpha1.Deleting("2 objects still to go"),
		want: []shown{
			{"Ready", "False", "Deleting", "2 objects still to go"},
			{"Reconciling", "True", "Deleting", "2 objects still to go"},
		},
		kstatus: status.InProgressStatus,
	},
	"Paused": {
		why:     "Whoever finds it paused learns who did it and why.",
		verdict: v1alpha1.Paused(&v1alpha1.Pause{By: "ana", Reason: "migration"}),
		want:    []shown{{"Ready", "False", "Paused", "paused by ana: migration; nothing is changed until it is resumed"}},
		kstatus: status.InProgressStatus,
	},
	"Suspended": {
		why:     "Nothing is wrong and nothing moves: whoever waits has to wait, not to fail.",
		verdict: v1alpha1.Suspended(),
		want:    []shown{{"Ready", "False", "Suspended", "suspended; nothing is changed until it is resumed"}},
		kstatus: status.InProgressStatus,
	},
	"Held": {
		why:     "It names the gate first.",
		verdict: v1alpha1.Held("manual sync", "1 to create"),
		want:    []shown{{"Ready", "False", "Held", "held by manual sync: 1 to create"}},
		kstatus: status.InProgressStatus,
	},
	"WaitingFor": {
		why:     "The dependency may become ready at any moment.",
		verdict: v1alpha1.WaitingFor("stack a/b, which does not exist"),
		want:    []shown{{"Ready", "False", "WaitingForDependency", "waits for stack a/b, which does not exist"}},
		kstatus: status.InProgressStatus,
	},
	"Degraded": {
		why:     "A pod that crashes now may run in a minute.",
		verdict: v1alpha1.Degraded("Deployment a/web: crashes"),
		want:    []shown{{"Ready", "False", "Degraded", "Deployment a/web: crashes"}},
		kstatus: status.InProgressStatus,
	},
	"TimedOut": {
		why:     "It is still applied, and becomes ready if its objects do.",
		verdict: v1alpha1.TimedOut("not healthy within 10m"),
		want:    []shown{{"Ready", "False", "HealthTimeout", "not healthy within 10m"}},
		kstatus: status.InProgressStatus,
	},
	"Drifted": {
		why:     "Nobody heals it, but a person may.",
		verdict: v1alpha1.Drifted("ConfigMap a/b: data.x was changed by kubectl"),
		want:    []shown{{"Ready", "False", "Drifted", "ConfigMap a/b: data.x was changed by kubectl"}},
		kstatus: status.InProgressStatus,
	},
	"FailingAndTriedAgain": {
		why:     "The next try may succeed.",
		verdict: v1alpha1.Failing("Unavailable", "the server cannot be reached", false),
		want:    []shown{{"Ready", "False", "Unavailable", "the server cannot be reached"}},
		kstatus: status.InProgressStatus,
	},
	"FailingForGood": {
		why:     "Only a commit or an edit helps, so waiting for it is of no use.",
		verdict: v1alpha1.Failing("Invalid", "a.yaml:3: not valid YAML", true),
		want: []shown{
			{"Ready", "False", "Invalid", "a.yaml:3: not valid YAML"},
			{"Stalled", "True", "Invalid", "a.yaml:3: not valid YAML"},
		},
		kstatus: status.FailedStatus,
	},
}

func TestVerdicts(t *testing.T) {
	for name, tc := range verdicts {
		t.Run(name, func(t *testing.T) {
			var got []metav1.Condition
			if !v1alpha1.SetVerdict(&got, tc.verdict, 3, at(1)) {
				t.Error("the first verdict is no change")
			}
			if diff := cmp.Diff(tc.want, show(got)); diff != "" {
				t.Errorf("%s\nconditions (-want +got):\n%s", tc.why, diff)
			}
			for _, c := range got {
				if c.ObservedGeneration != 3 || c.LastTransitionTime != at(1) {
					t.Errorf("%s is of generation %d since %s", c.Type, c.ObservedGeneration, c.LastTransitionTime)
				}
			}
		})
	}
}

// TestKstatus asks the library that Flux, kpt and Argo CD plugins wait with what
// it makes of each verdict on each kind.
func TestKstatus(t *testing.T) {
	kinds := map[string]func([]metav1.Condition) any{
		"Source": func(c []metav1.Condition) any {
			return &v1alpha1.Source{ObjectMeta: meta(), Status: v1alpha1.SourceStatus{ObservedGeneration: 3, Conditions: c}}
		},
		"Stack": func(c []metav1.Condition) any {
			return &v1alpha1.Stack{ObjectMeta: meta(), Status: v1alpha1.StackStatus{ObservedGeneration: 3, Conditions: c}}
		},
		"Target": func(c []metav1.Condition) any {
			return &v1alpha1.Target{ObjectMeta: meta(), Status: v1alpha1.TargetStatus{ObservedGeneration: 3, Conditions: c}}
		},
	}
	for kind, object := range kinds {
		for name, tc := range verdicts {
			t.Run(kind+"/"+name, func(t *testing.T) {
				var conditions []metav1.Condition
				v1alpha1.SetVerdict(&conditions, tc.verdict, 3, at(1))
				tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object(conditions))
				if err != nil {
					t.Fatal(err)
				}
				u := &unstructured.Unstructured{Object: tree}
				u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
				if got := compute(t, u); got != tc.kstatus {
					t.Errorf("%s\nkstatus says %s, want %s", tc.why, got, tc.kstatus)
				}
				// A spec that was not looked at yet is never done, whatever was said of
				// the one before.
				u.SetGeneration(4)
				if got := compute(t, u); got != status.InProgressStatus {
					t.Errorf("of a newer spec kstatus says %s", got)
				}
			})
		}
	}
}

func meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "payments", Name: "shop", Generation: 3}
}

func compute(t *testing.T, u *unstructured.Unstructured) status.Status {
	t.Helper()
	got, err := status.Compute(u)
	if err != nil {
		t.Fatal(err)
	}
	return got.Status
}

func TestSetVerdict(t *testing.T) {
	foreign := metav1.Condition{Type: "Audited", Status: metav1.ConditionTrue, Reason: "ByAna", LastTransitionTime: at(0)}
	cases := map[string]struct {
		why           string
		first, second v1alpha1.Verdict
		changed       bool
		since         map[string]metav1.Time // of the second, by type
	}{
		"Same": {
			why:   "A pass that finds the same writes nothing.",
			first: v1alpha1.Progressing("1 of 2"), second: v1alpha1.Progressing("1 of 2"),
			since: map[string]metav1.Time{"Ready": at(1), "Reconciling": at(1)},
		},
		"OtherMessage": {
			why:   "It is not ready since the same moment, only for another reason.",
			first: v1alpha1.Progressing("1 of 2"), second: v1alpha1.Degraded("crashes"), changed: true,
			since: map[string]metav1.Time{"Ready": at(1)},
		},
		"Recovers": {
			why:   "The status changes, and what was under way goes.",
			first: v1alpha1.Failing("Invalid", "x", true), second: v1alpha1.InSync("1a2b3c4", 2), changed: true,
			since: map[string]metav1.Time{"Ready": at(2)},
		},
		"StalledToReconciling": {
			why:   "The two exclude each other.",
			first: v1alpha1.Failing("Invalid", "x", true), second: v1alpha1.Progressing("x"), changed: true,
			since: map[string]metav1.Time{"Ready": at(1), "Reconciling": at(2)},
		},
		"Stalls": {
			why:   "Only Stalled is new.",
			first: v1alpha1.Failing("Invalid", "x", false), second: v1alpha1.Failing("Invalid", "x", true), changed: true,
			since: map[string]metav1.Time{"Ready": at(1), "Stalled": at(2)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			conditions := []metav1.Condition{foreign}
			v1alpha1.SetVerdict(&conditions, tc.first, 1, at(1))
			if got := v1alpha1.SetVerdict(&conditions, tc.second, 1, at(2)); got != tc.changed {
				t.Errorf("%s\nSetVerdict = %t, want %t", tc.why, got, tc.changed)
			}
			if len(conditions) == 0 || conditions[0] != foreign {
				t.Fatalf("a condition of somebody else was touched: %v", conditions)
			}
			since := map[string]metav1.Time{}
			for _, c := range conditions[1:] {
				since[c.Type] = c.LastTransitionTime
			}
			if diff := cmp.Diff(tc.since, since); diff != "" {
				t.Errorf("%s\nconditions and since when (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestSetVerdictOfANewGeneration(t *testing.T) {
	var conditions []metav1.Condition
	v1alpha1.SetVerdict(&conditions, v1alpha1.InSync("1a2b3c4", 1), 1, at(1))
	if !v1alpha1.SetVerdict(&conditions, v1alpha1.InSync("1a2b3c4", 1), 2, at(2)) {
		t.Error("that a newer spec was looked at is no change")
	}
	if c := conditions[0]; c.ObservedGeneration != 2 || c.LastTransitionTime != at(1) {
		t.Errorf("generation %d since %s, want 2 since the beginning", c.ObservedGeneration, c.LastTransitionTime)
	}
}

// FuzzMessage: whatever a fault says, the API takes it.
func FuzzMessage(f *testing.F) {
	f.Add("")
	f.Add("short")
	f.Add(strings.Repeat("é", 3000))
	f.Add("a" + strings.Repeat("漢", 2000))
	f.Fuzz(func(t *testing.T, message string) {
		message = strings.ToValidUTF8(message, "?")
		var conditions []metav1.Condition
		v1alpha1.SetVerdict(&conditions, v1alpha1.Failing("Invalid", message, true), 1, at(1))
		for _, c := range conditions {
			if !utf8.ValidString(c.Message) || len(c.Message) > 4096 {
				t.Errorf("%s has a message of %d bytes, valid %t", c.Type, len(c.Message), utf8.ValidString(c.Message))
			}
			if short := len(message) <= 4096; short && c.Message != message {
				t.Errorf("a message of %d bytes was changed", len(message))
			}
		}
	})
}
