package access

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	rbac "k8s.io/client-go/kubernetes/typed/rbac/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/access/rules"
)

// idle is how long the rules are watched after the last question that needed them.
const idle = 10 * time.Minute

// book is the rules of the cluster, watched while somebody's questions need them
// and forgotten when nobody's do: one list and one watch for each of four kinds.
// It gives hints where to look and words for answers; what is allowed is
// asked of the API each time.
type book struct {
	client rbac.RbacV1Interface

	mu    sync.Mutex
	watch *watching
	timer *time.Timer
}

// watching is one period of watching.
type watching struct {
	stop                                           context.CancelFunc
	clusterRoles, roles, clusterBindings, bindings toolscache.SharedInformer
	// changes counts what was seen to change.
	changes atomic.Uint64
	refused atomic.Bool // one of the lists, before it was ever read

	mu    sync.Mutex
	made  uint64
	cache *rules.Snapshot
}

// read returns the rules as they are.
func (b *book) read(ctx context.Context) (*rules.Snapshot, error) {
	w := b.open()
	if !w.ready(ctx) {
		return nil, fault.Unavailable("the rules of the cluster cannot be read").
			WithHint("may Lockstep's own account list and watch roles, rolebindings, clusterroles and clusterrolebindings? it is part of the ClusterRole lockstep-server")
	}
	return w.snapshot(), nil
}

// ready waits for the first lists. It gives up at once when the API refuses one, and
// later tries again: a permission may be given while the server runs.
func (w *watching) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !w.synced() {
		if w.refused.Load() {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func (w *watching) synced() bool {
	return w.clusterRoles.HasSynced() && w.roles.HasSynced() && w.clusterBindings.HasSynced() && w.bindings.HasSynced()
}

// open starts to watch if need be, and puts off the end of it.
func (b *book) open() *watching {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watch == nil {
		b.watch = b.start()
		b.timer = time.AfterFunc(idle, b.close)
	}
	b.timer.Reset(idle)
	return b.watch
}

func (b *book) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watch != nil {
		b.watch.stop()
		b.timer.Stop()
		b.watch = nil
	}
}

func (b *book) start() *watching {
	ctx, stop := context.WithCancel(context.Background())
	w := &watching{stop: stop}
	w.clusterRoles = w.inform(ctx, &rbacv1.ClusterRole{}, lists(b.client.ClusterRoles().List, b.client.ClusterRoles().Watch))
	w.clusterBindings = w.inform(ctx, &rbacv1.ClusterRoleBinding{}, lists(b.client.ClusterRoleBindings().List, b.client.ClusterRoleBindings().Watch))
	w.roles = w.inform(ctx, &rbacv1.Role{}, lists(b.client.Roles("").List, b.client.Roles("").Watch))
	w.bindings = w.inform(ctx, &rbacv1.RoleBinding{}, lists(b.client.RoleBindings("").List, b.client.RoleBindings("").Watch))
	return w
}

func lists[L runtime.Object](list func(context.Context, metav1.ListOptions) (L, error), watches func(context.Context, metav1.ListOptions) (watch.Interface, error)) *toolscache.ListWatch {
	return &toolscache.ListWatch{
		ListWithContextFunc:  func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) },
		WatchFuncWithContext: watches,
	}
}

func (w *watching) inform(ctx context.Context, kind runtime.Object, lw *toolscache.ListWatch) toolscache.SharedInformer {
	i := toolscache.NewSharedInformer(lw, kind, 0)
	_ = i.SetTransform(func(o any) (any, error) { // refused only once it runs
		if m, err := meta.Accessor(o); err == nil {
			m.SetManagedFields(nil)
			m.SetAnnotations(nil)
		}
		return o, nil
	})
	_ = i.SetWatchErrorHandler(func(_ *toolscache.Reflector, err error) {
		if apierrors.IsForbidden(err) {
			w.refused.Store(true)
		}
	})
	_, _ = i.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { w.changes.Add(1) },
		UpdateFunc: func(any, any) { w.changes.Add(1) },
		DeleteFunc: func(any) { w.changes.Add(1) },
	})
	go i.RunWithContext(ctx)
	return i
}

// snapshot is made anew only after something changed.
func (w *watching) snapshot() *rules.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.changes.Load()
	if w.cache == nil || n != w.made {
		w.cache, w.made = rules.New(rules.Lists{
			ClusterRoles:        all[rbacv1.ClusterRole](w.clusterRoles),
			Roles:               all[rbacv1.Role](w.roles),
			ClusterRoleBindings: all[rbacv1.ClusterRoleBinding](w.clusterBindings),
			RoleBindings:        all[rbacv1.RoleBinding](w.bindings),
		}), n
	}
	return w.cache
}

func all[T any](i toolscache.SharedInformer) []T {
	list := i.GetStore().List()
	out := make([]T, 0, len(list))
	for _, o := range list {
		if v, ok := any(o).(*T); ok {
			out = append(out, *v)
		}
	}
	return out
}
