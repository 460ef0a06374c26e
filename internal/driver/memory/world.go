// Package memory is a Target that lives in memory: the driver that passes
// drivertest first, and what everything above a driver is tested on.
//
// A [World] plays the cluster. It outlives the drivers that are connected to it,
// so a test can restart one, run two side by side, or come in from outside and
// change what they made. Lists are one field here; everything else that
// server-side apply does with ownership is there.
package memory

import (
	"maps"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// World is what Drivers are connected to. Its methods are what happens there
// without them.
type World struct {
	mu      sync.Mutex
	objects map[lockstep.Key]*object
	served  map[lockstep.GroupKind]bool
	health  map[lockstep.Key]lockstep.Health
	rules   map[lockstep.Unit]*health.Rules
	refusal map[lockstep.Key]*fault.Fault
	outage  *fault.Fault
	writes  int
	counter int
	drivers map[*Driver]bool
}

// object is one object of a World. Trees in it are never changed, only replaced.
type object struct {
	key     lockstep.Key
	tree    map[string]any
	uid, rv string
	// applied is what our last apply sent, marks included; nil for an object that
	// no driver applied. Being kept here, it survives a restart, as managed fields
	// do.
	applied map[string]any
	// touched says who has since changed one of its fields.
	touched map[string]string
}

// NewWorld returns an empty World that serves the built-in kinds.
func NewWorld() *World {
	return &World{
		objects: map[lockstep.Key]*object{},
		served:  map[lockstep.GroupKind]bool{},
		health:  map[lockstep.Key]lockstep.Health{},
		rules:   map[lockstep.Unit]*health.Rules{},
		refusal: map[lockstep.Key]*fault.Fault{},
		drivers: map[*Driver]bool{},
	}
}

// Serve makes the World know a kind that is not built in; applying a
// CustomResourceDefinition does so, too.
func (w *World) Serve(gk lockstep.GroupKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.served[gk] = true
}

// Cut makes every call of every Driver fail with f, Mend ends that.
func (w *World) Cut(f *fault.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outage = f
}

// Mend makes calls succeed again.
func (w *World) Mend() { w.Cut(nil) }

// Refuse makes every write to key fail with f; nil ends that.
func (w *World) Refuse(key lockstep.Key, f *fault.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f == nil {
		delete(w.refusal, key)
		return
	}
	w.refusal[key] = f
}

// SetHealth says how the object of key is doing from now on, whatever its
// status says.
func (w *World) SetHealth(key lockstep.Key, h lockstep.Health) {
	w.mu.Lock()
	w.health[key] = h
	told := w.tell(nil, w.objects[key])
	w.mu.Unlock()
	told()
}

// Writes counts the changes that Drivers have made.
func (w *World) Writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes
}

// Get returns a copy of an object, nil when there is none.
func (w *World) Get(key lockstep.Key) map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.objects[key]
	if o == nil {
		return nil
	}
	return clone(o.tree)
}

// Create puts an object there as somebody else would.
func (w *World) Create(tree map[string]any) {
	w.mu.Lock()
	o := w.add(lockstep.Object{Tree: clone(tree)})
	told := w.tell(nil, o)
	w.mu.Unlock()
	told()
}

// Edit lets manager change an object.
func (w *World) Edit(key lockstep.Key, manager string, change func(tree map[string]any)) {
	w.mu.Lock()
	old := w.objects[key]
	if old == nil {
		w.mu.Unlock()
		return
	}
	tree := clone(old.tree)
	change(tree)
	o := *old
	o.tree, o.rv, o.touched = tree, w.next(), maps.Clone(old.touched)
	if o.touched == nil {
		o.touched = map[string]string{}
	}
	for path := range differences(old.tree, tree) {
		o.touched[path] = manager
	}
	w.objects[key] = &o
	told := w.tell(nil, old, &o)
	w.mu.Unlock()
	told()
}

// Delete removes an object.
func (w *World) Delete(key lockstep.Key) {
	w.mu.Lock()
	old := w.objects[key]
	delete(w.objects, key)
	told := w.tell(nil, old)
	w.mu.Unlock()
	told()
}

// add stores a new object; w.mu is held.
func (w *World) add(d lockstep.Object) *object {
	o := &object{key: d.Key(), tree: d.Tree, uid: "uid-" + w.next(), rv: w.next()}
	w.objects[o.key] = o
	return o
}

func (w *World) next() string {
	w.counter++
	return strconv.Itoa(w.counter)
}

// tell returns a function that notifies every driver but the one that did it,
// to be called without the lock. w.mu is held.
func (w *World) tell(by *Driver, about ...*object) func() {
	seen := map[driver.Change]bool{}
	for _, o := range about {
		if o != nil && o.unit() != (lockstep.Unit{}) {
			seen[driver.Change{Unit: o.unit(), Key: o.key}] = true
		}
	}
	var listeners []func(driver.Change)
	for d := range w.drivers {
		if d != by && d.onChange != nil {
			listeners = append(listeners, d.onChange)
		}
	}
	return func() {
		for _, f := range listeners {
			for c := range seen {
				f(c)
			}
		}
	}
}

// serves says whether the World knows a kind: built-in groups have no dot or
// end in k8s.io.
func (w *World) serves(gk lockstep.GroupKind) bool {
	builtIn := !strings.Contains(gk.Group, ".") || strings.HasSuffix(gk.Group, ".k8s.io")
	return builtIn || w.served[gk]
}

// unit reads the mark.
func (o *object) unit() lockstep.Unit {
	u, err := lockstep.ParseUnit(lockstep.Object{Tree: o.tree}.Annotation(v1alpha1.AnnotationUnit), "")
	if err != nil {
		return lockstep.Unit{}
	}
	return u
}

// differences returns the paths of the fields in which two trees differ, dotted
// as people read them.
func differences(a, b map[string]any) map[string]bool {
	out := map[string]bool{}
	compare(a, b, "", out)
	return out
}

func compare(a, b any, at string, out map[string]bool) {
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if (isMap || a == nil) && (both || b == nil) && (isMap || both) {
		for k := range x {
			compare(x[k], y[k], join(at, k), out)
		}
		for k := range y {
			if _, ok := x[k]; !ok {
				compare(nil, y[k], join(at, k), out)
			}
		}
		return
	}
	if !reflect.DeepEqual(a, b) {
		out[at] = true
	}
}

func join(at, k string) string {
	if strings.ContainsAny(k, "./") {
		return at + "[" + strconv.Quote(k) + "]"
	}
	if at == "" {
		return k
	}
	return at + "." + k
}

func clone(tree map[string]any) map[string]any {
	c, _ := lockstep.CloneTree(tree).(map[string]any)
	return c
}
