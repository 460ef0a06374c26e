package kubernetes

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// watchKey names one watch: a kind, in one namespace or ("") everywhere.
type watchKey struct {
	kind      lockstep.GroupKind
	namespace string
}

// watcher keeps the view true for one kind.
type watcher struct {
	key    watchKey
	at     mapping
	stop   context.CancelFunc
	synced chan struct{} // closed when the first list is in the view
	failed chan struct{} // closed when the first list could not be had

	// ended says that nobody needs it any more: another one may have begun, and
	// what this one still brings may be older than what that one knows.
	ended atomic.Bool

	mu  sync.Mutex
	err error // of the last try; nil while the watch stands
}

// watch makes sure that the kinds are watched, and waits until the view knows
// them.
func (c *Cluster) watch(ctx context.Context, kinds []mapping) error {
	var wanted []*watcher
	for _, m := range kinds {
		for _, ns := range c.scopes(m) {
			wanted = append(wanted, c.watcher(watchKey{kind: m.kind, namespace: ns}, m))
		}
	}
	for _, w := range wanted {
		if err := c.await(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// attempt is what the watch does, for explain.
func (w *watcher) attempt() attempt {
	return attempt{
		doing:  "watching " + w.at.kind.String(),
		access: access{verb: w.verb(), group: w.at.resource.Group, resource: w.at.resource.Resource, namespace: w.key.namespace},
	}
}

// scopes returns the namespaces that a kind is watched in, one by one where the
// credential does not reach further.
func (c *Cluster) scopes(m mapping) []string {
	if m.namespaced && len(c.opts.Namespaces) > 0 {
		return c.opts.Namespaces
	}
	return []string{metav1.NamespaceAll}
}

func (c *Cluster) await(ctx context.Context, w *watcher) error {
	select {
	case <-w.synced:
	case <-w.failed:
		select {
		case <-w.synced:
			// It came right before this goroutine had its turn, and is needed.
		default:
			// The next question starts a new watch; until then nobody needs this one.
			c.forget(w)
			return c.explain(ctx, w.firstError(), w.attempt())
		}
	case <-ctx.Done():
		return c.interrupted(ctx)
	case <-c.ctx.Done():
		return c.closed()
	}
	if err := w.lastError(); err != nil {
		return c.explain(ctx, err, w.attempt())
	}
	return nil
}

// watcher returns the running watch of key, or starts it.
func (c *Cluster) watcher(key watchKey, m mapping) *watcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.watches[key]; w != nil {
		return w
	}
	ctx, stop := context.WithCancel(c.ctx)
	w := &watcher{key: key, at: m, stop: stop, synced: make(chan struct{}), failed: make(chan struct{})}
	c.watches[key] = w
	go c.reflector(w).RunWithContext(quiet(ctx))
	return w
}

// quiet keeps the reflector from logging each of its tries; tried says what is
// worth a line.
func quiet(ctx context.Context) context.Context { return logr.NewContext(ctx, logr.Discard()) }

// forget ends a watch, so that the next question starts anew.
func (c *Cluster) forget(w *watcher) {
	w.ended.Store(true)
	w.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watches[w.key] == w {
		delete(c.watches, w.key)
	}
}

func (c *Cluster) reflector(w *watcher) *cache.Reflector {
	resource := c.dynamic.Resource(w.at.resource)
	client := resource.Namespace(w.key.namespace)
	log := logr.Discard()
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			l, err := c.list(ctx, w, o)
			c.tried(w, err)
			if err != nil {
				return nil, err
			}
			return l, nil
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = v1alpha1.LabelStack
			c.opening(w)
			s, err := client.Watch(ctx, o)
			c.tried(w, err)
			return s, err
		},
	}
	return cache.NewReflectorWithOptions(plainLists{lw}, &unstructured.Unstructured{}, &feed{c: c, w: w}, cache.ReflectorOptions{
		Name:            "target",
		TypeDescription: w.at.kind.String(),
		Logger:          &log,
		// A Target that comes back is to be noticed soon: healing waits for it.
		Backoff: &wait.Backoff{Duration: 500 * time.Millisecond, Cap: 10 * time.Second, Steps: 6, Factor: 2, Jitter: 0.5},
	})
}

// tried notes how the last try to list or watch went.
func (c *Cluster) tried(w *watcher, err error) {
	if err != nil && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err)) {
		return // too far behind: the list that follows is what counts
	}
	w.mu.Lock()
	news := err != nil && w.err == nil
	w.err = err
	w.mu.Unlock()
	if err == nil || c.ctx.Err() != nil {
		return
	}
	if news {
		c.log.Warn("cannot watch", "kind", w.at.kind.String(), "host", c.host, "err", err)
	}
	if apierrors.IsNotFound(err) {
		c.unserved(w)
	}
	select {
	case <-w.synced:
	case <-w.failed:
	default:
		close(w.failed)
	}
}

// unserved ends the watch of a kind whose definition is gone, and with it its
// objects.
func (c *Cluster) unserved(w *watcher) {
	c.catalog.invalidate()
	c.forget(w)
	c.notify(c.view.listed(nil, endOfTime, w.covers))
}

// endOfTime is later than every resource version.
const endOfTime = "18446744073709551615"

// verb is the permission that the last try needed.
func (w *watcher) verb() string {
	select {
	case <-w.synced:
		return "watch"
	default:
		return "list"
	}
}

func (w *watcher) lastError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// firstError is why there is no first list. The try after the one that failed may
// have been answered; what it brought is not in the view, and is not waited for.
func (w *watcher) firstError() error {
	if err := w.lastError(); err != nil {
		return err
	}
	return fault.Unavailable("the first list of %s failed", w.at.kind)
}

// covers says whether the watch speaks for r.
func (w *watcher) covers(r *record) bool {
	return r.key.GroupKind() == w.key.kind && (w.key.namespace == "" || r.key.Namespace == w.key.namespace)
}

// feed is the store that a reflector fills: it hands everything to the view.
type feed struct {
	c *Cluster
	w *watcher
}

var _ cache.ReflectorStore = (*feed)(nil)

// Add implements cache.ReflectorStore.
func (f *feed) Add(obj any) error { return f.Update(obj) }

// Update implements cache.ReflectorStore.
func (f *feed) Update(obj any) error {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("watch of %s brought a %T", f.w.at.kind, obj)
	}
	if f.w.ended.Load() {
		return nil
	}
	f.c.notify(f.c.view.seen(u.Object))
	return nil
}

// Delete implements cache.ReflectorStore. An object that lost our label leaves
// the watch and is gone for us, too.
func (f *feed) Delete(obj any) error {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("watch of %s brought a %T", f.w.at.kind, obj)
	}
	if f.w.ended.Load() {
		return nil
	}
	gvk := u.GroupVersionKind()
	key := lockstep.Key{Group: gvk.Group, Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}
	f.c.notify(f.c.view.gone(key, string(u.GetUID()), u.GetResourceVersion()))
	return nil
}

// Replace implements cache.ReflectorStore.
func (f *feed) Replace(items []any, rv string) error {
	if f.w.ended.Load() {
		return nil
	}
	records := make([]*record, 0, len(items))
	for _, it := range items {
		l, ok := it.(listed)
		if !ok {
			return fmt.Errorf("list of %s brought a %T", f.w.at.kind, it)
		}
		records = append(records, l.record)
	}
	found := f.c.view.listed(records, rv, f.w.covers)
	select {
	case <-f.w.synced:
		f.c.notify(found)
		return nil
	default:
		close(f.w.synced)
	}
	select {
	case <-f.w.failed:
		// Whoever asked for this list went on without it.
		f.c.notify(found)
	default:
		// Whoever asked for this list is about to read it.
	}
	return nil
}

// Resync implements cache.ReflectorStore; there is nothing to repeat.
func (f *feed) Resync() error { return nil }
