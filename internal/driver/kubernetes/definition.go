package kubernetes

import (
	"context"
	"strings"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const definitionKind = "CustomResourceDefinition"
const definitionGroup = "apiextensions.k8s.io"

// establishedWithin bounds the wait for a new kind to be served.
const establishedWithin = 30 * time.Second

func isDefinition(k lockstep.Key) bool { return k.Kind == definitionKind && k.Group == definitionGroup }

// established waits until the kind that was just defined is served, so that its
// objects, in the next stage, find it.
func (c *Cluster) established(ctx context.Context, w write) error {
	ctx, cancel := context.WithTimeout(ctx, establishedWithin)
	defer cancel()
	for {
		r, moved := c.view.next(w.key)
		if r != nil && r.established {
			break
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fault.Timeout("the API has not established the kind within %s", establishedWithin).
				WithHint("kubectl describe %s says why", w.kubectl())
		}
	}
	return c.awaitServed(ctx, definedBy(w.step.Desired.Tree))
}

// awaitServed waits until discovery lists the kinds: it lags behind the
// condition by some milliseconds.
func (c *Cluster) awaitServed(ctx context.Context, kinds map[lockstep.GroupKind]string) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		if c.serves(ctx, kinds) {
			return nil
		}
		c.catalog.invalidate()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fault.Timeout("the API does not serve the new kind yet")
		}
	}
}

func (c *Cluster) serves(ctx context.Context, kinds map[lockstep.GroupKind]string) bool {
	all := true
	err := c.use(ctx, func(k *catalog) bool {
		all = true
		for gk, version := range kinds {
			m, ok := k.find(gk, version)
			all = all && ok && m.resource.Version == version
		}
		return true // a second reading is for the caller to ask for
	})
	return err == nil && all
}

// definedBy returns the kind that a definition defines, with a version that is
// to be served.
func definedBy(tree map[string]any) map[lockstep.GroupKind]string {
	group, _, _ := unstructured.NestedString(tree, "spec", "group")
	kind, _, _ := unstructured.NestedString(tree, "spec", "names", "kind")
	versions, _, _ := unstructured.NestedSlice(tree, "spec", "versions")
	for _, v := range versions {
		m, _ := v.(map[string]any)
		name, _ := m["name"].(string)
		if served, _ := m["served"].(bool); served {
			return map[lockstep.GroupKind]string{{Group: group, Kind: kind}: name}
		}
	}
	return nil
}

// expect remembers who asked for kinds that are not served, to wake them when
// they are.
func (c *Cluster) expect(q driver.Query, missing []lockstep.GroupKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for gk, units := range c.awaiting {
		delete(units, q.Unit)
		if len(units) == 0 {
			delete(c.awaiting, gk)
		}
	}
	for _, gk := range missing {
		if c.awaiting[gk] == nil {
			c.awaiting[gk] = map[lockstep.Unit]lockstep.Key{}
		}
		c.awaiting[gk][q.Unit] = lockstep.Key{Group: gk.Group, Kind: gk.Kind}
	}
	if len(missing) > 0 {
		c.watchDefinitions()
	}
}

// watchDefinitions makes a catalog miss heal by itself: it watches the names of
// all definitions, from the first time that somebody asks for a kind that is not
// served. c.mu is held.
func (c *Cluster) watchDefinitions() {
	if c.definitions {
		return
	}
	c.definitions = true
	ctx, stop := context.WithCancel(c.ctx)
	client := c.metadata.Resource(schema.GroupVersionResource{Group: definitionGroup, Version: "v1", Resource: "customresourcedefinitions"})
	tried := func(err error) {
		if apierrors.IsForbidden(err) {
			// A credential for a few namespaces: such units look again at their
			// interval.
			stop()
		}
	}
	log := logr.Discard()
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			l, err := client.List(ctx, o)
			tried(err)
			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := client.Watch(ctx, o)
			tried(err)
			return w, err
		},
	}
	r := cache.NewReflectorWithOptions(lw, &metav1.PartialObjectMetadata{}, definitions{c}, cache.ReflectorOptions{
		Name: "target", TypeDescription: definitionKind, Logger: &log,
	})
	go r.RunWithContext(quiet(ctx))
}

// definitions is told of every change to a definition and keeps nothing.
type definitions struct{ c *Cluster }

func (d definitions) changed(obj any) error {
	m, ok := obj.(*metav1.PartialObjectMetadata)
	if !ok {
		return nil
	}
	// A definition's name is "plural.group".
	_, group, _ := strings.Cut(m.Name, ".")
	d.c.wakeAwaiting(func(gk lockstep.GroupKind) bool { return gk.Group == group })
	return nil
}

// Add implements cache.ReflectorStore.
func (d definitions) Add(obj any) error { return d.changed(obj) }

// Update implements cache.ReflectorStore.
func (d definitions) Update(obj any) error { return d.changed(obj) }

// Delete implements cache.ReflectorStore. The watch of the kind notices by
// itself.
func (d definitions) Delete(any) error { return nil }

// Replace implements cache.ReflectorStore.
func (d definitions) Replace([]any, string) error {
	d.c.wakeAwaiting(func(lockstep.GroupKind) bool { return true })
	return nil
}

// Resync implements cache.ReflectorStore; there is nothing to repeat.
func (d definitions) Resync() error { return nil }

// wakeAwaiting wakes those who asked for a kind that may be served by now. They
// ask again, and are remembered again if it is not.
func (c *Cluster) wakeAwaiting(of func(lockstep.GroupKind) bool) {
	c.catalog.invalidate()
	var woken []driver.Change
	c.mu.Lock()
	for gk, units := range c.awaiting {
		if !of(gk) {
			continue
		}
		for u, key := range units {
			woken = append(woken, driver.Change{Unit: u, Key: key})
		}
	}
	c.mu.Unlock()
	c.notify(woken)
}
