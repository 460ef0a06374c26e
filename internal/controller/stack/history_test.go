package stack

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestNewReleases(t *testing.T) {
	one, two := v1alpha1.Release{ID: 1, Outcome: outcomeSucceeded}, v1alpha1.Release{ID: 2, Outcome: outcomeProgressing}
	over := two
	over.Outcome = outcomeSuperseded
	three := v1alpha1.Release{ID: 3, Outcome: outcomeProgressing}
	cases := map[string]struct {
		why         string
		before, now []v1alpha1.Release
		want        []int64
	}{
		"None":       {why: "A Stack that was never released has nothing on record."},
		"Same":       {why: "A pass that changed nothing writes nothing.", before: []v1alpha1.Release{two, one}, now: []v1alpha1.Release{two, one}},
		"Begun":      {why: "A release that begins is on record.", before: []v1alpha1.Release{one}, now: []v1alpha1.Release{two, one}, want: []int64{2}},
		"Superseded": {why: "The older one ends before the next begins.", before: []v1alpha1.Release{two, one}, now: []v1alpha1.Release{three, over, one}, want: []int64{2, 3}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []int64
			for _, r := range newReleases(tc.before, tc.now) {
				got = append(got, r.ID)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestTold(t *testing.T) {
	u := lockstep.Unit{Namespace: "n", Name: "s"}
	at := func(field string, s lockstep.DriftState) lockstep.Drift {
		return lockstep.Drift{Object: lockstep.Key{Kind: "ConfigMap", Namespace: "n", Name: "c"}, Field: field, State: s}
	}
	a, b := at("data.a", lockstep.DriftReported), at("data.b", lockstep.DriftReported)
	var memory told
	steps := []struct {
		why         string
		before, now []lockstep.Drift
		found, gone int
	}{
		{"After a restart, what the status says is known.", []lockstep.Drift{a}, []lockstep.Drift{a, b}, 1, 0},
		{"What is known is not news.", nil, []lockstep.Drift{a, b}, 0, 0},
		{"That it is decided otherwise is.", nil, []lockstep.Drift{at("data.a", lockstep.DriftResting), b}, 1, 0},
		{"What ended is said once.", nil, nil, 0, 2},
		{"And then there is nothing to say.", nil, nil, 0, 0},
	}
	for _, s := range steps {
		found, gone := memory.next(u, s.before, s.now)
		if len(found) != s.found || len(gone) != s.gone {
			t.Errorf("%s\nfound %v, gone %v", s.why, found, gone)
		}
	}
	if len(memory.of) != 0 {
		t.Error("a Stack without drift is remembered")
	}
}
