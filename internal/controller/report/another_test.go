package report

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// named is at, as the API has it.
func named(uid string, s v1alpha1.StackStatus) *v1alpha1.Stack {
	return &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: types.UID(uid)}, Status: s}
}

// TestStatusOfAnotherStack: a Stack is deleted while its status is on its way and
// created anew. The new one must not get what the old one came to.
func TestStatusOfAnotherStack(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	fresh := v1alpha1.StackStatus{Revision: "new", ObservedGeneration: 1}
	old := v1alpha1.StackStatus{Revision: "old", ObservedGeneration: 2, Renderer: "helm"}
	next := v1alpha1.StackStatus{Revision: "newer", ObservedGeneration: 1, Renderer: "directory"}
	cases := map[string]struct {
		why        string
		there      v1alpha1.StackStatus // of the Stack that there is, whose uid is 2
		uid        string
		base, want v1alpha1.StackStatus
		live       v1alpha1.StackStatus
	}{
		"Another":     {"It is another's.", fresh, "1", v1alpha1.StackStatus{}, old, fresh},
		"AnotherLate": {"A change to it is another's, too.", fresh, "1", v1alpha1.StackStatus{Revision: "older"}, old, fresh},
		"First":       {"Nothing was written yet.", v1alpha1.StackStatus{}, "2", v1alpha1.StackStatus{}, fresh, fresh},
		"Change":      {"What stays is not sent, and what went goes.", old, "2", old, fresh, fresh},
		"Repeated":    {"The answer to the same was lost.", fresh, "2", old, fresh, fresh},
		"More":        {"What comes is added.", fresh, "2", fresh, next, next},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.Stack{}).WithObjects(named("2", tc.there)).Build()
			r := New(c, nil, slog.New(slog.DiscardHandler))
			r.outbox.put(t.Context(), named(tc.uid, tc.base), named(tc.uid, tc.want), false)
			l, _, _ := r.outbox.next(time.Now())
			r.send(t.Context(), l)
			if n := r.outbox.size(); n != 0 {
				t.Errorf("%d statuses are still on their way", n)
			}
			got := &v1alpha1.Stack{}
			if err := c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web"}, got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.live, got.Status); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
	if body, err := difference(fresh, named("2", fresh), ""); body != nil || err != nil {
		t.Errorf("for no change %s is sent, %v", body, err)
	}
}
