// Package drivertest states every promise of the driver contract as a test. A
// driver that passes [Run] can stand behind everything that is built on
// internal/driver; a promise that is not checked here is not one.
package drivertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Place is one Target under test, with a door for those who are not Lockstep.
type Place interface {
	// Connect opens a driver. Several may be open at once, and one that is opened
	// after another was closed finds what that one left.
	Connect(t testing.TB, onChange func(driver.Change)) driver.Driver
	// Namespace exists, is empty, and nobody else uses it.
	Namespace() string

	// Create puts an object there that no driver applied.
	Create(t testing.TB, tree map[string]any)
	// Edit lets a manager named "somebody" change an object.
	Edit(t testing.TB, key lockstep.Key, change func(tree map[string]any))
	// Delete removes an object.
	Delete(t testing.TB, key lockstep.Key)
	// Get returns an object, nil if there is none.
	Get(t testing.TB, key lockstep.Key) map[string]any
}

// Run checks every promise on places that open makes, one for each.
func Run(t *testing.T, open func(t *testing.T) Place) {
	for name, p := range promises {
		t.Run(name, func(t *testing.T) {
			t.Log(p.why)
			p.check(newRig(t, open(t)))
		})
	}
}

// promise is one sentence of the contract.
type promise struct {
	why   string
	check func(*rig)
}

// rig is a place, a driver on it, and a unit that uses them.
type rig struct {
	t     *testing.T
	place Place
	driver.Driver
	unit    lockstep.Unit
	changes *recorder
}

func newRig(t *testing.T, p Place) *rig {
	t.Helper()
	r := &rig{t: t, place: p, unit: lockstep.Unit{Namespace: p.Namespace(), Name: "shop"}}
	r.open()
	return r
}

// open connects, closing what was connected before: a restart.
func (r *rig) open() {
	r.t.Helper()
	if r.Driver != nil {
		r.Close()
	}
	r.changes = &recorder{}
	d := r.place.Connect(r.t, r.changes.add)
	r.Driver = d
	r.t.Cleanup(d.Close)
}

// other is a second unit on the same place.
func (r *rig) other() lockstep.Unit {
	return lockstep.Unit{Namespace: r.place.Namespace(), Name: "warehouse"}
}

func (r *rig) configMap(name string, data map[string]any) lockstep.Object {
	return lockstep.Object{Tree: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "namespace": r.place.Namespace()},
		"data":     data,
	}, Origin: lockstep.Origin{File: "shop/" + name + ".yaml", Line: 1}}
}

// step makes a plan step as package plan would.
func step(verb lockstep.Verb, o lockstep.Object) plan.Step {
	s := plan.Step{Key: o.Key(), Verb: verb}
	if verb != lockstep.Delete && verb != lockstep.Orphan {
		s.Desired, s.Digest = o, diff.Digester{}.Object(o)
	}
	return s
}

// do applies a step and wants the result.
func (r *rig) do(verb lockstep.Verb, o lockstep.Object, want lockstep.Result) lockstep.Outcome {
	r.t.Helper()
	out := r.as(r.unit, step(verb, o))
	if out.Result != want {
		r.t.Fatalf("%s %s: %s (%v), want %s", verb, o.Key(), out.Result, out.Err, want)
	}
	if (out.Err != nil) != (want == lockstep.Failed) {
		r.t.Fatalf("%s %s: %s with error %v", verb, o.Key(), out.Result, out.Err)
	}
	if out.Key != o.Key() {
		r.t.Fatalf("the outcome is about %s, want %s", out.Key, o.Key())
	}
	return out
}

func (r *rig) as(u lockstep.Unit, s plan.Step) lockstep.Outcome {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	return r.Apply(ctx, driver.Actor{Unit: u}, s)
}

func (r *rig) observe(desired ...lockstep.Object) lockstep.Live {
	r.t.Helper()
	return r.observeAs(r.unit, desired...)
}

func (r *rig) observeAs(u lockstep.Unit, desired ...lockstep.Object) lockstep.Live {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	q := driver.Query{Unit: u, Kinds: []lockstep.GroupKind{{Kind: "ConfigMap"}, {Kind: "Secret"}}, Desired: desired}
	live, err := r.Observe(ctx, q)
	if err != nil {
		r.t.Fatalf("Observe: %v", err)
	}
	return live
}

// live returns one object of the unit, false if it is not there.
func (r *rig) live(o lockstep.Object) (lockstep.LiveObject, bool) {
	r.t.Helper()
	return find(r.observe(o), o.Key())
}

func find(l lockstep.Live, key lockstep.Key) (lockstep.LiveObject, bool) {
	for _, o := range l.Objects {
		if o.Key == key {
			return o, true
		}
	}
	return lockstep.LiveObject{}, false
}

// eventually waits for what comes by a watch.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited 15 s in vain for: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// recorder keeps changes.
type recorder struct {
	mu   sync.Mutex
	seen map[driver.Change]int
}

func (c *recorder) add(ch driver.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[driver.Change]int{}
	}
	c.seen[ch]++
}

func (c *recorder) count(ch driver.Change) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Whether it is told that a change is drift alone is a courtesy: a driver that
	// cannot tell says nothing.
	n := 0
	for _, drift := range []bool{false, true} {
		ch.Drift = drift
		n += c.seen[ch]
	}
	return n
}
