package stack

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fleet"
)

func TestFightsSlowDown(t *testing.T) {
	p := newPass(&v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "api", Generation: 1}})
	p.stack.Spec.Sync.RetryMax = metav1.Duration{Duration: 5 * time.Second}
	p.memo = fleet.Memo{Key: "sha256:1"}
	var h heals
	now := time.Unix(1000, 0)
	act := func() time.Duration {
		var waited time.Duration
		for {
			left := h.wait(p, now)
			if left == 0 {
				return waited
			}
			waited += left
			now = now.Add(left)
		}
	}

	var got []time.Duration
	for range 8 {
		got = append(got, act())
	}
	s := time.Second
	want := []time.Duration{0, 0, 0, 1 * s, 2 * s, 4 * s, 5 * s, 5 * s}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the commit and two heals go at once, then each waits twice as long, up to retryMax (-want +got):\n%s", diff)
	}

	p.memo.Key = "sha256:2"
	if waited := act(); waited != 0 {
		t.Errorf("a new commit is no fight, yet it waited %s", waited)
	}
	for range 5 {
		act()
	}
	now = now.Add(truce + time.Second)
	if waited := act(); waited != 0 {
		t.Errorf("after the truce it is forgotten, yet it waited %s", waited)
	}
}
