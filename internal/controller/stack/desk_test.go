package stack

import (
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/runs"
)

func TestDeskTakes(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	const key = "sha256:0123456789abcdef0123"
	changes := runs.Result{Proposal: driver.Proposal{Set: change.Set{Changes: []change.Change{{Address: "a.b", Action: change.Create}}}}}
	id := func(intent string) string { return intent + "." + shortKey(key) + ".uid.1" }
	for name, tt := range map[string]struct {
		why              string
		run              runs.Run
		before           desk
		proposed, proved bool
		failed, applied  bool
	}{
		"Plan":       {"What was planned lies there.", runs.Run{ID: id(intentPlan), Intent: intentPlan, Result: changes}, desk{}, true, false, false, false},
		"Nothing":    {"Nothing to do is known from then on.", runs.Run{ID: id(intentPlan), Intent: intentPlan}, desk{}, false, true, false, false},
		"Other":      {"A plan of what nobody asks for any more is dropped.", runs.Run{ID: "plan.ffff.uid.1", Intent: intentPlan, Result: changes}, desk{}, false, false, false, false},
		"Destroy":    {"A plan to destroy is none to apply.", runs.Run{ID: id(intentDestroy), Intent: intentDestroy, Result: changes}, desk{}, false, false, false, false},
		"Destroying": {"Unless the Stack goes.", runs.Run{ID: id(intentDestroy), Intent: intentDestroy, Result: changes}, desk{destroying: true}, true, false, false, false},
		"Stopped":    {"A plan that a newer commit stopped is no failure, in whatever words the tool ends.", runs.Run{ID: id(intentPlan), Intent: intentPlan, Canceled: true, Err: fault.Timeout("was stopped")}, desk{}, false, false, false, false},
		"Failed":     {"One that fails is tried again later.", runs.Run{ID: id(intentPlan), Intent: intentPlan, Err: fault.Unavailable("no")}, desk{}, false, false, true, false},
		"Stale":      {"Where the state moved it is planned again, at once.", runs.Run{ID: id(intentApply), Intent: intentApply, Err: fault.Conflict("moved")}, desk{proposal: &driver.Proposal{}}, false, false, false, false},
		"Applied":    {"How an apply ended is for the next pass.", runs.Run{ID: id(intentApply), Intent: intentApply}, desk{proposal: &driver.Proposal{}}, false, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(tt.why)
			d := tt.before
			d.key = key
			d.take(tt.run, key, now, time.Minute)
			if (d.proposal != nil) != tt.proposed || d.proved != tt.proved || (d.failed != nil) != tt.failed || (d.applied != nil) != tt.applied {
				t.Errorf("the desk is %+v", d)
			}
			if got := d.paused(now); got != tt.failed {
				t.Errorf("paused: %v, want %v", got, tt.failed)
			}
		})
	}
}
