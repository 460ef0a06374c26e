package httpapi

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
	"github.com/lockstep-dev/lockstep/internal/store"
)

func TestLifecycleTimes(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	all := store.Times{Committed: noon, Fetched: in(2), Started: in(3), Rendered: in(4), Planned: in(4.5), Applied: in(6), Healthy: in(16), Ended: in(16)}
	with := func(change func(*store.Times)) store.Times {
		out := all
		change(&out)
		return out
	}
	cases := map[string]struct {
		why            string
		cause, outcome string
		times          store.Times
		took           map[string]float64
		lead           float64
	}{
		"Commit": {
			why: "Each step has the seconds since the one before, and all of them are the lead time.", cause: "commit", outcome: "Succeeded", times: all,
			took: map[string]float64{"fetched": 2, "rendered": 2, "planned": 0.5, "applied": 1.5, "healthy": 10}, lead: 16,
		},
		"Unknown": {
			why: "A step that nobody noted is part of the one after it.", cause: "commit", outcome: "Succeeded",
			times: with(func(s *store.Times) { s.Fetched, s.Planned = time.Time{}, time.Time{} }),
			took:  map[string]float64{"rendered": 4, "applied": 2, "healthy": 10}, lead: 16,
		},
		"Heal": {
			why: "The commit of a heal is old: nothing is counted from there.", cause: "drift", outcome: "Succeeded",
			times: with(func(s *store.Times) { s.Committed, s.Fetched = in(-9000), in(-8000) }),
			took:  map[string]float64{"rendered": 1, "planned": 0.5, "applied": 1.5, "healthy": 10},
		},
		"Ahead": {
			why: "A commit may be of a clock that is ahead.", cause: "commit", outcome: "Succeeded",
			times: with(func(s *store.Times) { s.Committed = in(100) }),
			took:  map[string]float64{"fetched": 0, "rendered": 2, "planned": 0.5, "applied": 1.5, "healthy": 10},
		},
		"UnderWay": {
			why: "What runs took no time yet.", cause: "commit", outcome: "Progressing",
			times: with(func(s *store.Times) { s.Healthy, s.Ended = time.Time{}, time.Time{} }),
			took:  map[string]float64{"fetched": 2, "rendered": 2, "planned": 0.5, "applied": 1.5},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &v1alpha1.Stack{}
			s.Status.History = []v1alpha1.Release{{ID: 7, Cause: tc.cause, Outcome: tc.outcome}}
			l := lifecycleOf(s, standing.Of(s))
			l.timed(tc.times)
			took := map[string]float64{}
			for _, x := range l.Steps {
				if x.Took != nil {
					took[x.Name] = *x.Took
				}
			}
			if diff := cmp.Diff(tc.took, took); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
			lead := 0.0
			if l.Lead != nil {
				lead = *l.Lead
			}
			if lead != tc.lead {
				t.Errorf("%s\nlead %v, want %v", tc.why, lead, tc.lead)
			}
			if h := l.Steps[len(l.Steps)-1]; tc.outcome == "Progressing" && (h.At == nil || !h.At.Equal(all.Applied)) {
				t.Errorf("%s\nhealthy is under way since %v", tc.why, h.At)
			}
		})
	}
}
