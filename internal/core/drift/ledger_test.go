package drift

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const limit = 5 * time.Minute

var (
	web    = lockstep.Key{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	config = lockstep.Key{Kind: "ConfigMap", Namespace: "shop", Name: "config"}
)

// drifted is one object whose fields somebody changed.
func drifted(k lockstep.Key, paths ...string) (plan.Unmet, plan.Step) {
	var changes []lockstep.FieldChange
	for _, p := range paths {
		changes = append(changes, lockstep.FieldChange{Path: p, From: "4", To: "1", Manager: "kubectl-edit", Operation: "Update"})
	}
	return plan.Unmet{Key: k, Sign: strings.Join(paths, ","), Drift: changes},
		plan.Step{Key: k, Verb: lockstep.Update, Heals: true, Changes: changes, Reason: "drift: changed by kubectl-edit"}
}

func planOf(steps ...plan.Step) plan.Plan {
	return plan.Plan{Stages: []plan.Stage{{Name: "workloads", Steps: steps}}}
}

func done(p plan.Plan) []lockstep.Outcome {
	var out []lockstep.Outcome
	for _, s := range p.Steps() {
		out = append(out, lockstep.Outcome{Key: s.Key, Verb: s.Verb, Result: lockstep.Done})
	}
	return out
}

// heal decides and carries out until the step was due, and returns how long that
// took.
func heal(l *Ledger, now *time.Time, u plan.Unmet, s plan.Step) (waited time.Duration) {
	for {
		d := l.Decide(planOf(s), []plan.Unmet{u}, limit, *now)
		if d.Again == 0 {
			l.Carried(d.Due, done(d.Due), *now)
			return waited
		}
		waited += d.Again
		*now = now.Add(d.Again)
	}
}

func TestFight(t *testing.T) {
	var l Ledger
	now := time.Unix(1000, 0)
	l.Begin(Wish{Key: "one"})
	u, s := drifted(web, "spec.replicas")
	var got []time.Duration
	for range 8 {
		got = append(got, heal(&l, &now, u, s))
	}
	want := []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, limit, 2 * limit, 4 * limit}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the first heal is at once, then each waits twice as long, and from the fifth on the field is left alone (-want +got):\n%s", diff)
	}

	l.Decide(planOf(s), []plan.Unmet{u}, limit, now)
	records := l.Records()
	if len(records) != 1 || records[0].State != lockstep.DriftResting {
		t.Fatalf("records %+v, want one that rests", records)
	}
	for _, word := range []string{"kubectl-edit and lockstep", "8 times", "spec.ignoreDifferences"} {
		if !strings.Contains(records[0].Next, word) {
			t.Errorf("%q does not say %q", records[0].Next, word)
		}
	}

	other, o := drifted(config, "data.key")
	d := l.Decide(planOf(s, o), []plan.Unmet{u, other}, limit, now)
	if steps := d.Due.Steps(); len(steps) != 1 || steps[0].Key != config {
		t.Errorf("due are %v, want the object that nobody fights over", steps)
	}
	both, b := drifted(web, "spec.paused", "spec.replicas")
	if waited := heal(&l, &now, both, b); waited != 0 {
		t.Errorf("a field that was not fought over waited %s", waited)
	}
	l.Begin(Wish{Key: "two"})
	if waited := heal(&l, &now, u, s); waited != 0 {
		t.Errorf("a new commit ends every fight, yet it waited %s", waited)
	}
	for range 3 {
		heal(&l, &now, u, s)
	}
	now = now.Add(Truce + time.Second)
	if waited := heal(&l, &now, u, s); waited != 0 {
		t.Errorf("after the truce it is forgotten, yet it waited %s", waited)
	}
}

// TestAsleep: what was decided to be left needs no plan until something changes.
func TestAsleep(t *testing.T) {
	var l Ledger
	now := time.Unix(1000, 0)
	l.Begin(Wish{Key: "one"})
	u, _ := drifted(web, "spec.replicas")
	unmets := []plan.Unmet{u}
	if _, asleep := l.Asleep(unmets, now); asleep {
		t.Error("asleep before anything was decided")
	}
	p := plan.Plan{Drifted: []plan.Drifted{{Key: web, Changes: u.Drift, State: lockstep.DriftReported, Why: "spec.sync.drift"}}}
	d := l.Decide(p, unmets, limit, now)
	if len(d.Detected) != 1 || !d.Due.Empty() {
		t.Errorf("decision %+v, want one detected and nothing due", d)
	}
	later := now.Add(time.Minute)
	u.Drift = []lockstep.FieldChange{{Path: "spec.replicas", From: "5", To: "1"}}
	if again, asleep := l.Asleep([]plan.Unmet{u}, later); !asleep || again != 0 {
		t.Errorf("asleep %t for %s, want until a change", asleep, again)
	}
	want := []lockstep.Drift{{Object: web, Field: "spec.replicas", Git: "1", Live: "5", Manager: "kubectl-edit", Operation: "Update",
		FirstSeen: now, State: lockstep.DriftReported, Next: "reported only: spec.sync.drift"}}
	if diff := cmp.Diff(want, l.Records()); diff != "" {
		t.Errorf("first seen stays, the value is the newest (-want +got):\n%s", diff)
	}
	if d := l.Decide(p, unmets, limit, later); len(d.Detected) != 0 {
		t.Errorf("detected once more: %+v", d.Detected)
	}
	u.Sign = "something else"
	if _, asleep := l.Asleep([]plan.Unmet{u}, later); asleep {
		t.Error("asleep although the object changed")
	}
	if _, asleep := l.Asleep(nil, later); !asleep || len(l.Records()) != 0 || len(l.entries) != 0 {
		t.Errorf("after it went: asleep %t, records %+v, %d entries", asleep, l.Records(), len(l.entries))
	}
}

// TestRestore: a new server goes on where the one before it stopped.
func TestRestore(t *testing.T) {
	start := time.Unix(1000, 0)
	var first Ledger
	first.Begin(Wish{Key: "one"})
	now := start
	u, s := drifted(web, "spec.replicas")
	for range Rounds {
		heal(&first, &now, u, s)
	}
	first.Decide(planOf(s), []plan.Unmet{u}, limit, now)
	left := first.Records()

	var second Ledger
	second.Begin(Wish{Key: "one"})
	second.Restore(left)
	now = now.Add(time.Minute)
	d := second.Decide(planOf(s), []plan.Unmet{u}, limit, now)
	if !d.Due.Empty() || d.Again != limit-time.Minute {
		t.Errorf("due %v, again in %s, want nothing due before %s", d.Due.Steps(), d.Again, limit-time.Minute)
	}
	if diff := cmp.Diff(left, second.Records(), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("records (-first server +second):\n%s", diff)
	}
}

// TestRepeatedSteps: what is not drift but comes back all the same slows down as
// well, a mark that is torn off for instance.
func TestRepeatedSteps(t *testing.T) {
	var l Ledger
	now := time.Unix(1000, 0)
	l.Begin(Wish{Key: "one"})
	u := plan.Unmet{Key: web, Sign: "unmarked"}
	s := plan.Step{Key: web, Verb: lockstep.Update, Reason: "exists already"}
	var got []time.Duration
	for range 5 {
		got = append(got, heal(&l, &now, u, s))
	}
	want := []time.Duration{0, 0, 0, time.Second, 2 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestClass(t *testing.T) {
	for manager, want := range map[string]string{
		"kubectl-edit": "kubectl", "kubectl": "kubectl", "helm": "helm", "helm-controller": "flux", "kustomize-controller": "flux",
		"argocd-controller": "argocd", "kube-controller-manager": "controller", "": "unknown", "my-operator": "other", "HashiCorp": "terraform",
	} {
		if got := Class(manager); got != want {
			t.Errorf("Class(%q) = %q, want %q", manager, got, want)
		}
	}
}
