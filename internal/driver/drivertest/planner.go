package drivertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Workshop is where a Planner works under test, with a door for those who are not it.
// It is about things, each of which has a name and a value that can be changed in
// place.
type Workshop interface {
	// Connect opens a planner. One that is opened after another finds what that one left.
	Connect(t testing.TB) driver.Planner
	// Job makes a job, always of the same unit, that wants these things.
	Job(t testing.TB, id string, want Things) driver.Job

	// Get returns the value that a thing has; false if there is no such thing.
	Get(t testing.TB, name string) (string, bool)
	// Edit changes a thing behind everybody's back.
	Edit(t testing.TB, name, value string)
	// Delete destroys a thing behind everybody's back.
	Delete(t testing.TB, name string)
	// Lock takes the state's lock for somebody else, and returns its ID.
	Lock(t testing.TB, who string) (id string, release func())
}

// Things are what a job wants.
type Things struct {
	Values map[string]string
	// Secret, if it is not "", is given to the job as a secret variable, becomes a part
	// of a thing named vault, and is the sensitive output "secret".
	Secret string
}

// RunPlanner checks every promise of [driver.Planner] in workshops that open makes, one
// for each.
func RunPlanner(t *testing.T, open func(t *testing.T) Workshop) {
	for _, name := range slices.Sorted(maps.Keys(plannerPromises)) {
		p := plannerPromises[name]
		t.Run(name, func(t *testing.T) {
			t.Log(p.why)
			w := open(t)
			p.check(&bench{t: t, Workshop: w, Planner: w.Connect(t)})
		})
	}
}

type plannerPromise struct {
	why   string
	check func(*bench)
}

// bench is a workshop with a planner in it.
type bench struct {
	Workshop
	driver.Planner
	t    *testing.T
	jobs int
	mu   sync.Mutex
	told []driver.Event
}

func (b *bench) job(values map[string]string) driver.Job {
	b.jobs++
	return b.Job(b.t, fmt.Sprintf("run-%d", b.jobs), Things{Values: values})
}

func (b *bench) tell(e driver.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, e)
}

func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), 3*time.Minute)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bench) plan(job driver.Job, intent driver.Intent) driver.Proposal {
	b.t.Helper()
	p, err := b.Plan(b.ctx(), job, intent, b.tell)
	if err != nil {
		b.t.Fatalf("Plan: %v", err)
	}
	if p.Digest != p.Set.Digest() {
		b.t.Fatalf("the digest is %s, not that of the set", p.Digest)
	}
	return p
}

func (b *bench) up(values map[string]string) driver.Applied {
	b.t.Helper()
	job := b.job(values)
	a, err := b.Apply(b.ctx(), job, b.plan(job, driver.IntentApply), b.tell)
	if err != nil {
		b.t.Fatalf("Apply: %v", err)
	}
	return a
}

// want holds things against what they should be.
func (b *bench) want(values map[string]string, gone ...string) {
	b.t.Helper()
	for name, v := range values {
		if got, ok := b.Get(b.t, name); !ok || got != v {
			b.t.Errorf("%s is %q (%v), want %q", name, got, ok, v)
		}
	}
	for _, name := range gone {
		if got, ok := b.Get(b.t, name); ok {
			b.t.Errorf("%s is there, with %q", name, got)
		}
	}
}

func (b *bench) kind(err error, want fault.Kind) {
	b.t.Helper()
	if err == nil || !errors.Is(err, want) {
		b.t.Fatalf("got %v, want a fault of kind %s", err, want)
	}
}

func actions(cs []change.Change) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Action.String())
	}
	slices.Sort(out)
	return out
}

type values = map[string]string

var plannerPromises = map[string]plannerPromise{
	"PlanWritesNothing": {
		why: "A plan is for reading; whoever makes one has changed nothing.",
		check: func(b *bench) {
			b.up(values{"a": "1", "b": "1"})
			before := b.plan(b.job(values{"a": "1", "b": "1"}), driver.IntentApply).Set.State
			for _, intent := range []driver.Intent{driver.IntentApply, driver.IntentDestroy, driver.IntentDrift} {
				b.plan(b.job(values{"a": "2", "c": "1"}), intent)
			}
			b.want(values{"a": "1", "b": "1"}, "c")
			after := b.plan(b.job(values{"a": "1", "b": "1"}), driver.IntentApply)
			if !after.Set.Empty() || after.Set.State != before {
				b.t.Errorf("afterwards there is %v to do, on state %+v, before it was %+v", actions(after.Set.Changes), after.Set.State, before)
			}
		},
	},
	"ApplyDoesThePlan": {
		why: "What was read is what is done: all of it and nothing else, with an outcome for each change.",
		check: func(b *bench) {
			b.up(values{"keep": "1", "edit": "1", "drop": "1"})
			job := b.job(values{"keep": "1", "edit": "2", "make": "1"})
			p := b.plan(job, driver.IntentApply)
			if d := cmp.Diff([]string{"create", "delete", "update"}, actions(p.Set.Changes)); d != "" {
				b.t.Fatalf("the plan (-want +got):\n%s", d)
			}
			a, err := b.Apply(b.ctx(), job, p, b.tell)
			if err != nil {
				b.t.Fatal(err)
			}
			b.want(values{"keep": "1", "edit": "2", "make": "1"}, "drop")
			if len(a.Outcomes) != len(p.Set.Changes) {
				b.t.Errorf("%d outcomes of %d changes: %+v", len(a.Outcomes), len(p.Set.Changes), a.Outcomes)
			}
			for _, o := range a.Outcomes {
				if o.Result != lockstep.Done || o.Err != nil {
					b.t.Errorf("%s: %s, %v", o.Address, o.Result, o.Err)
				}
			}
			if a.Resources != 3 || a.State.Serial <= p.Set.State.Serial {
				b.t.Errorf("%d resources on state %+v, planned on %+v", a.Resources, a.State, p.Set.State)
			}
		},
	},
	"PlanIsRepeatable": {
		why: "An approval names a digest; looking twice must not make two.",
		check: func(b *bench) {
			b.up(values{"a": "1"})
			want := values{"a": "2", "b": "1"}
			one, two := b.plan(b.job(want), driver.IntentApply), b.plan(b.job(want), driver.IntentApply)
			if one.Digest != two.Digest {
				b.t.Errorf("digests %s and %s", one.Digest, two.Digest)
			}
			if other := b.plan(b.job(values{"a": "3", "b": "1"}), driver.IntentApply); other.Digest == one.Digest {
				b.t.Error("another value has the same digest")
			}
		},
	},
	"NothingToDo": {
		why: "What is there already is no change.",
		check: func(b *bench) {
			b.up(values{"a": "1"})
			if p := b.plan(b.job(values{"a": "1"}), driver.IntentApply); !p.Set.Empty() || p.Set.Unchanged != 1 || p.Resources != 1 {
				b.t.Errorf("%+v, %d resources", p.Set, p.Resources)
			}
		},
	},
	"StaleIsRefused": {
		why: "Somebody applied since: the plan is not what would happen any more.",
		check: func(b *bench) {
			b.up(values{"a": "1"})
			job := b.job(values{"a": "2"})
			p := b.plan(job, driver.IntentApply)
			b.up(values{"a": "3", "b": "1"})
			_, err := b.Apply(b.ctx(), job, p, b.tell)
			b.kind(err, fault.KindConflict)
			b.want(values{"a": "3", "b": "1"})
		},
	},
	"TamperedIsRefused": {
		why: "What is kept of a plan lies on a disk; what was changed there is not carried out.",
		check: func(b *bench) {
			job := b.job(values{"a": "1"})
			p := b.plan(job, driver.IntentApply)
			bad := p
			bad.Artifact = bytes.Clone(p.Artifact)
			bad.Artifact[len(bad.Artifact)/2] ^= 1
			_, err := b.Apply(b.ctx(), job, bad, b.tell)
			b.kind(err, fault.KindConflict)
			bad = p
			bad.Set.Changes = nil
			_, err = b.Apply(b.ctx(), job, bad, b.tell)
			b.kind(err, fault.KindConflict)
			b.want(nil, "a")
		},
	},
	"DriftIsSeenWithoutTheLock": {
		why: "Looking must not wait for who works, nor hinder them, nor write down what it saw.",
		check: func(b *bench) {
			b.up(values{"a": "1", "b": "1"})
			if p := b.plan(b.job(values{"a": "1", "b": "1"}), driver.IntentDrift); len(p.Set.Drift) != 0 {
				b.t.Errorf("nobody did anything, and there is drift: %+v", p.Set.Drift)
			}
			b.Edit(b.t, "a", "edited")
			b.Delete(b.t, "b")
			_, release := b.Lock(b.t, "somebody")
			p := b.plan(b.job(values{"a": "1", "b": "1"}), driver.IntentDrift)
			release()
			if d := cmp.Diff([]string{"delete", "update"}, actions(p.Set.Drift)); d != "" {
				b.t.Errorf("drift (-want +got):\n%s", d)
			}
			if p.Artifact != nil {
				b.t.Error("there is something to apply")
			}
			if again := b.plan(b.job(values{"a": "1", "b": "1"}), driver.IntentDrift); again.Set.State != p.Set.State || len(again.Set.Drift) != 2 {
				b.t.Error("looking has changed the state")
			}
			b.want(values{"a": "edited"}, "b")
		},
	},
	"DriftIsHealedByApply": {
		why: "What others changed is brought back by a plan like any other.",
		check: func(b *bench) {
			b.up(values{"a": "1", "b": "1"})
			b.Edit(b.t, "a", "edited")
			b.Delete(b.t, "b")
			b.up(values{"a": "1", "b": "1"})
			b.want(values{"a": "1", "b": "1"})
		},
	},
	"DestroyIsAPlan": {
		why: "The same guards and approvals hold for it.",
		check: func(b *bench) {
			b.up(values{"a": "1", "b": "1"})
			job := b.job(values{"a": "1", "b": "1"})
			p := b.plan(job, driver.IntentDestroy)
			if d := cmp.Diff([]string{"delete", "delete"}, actions(p.Set.Changes)); d != "" {
				b.t.Fatalf("-want +got:\n%s", d)
			}
			a, err := b.Apply(b.ctx(), job, p, b.tell)
			if err != nil || a.Resources != 0 {
				b.t.Errorf("%v, %d resources left", err, a.Resources)
			}
			b.want(nil, "a", "b")
		},
	},
	"SameRunIsOneRun": {
		why: "A server that starts anew asks again; what was done is not done twice, even where the world has moved since.",
		check: func(b *bench) {
			job := b.job(values{"a": "1"})
			p := b.plan(job, driver.IntentApply)
			first, err := b.Apply(b.ctx(), job, p, b.tell)
			if err != nil {
				b.t.Fatal(err)
			}
			b.Edit(b.t, "a", "edited")
			again, err := b.Connect(b.t).Apply(b.ctx(), job, p, b.tell)
			if err != nil {
				b.t.Fatal(err)
			}
			b.want(values{"a": "edited"})
			if d := cmp.Diff(results(first), results(again)); d != "" {
				b.t.Errorf("outcomes (-first +again):\n%s", d)
			}
		},
	},
	"LockedByOthers": {
		why: "Who holds the lock is at work; the fault says so, and nothing is done.",
		check: func(b *bench) {
			b.up(values{"a": "1"})
			job := b.job(values{"a": "2"})
			p := b.plan(job, driver.IntentApply)
			_, release := b.Lock(b.t, "mia@laptop")
			_, err := b.Plan(b.ctx(), b.job(values{"a": "2"}), driver.IntentApply, b.tell)
			b.kind(err, fault.KindConflict)
			_, err = b.Apply(b.ctx(), job, p, b.tell)
			b.kind(err, fault.KindConflict)
			b.want(values{"a": "1"})
			release()
			b.up(values{"a": "2"})
			b.want(values{"a": "2"})
		},
	},
	"Unlock": {
		why: "A lock that nobody holds any more is taken off by its ID, and by no other.",
		check: func(b *bench) {
			b.up(values{"a": "1"})
			id, _ := b.Lock(b.t, "somebody who is gone")
			if err := b.Unlock(b.ctx(), b.job(values{"a": "1"}), "11111111-2222-3333-4444-555555555555"); err == nil {
				b.t.Error("another ID took the lock off")
			}
			if err := b.Unlock(b.ctx(), b.job(values{"a": "1"}), id); err != nil {
				b.t.Fatal(err)
			}
			b.up(values{"a": "2"})
		},
	},
	"Secrets": {
		why: "What is secret is in no set, no event and no error; as an output it is handed on, and marked.",
		check: func(b *bench) {
			const secret = "planted-secret-0123"
			job := b.Job(b.t, "secret-1", Things{Values: values{"a": "1"}, Secret: secret})
			p := b.plan(job, driver.IntentApply)
			a, err := b.Apply(b.ctx(), job, p, b.tell)
			if err != nil {
				b.t.Fatal(err)
			}
			next := b.plan(b.Job(b.t, "secret-2", Things{Values: values{"a": "1"}, Secret: secret + "-rotated"}), driver.IntentApply)
			if next.Set.Empty() {
				b.t.Error("another secret is no change")
			}
			seen, err := json.Marshal([]any{p.Set, next.Set, b.told, results(a)})
			if err != nil {
				b.t.Fatal(err)
			}
			if bytes.Contains(seen, []byte(secret)) || bytes.Contains(p.Artifact, []byte(secret)) {
				b.t.Error("the secret is seen")
			}
			out, err := b.Outputs(b.ctx(), b.Job(b.t, "secret-3", Things{Values: values{"a": "1"}, Secret: secret}))
			if err != nil {
				b.t.Fatal(err)
			}
			for where, o := range map[string]driver.Output{"Outputs": out["secret"], "Applied": a.Outputs["secret"], "Proposal": next.Outputs["secret"]} {
				if !o.Sensitive || !strings.Contains(string(o.Value), secret) {
					b.t.Errorf("%s hands on %+v", where, o)
				}
			}
		},
	},
	"StoppedIsWaitedFor": {
		why: "When ctx ends before anything was begun, nothing is done and the next one finds no lock.",
		check: func(b *bench) {
			job := b.job(values{"a": "1"})
			p := b.plan(job, driver.IntentApply)
			ctx, cancel := context.WithCancel(b.t.Context())
			cancel()
			if _, err := b.Apply(ctx, job, p, b.tell); err == nil {
				if _, made := b.Get(b.t, "a"); !made {
					b.t.Error("it was stopped, and says that it was done")
				}
			}
			b.up(values{"a": "1"})
			b.want(values{"a": "1"})
		},
	},
	"Discard": {
		why: "Forgetting a run is no error, whether it was there or not.",
		check: func(b *bench) {
			b.up(values{"a": "1"})
			for _, id := range []string{"run-1", "never"} {
				if err := b.Planner.Discard(id); err != nil {
					b.t.Error(err)
				}
			}
			b.want(values{"a": "1"})
		},
	},
}

// results are the outcomes in a form that compares.
func results(a driver.Applied) []string {
	var out []string
	for _, o := range a.Outcomes {
		out = append(out, fmt.Sprintf("%s %s %s %v", o.Address, o.Action, o.Result, o.Err))
	}
	return out
}
