package report

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestRetry(t *testing.T) {
	const limit = 30 * time.Second
	cases := map[string]struct {
		why      string
		err      error
		tries    int
		min, max time.Duration
	}{
		"Invalid":     {why: "Only a commit can help, so nothing is tried.", err: fault.Invalid("x")},
		"Unavailable": {why: "The first try comes soon.", err: fault.Unavailable("x"), min: time.Second, max: 1200 * time.Millisecond},
		"Later":       {why: "Each try waits twice as long.", err: fault.Unavailable("x"), tries: 3, min: 8 * time.Second, max: 9600 * time.Millisecond},
		"Limit":       {why: "retryMax bounds it.", err: fault.Unavailable("x"), tries: 60, min: limit, max: limit * 6 / 5},
		"Mixed":       {why: "One fault that time can mend is worth a try.", err: fault.Join(fault.Invalid("x"), fault.Denied("y")), min: 5 * time.Second, max: 6 * time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := retry(tc.err, tc.tries, limit); got < tc.min || got > tc.max {
				t.Errorf("%s\nretry = %s, want between %s and %s", tc.why, got, tc.min, tc.max)
			}
		})
	}
}

func TestTrouble(t *testing.T) {
	stack := func(v v1alpha1.Verdict) *v1alpha1.Stack {
		s := &v1alpha1.Stack{}
		v1alpha1.SetVerdict(&s.Status.Conditions, v, 1, metav1.Now())
		return s
	}
	failing := func(text string) v1alpha1.Verdict { return Fault(fault.Invalid("%s", text)) }
	cases := map[string]struct {
		why           string
		before, after v1alpha1.Verdict
		err           error
		want          bool
	}{
		"NewFault":   {why: "A fault is told once.", before: v1alpha1.InSync("c", 1), after: failing("a"), err: fault.Invalid("a"), want: true},
		"SameFault":  {why: "A pass that finds it again says nothing.", before: failing("a"), after: failing("a"), err: fault.Invalid("a")},
		"OtherFault": {why: "Another fault is another event.", before: failing("a"), after: failing("b"), err: fault.Invalid("b"), want: true},
		"Degraded":   {why: "Bad health is no error of the pass, and still has to be told.", before: v1alpha1.Progressing("x"), after: v1alpha1.Degraded("y"), want: true},
		"Worse":      {why: "The words of bad health change as pods come and go.", before: v1alpha1.Degraded("1 of 3"), after: v1alpha1.Degraded("2 of 3")},
		"Progress":   {why: "Being on the way is no trouble.", before: v1alpha1.InSync("c", 1), after: v1alpha1.Progressing("x")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := Written{Before: stack(tc.before), After: stack(tc.after), Verdict: tc.after, Err: tc.err}
			if got := trouble(w); got != tc.want {
				t.Errorf("%s\ntrouble = %v, want %v", tc.why, got, tc.want)
			}
		})
	}
}

func TestLatestPrefersOwnWrite(t *testing.T) {
	r := New(nil, nil, nil)
	old := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{UID: "u", ResourceVersion: "9"}}
	own := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{UID: "u", ResourceVersion: "10"}}
	next := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{UID: "u", ResourceVersion: "11"}}
	r.Wrote(own)
	if got := r.Latest(old); got != own {
		t.Error("a cache that lags behind our own write must not be patched against")
	}
	if got := r.Latest(next); got != next {
		t.Error("a cache that has caught up is the truth")
	}
	if got := r.Latest(old); got != old {
		t.Error("what the cache has caught up with is not kept")
	}
}
