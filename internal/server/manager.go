package server

import (
	"context"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/member"
	"github.com/lockstep-dev/lockstep/internal/observe/kubeapi"
)

// quick returns cfg without a limit on our side: the API's priority and fairness
// decides who waits, with knowledge that a client does not have.
func quick(cfg *rest.Config) *rest.Config {
	out := rest.CopyConfig(cfg)
	out.QPS = -1
	out.UserAgent = "lockstep"
	return out
}

// guarded lets no write of a pass through that may not act any more.
func guarded(cfg *rest.Config) *rest.Config {
	cfg.Wrap(member.Guard)
	return cfg
}

func newManager(o Options, m *meters) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return ctrl.NewManager(guarded(m.counted(quick(o.Config), kubeapi.Local)), ctrl.Options{
		Scheme: scheme,
		// Three kinds are all that is ever read this way; discovery would cost
		// requests to learn what is known.
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return ownKinds(), nil },
		Cache: cache.Options{
			// Who owns which field of a Stack is nobody's question here, and is half of
			// its size.
			DefaultTransform: cache.TransformStripManagedFields(),
		},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
}

func ownKinds() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for kind, plural := range map[string]string{"Source": "sources", "Stack": "stacks", "Target": "targets"} {
		gv := v1alpha1.GroupVersion
		m.AddSpecific(gv.WithKind(kind), gv.WithResource(plural), gv.WithResource(plural), meta.RESTScopeNamespace)
	}
	return m
}

// control starts a controller for one kind. Writes to status and metadata that
// are our own do not come back as passes.
func (s *server) control(name string, kind client.Object, r reconcile.Reconciler, bind func(queue)) error {
	grab := source.Func(func(_ context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		bind(q)
		return nil
	})
	return ctrl.NewControllerManagedBy(s.mgr).
		Named(name).
		For(kind, builder.WithPredicates(meaningful())).
		WatchesRawSource(grab).
		WithOptions(controller.Options{MaxConcurrentReconciles: s.opts.Workers, SkipNameValidation: new(true), NewQueue: s.lines.queue}).
		Complete(r)
}

// meaningful lets through what a person or Git changed: the spec, a request, a
// deletion. A watch that was broken brings one that was deleted and created anew
// as an update: it is another one, however alike.
func meaningful() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
				e.ObjectOld.GetAnnotations()[v1alpha1.AnnotationReconcileAt] != e.ObjectNew.GetAnnotations()[v1alpha1.AnnotationReconcileAt] ||
				e.ObjectOld.GetAnnotations()[v1alpha1.AnnotationTestAt] != e.ObjectNew.GetAnnotations()[v1alpha1.AnnotationTestAt] ||
				e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}

// queue is a controller's work queue.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// queues lets any part wake a controller. What is added before a controller
// runs is kept for it.
type queues struct {
	sources, targets, stacks inbox
}

func newQueues() *queues { return &queues{} }

func (q *queues) stack(u lockstep.Unit) { q.stacks.add(u) }

// inbox is one controller's queue, or what waits for it.
type inbox struct {
	mu      sync.Mutex
	queue   queue
	waiting []reconcile.Request
}

func (i *inbox) bind(q queue) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.queue = q
	for _, r := range i.waiting {
		q.Add(r)
	}
	i.waiting = nil
}

func (i *inbox) add(u lockstep.Unit) {
	r := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: u.Namespace, Name: u.Name}}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.queue == nil {
		i.waiting = append(i.waiting, r)
		return
	}
	i.queue.Add(r)
}

// len returns how many wait for a worker.
func (i *inbox) len() int {
	i.mu.Lock()
	q := i.queue
	i.mu.Unlock()
	if q == nil {
		return 0
	}
	return q.Len()
}
