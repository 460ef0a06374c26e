package live

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	shelfctl "github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

const database = `module.db.fakecloud_database.main["a/b"]`

var network = lockstep.Unit{Namespace: "net", Name: "base"}

// waits is a Stack with a module whose plan k is held by gate.
func waits(k shelfctl.Plan, gate string) *v1alpha1.Stack {
	s := &v1alpha1.Stack{}
	s.Namespace, s.Name = network.Namespace, network.Name
	s.Spec.Terraform = &v1alpha1.Terraform{}
	s.Status.Plan = &v1alpha1.PlanSummary{Digest: k.Digest, Held: gate}
	return s
}

func keptPlan() shelfctl.Plan {
	set := change.Set{
		Changes: []change.Change{
			{Address: "a.created", Type: "a", Action: change.Create, Fields: []change.Field{{Path: "id", Unknown: true}}},
			{Address: "a.moved", Type: "a", Action: change.Replace, Fields: []change.Field{{Path: "zone", From: `"a"`, To: `"b"`, Forces: true}}},
			{Address: "data.read", Type: "data", Action: change.Read},
			{Address: database, Type: "fakecloud_database", Action: change.Delete},
			{Address: "a.gone", Type: "a", Action: change.Delete},
		},
		Outputs: []change.OutputChange{{Name: "url", Action: change.Update, To: `"x"`, Sensitive: true}},
		State:   change.StateRef{Lineage: "l", Serial: 7},
	}
	return shelfctl.Plan{
		Digest: set.Digest(), Set: set, Commit: "c1", Tool: "tofu 1.12.6", Planned: time.Unix(5, 0).UTC(),
		Findings: []risk.Finding{{Key: lockstep.ResourceKey("fakecloud_database", database, ""), Level: risk.Loss, Rule: "database", Why: "it goes", Ways: []risk.Way{{Name: "forget it", Text: "removed {}"}}}},
	}
}

// TestWaitingModule: what a person reads of a kept plan begins with what they must not
// overlook, and leaves nothing out that an approval needs.
func TestWaitingModule(t *testing.T) {
	k := keptPlan()
	w, err := KeptWaiting(t.Context(), waits(k, "loss"), func(context.Context, lockstep.Unit) (shelfctl.Plan, bool, error) { return k, true, nil })
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, c := range w.Changes {
		order = append(order, c.Action+" "+c.ID)
	}
	if diff := cmp.Diff([]string{"delete " + database, "delete a.gone", "replace a.moved", "create a.created"}, order); diff != "" {
		t.Error(diff)
	}
	if !w.Changes[0].Loss || w.Changes[1].Loss || !w.Changes[2].Fields[0].Forces || !w.Changes[3].Fields[0].Unknown {
		t.Errorf("marks are missing: %+v", w.Changes)
	}
	if diff := cmp.Diff([]string{database}, w.Accept); diff != "" {
		t.Error(diff)
	}
	if w.Digest != k.Digest || w.Moved != "" || !w.Opens || w.Serial != 7 || w.Revision != "c1" || w.Tool != "tofu 1.12.6" || !w.Outputs[0].Sensitive || w.Findings[0].Ways[0].Text != "removed {}" {
		t.Errorf("got %+v", w)
	}
	s := waits(k, "loss")
	s.Status.Plan.Digest = "sha256:other"
	if w = moduleWaiting(s, k); w.Digest != "sha256:other" || w.Moved != k.Digest {
		t.Errorf("a plan that moved shows as %s, moved %s", w.Digest, w.Moved)
	}
	for name, s := range map[string]*v1alpha1.Stack{"open": waits(k, ""), "none": {}} {
		if _, err := HeldPlan(s); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWaitingBound(t *testing.T) {
	k := shelfctl.Plan{}
	for range mostWaiting + 5 {
		k.Set.Changes = append(k.Set.Changes, change.Change{Address: "a.b", Action: change.Create, Fields: make([]change.Field, mostFields+3)})
	}
	k.Set.Changes = append(k.Set.Changes, change.Change{Address: "z.z", Action: change.Delete})
	w := moduleWaiting(waits(k, "approval"), k)
	if len(w.Changes) != mostWaiting || w.Left != 6 || w.Changes[0].ID != "z.z" || w.Changes[1].Further != 3 {
		t.Errorf("%d changes, %d left, first %s", len(w.Changes), w.Left, w.Changes[0].ID)
	}
}

func TestCheck(t *testing.T) {
	k := keptPlan()
	lossy := moduleWaiting(waits(k, "loss"), k)
	k.Findings = nil
	harmless := moduleWaiting(waits(k, "approval"), k)
	closed := moduleWaiting(waits(k, "empty-render"), k)
	good := Say{Plan: k.Digest, Reason: "it is empty", Accept: []string{database}}
	with := func(change func(*Say)) Say { s := good; change(&s); return s }
	for name, tt := range map[string]struct {
		why  string
		w    Waiting
		say  Say
		says string // in the refusal; "" is none
	}{
		"Named":     {"All that is lost, with a reason.", lossy, good, ""},
		"Moved":     {"What was read is not what would be done.", lossy, with(func(s *Say) { s.Plan = "sha256:00" }), "the plan moved: it is now " + k.Digest},
		"MovedNo":   {"A no is to one plan, too.", lossy, with(func(s *Say) { s.Plan, s.Rejected = "sha256:00", true }), "the plan moved"},
		"No":        {"A no names no losses.", lossy, Say{Plan: k.Digest, Rejected: true}, ""},
		"Unnamed":   {"A mere yes would open nothing, and says so at once.", lossy, with(func(s *Say) { s.Accept = nil }), "may lose the data of " + database},
		"Other":     {"Another name is a mistake.", lossy, with(func(s *Say) { s.Accept = append(s.Accept, "a.gone") }), `"a.gone" is nothing that the plan would lose`},
		"Pattern":   {"A pattern is no name.", lossy, with(func(s *Say) { s.Accept = []string{"*"} }), `"*" is nothing`},
		"NoReason":  {"A loss has a reason.", lossy, with(func(s *Say) { s.Reason = " " }), "needs a reason"},
		"Plain":     {"Where nothing is lost a yes is enough.", harmless, Say{Plan: k.Digest}, ""},
		"PlainName": {"And nothing is there to be named.", harmless, good, "is nothing that the plan would lose"},
		"OtherGate": {"No approval opens what is no approval's.", closed, Say{Plan: k.Digest}, "held by empty-render, which no approval opens"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.w.Check(network, tt.say)
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || fault.KindOf(err) != fault.KindBlocked || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%s\ngot %v", tt.why, err)
			}
		})
	}
}

// TestSaid: the same words twice are one approval, unless the first does not count any
// more and the plan waits again.
func TestSaid(t *testing.T) {
	k := keptPlan()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	a := Say{Plan: k.Digest, Reason: "r", Accept: []string{database}}.Approval("ana", now)
	given := func(gate string, ago time.Duration) *v1alpha1.Stack {
		s := waits(k, gate)
		s.Spec.Approval = Say{Plan: k.Digest, Reason: "r", Accept: []string{database}}.Approval("ana", now.Add(-ago))
		return s
	}
	used := given("loss", time.Minute)
	if used.Status.Consumed = []string{"x"}; !Said(used, a) {
		t.Error("another approval that was used up is none of ours")
	}
	if used.Status.Consumed = []string{stack.ApprovalOf(used).ID()}; Said(used, a) {
		t.Error("one that was used up is to be given anew")
	}
	b := *a
	b.By = "mia"
	for name, tt := range map[string]struct {
		why  string
		s    *v1alpha1.Stack
		a    *v1alpha1.Approval
		want bool
	}{
		"First":   {"Nobody said anything.", waits(k, "loss"), a, false},
		"Replay":  {"An answer was lost on its way.", given("loss", time.Second), a, true},
		"Done":    {"It did its work.", given("", 48*time.Hour), a, true},
		"Another": {"Somebody else says so, too.", given("loss", time.Second), &b, false},
		"Old":     {"It does not count for ever.", given("loss", 25*time.Hour), a, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Said(tt.s, tt.a); got != tt.want {
				t.Errorf("%s: %v", tt.why, got)
			}
		})
	}
}
