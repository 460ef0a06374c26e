// Package refs keeps the Secrets and ConfigMaps that Sources, Stacks and Targets
// name, one watch for each object named.
//
// A change of one wakes its users at once, and an unchanged one costs nothing:
// neither a GET at every pass nor a cache of all Secrets of the cluster, which
// would need memory for, and permission on, what nobody asked for.
package refs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Ref names one object.
type Ref struct {
	Kind      string // "Secret" or "ConfigMap"
	Namespace string
	Name      string
}

// String returns "Secret payments/git".
func (r Ref) String() string { return r.Kind + " " + r.Namespace + "/" + r.Name }

// Webhook is the kind of user that checks the announcements for a Source.
const Webhook = "Webhook"

// User is who uses an object, as the caller likes to name it.
type User struct {
	Kind      string // "Source", "Stack", "Target" or Webhook
	Namespace string
	Name      string
}

// Store watches what is asked for. It is safe for concurrent use.
type Store struct {
	client v1.CoreV1Interface
	wake   func(User)
	ctx    context.Context

	mu      sync.Mutex
	entries map[Ref]*entry
}

// New returns a Store whose watches end with ctx. wake is called for every user
// of an object that changed.
func New(ctx context.Context, client v1.CoreV1Interface, wake func(User)) *Store {
	return &Store{client: client, wake: wake, ctx: ctx, entries: map[Ref]*entry{}}
}

// entry is one watched object. ready is closed once its state is known.
type entry struct {
	cancel context.CancelFunc
	users  map[User]bool

	ready chan struct{}
	once  sync.Once
	data  map[string][]byte // nil: does not exist
	err   error             // why nothing is known
}

// Get returns the data of an object and makes user hear of its changes. A
// missing object is KindNotFound, and its appearance is a change.
func (s *Store) Get(ctx context.Context, user User, ref Ref) (map[string][]byte, error) {
	e := s.entry(user, ref)
	select {
	case <-e.ready:
	case <-ctx.Done():
		return nil, fault.Timeout("%s could not be read in time", ref).Because(ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	if e.data == nil {
		return nil, fault.NotFound("%s does not exist", ref).WithHint("create it, or correct the reference")
	}
	return e.data, nil
}

// Release ends user's interest in everything but keep.
func (s *Store) Release(user User, keep ...Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, e := range s.entries {
		if !e.users[user] || slices.Contains(keep, ref) {
			continue
		}
		delete(e.users, user)
		if len(e.users) == 0 {
			e.cancel()
			delete(s.entries, ref)
		}
	}
}

func (s *Store) entry(user User, ref Ref) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[ref]; e != nil {
		e.users[user] = true
		return e
	}
	ctx, cancel := context.WithCancel(s.ctx)
	e := &entry{cancel: cancel, users: map[User]bool{user: true}, ready: make(chan struct{})}
	s.entries[ref] = e
	go s.watch(ctx, ref, e)
	return e
}

func (s *Store) watch(ctx context.Context, ref Ref, e *entry) {
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := s.list(ctx, ref, only(ref, o))
			if err != nil {
				s.failed(ref, e, err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := s.open(ctx, ref, only(ref, o))
			if err != nil {
				s.failed(ref, e, err)
			}
			return w, err
		},
	}
	var expected runtime.Object = &corev1.Secret{}
	if ref.Kind == "ConfigMap" {
		expected = &corev1.ConfigMap{}
	}
	r := cache.NewReflectorWithOptions(lw, expected, &sink{s: s, ref: ref, e: e}, cache.ReflectorOptions{
		Name: fmt.Sprintf("refs %s", ref),
	})
	r.RunWithContext(ctx)
}

func only(ref Ref, o metav1.ListOptions) metav1.ListOptions {
	o.FieldSelector = fields.OneTermEqualSelector("metadata.name", ref.Name).String()
	return o
}

func (s *Store) list(ctx context.Context, ref Ref, o metav1.ListOptions) (runtime.Object, error) {
	if ref.Kind == "ConfigMap" {
		return s.client.ConfigMaps(ref.Namespace).List(ctx, o)
	}
	return s.client.Secrets(ref.Namespace).List(ctx, o)
}

func (s *Store) open(ctx context.Context, ref Ref, o metav1.ListOptions) (watch.Interface, error) {
	if ref.Kind == "ConfigMap" {
		return s.client.ConfigMaps(ref.Namespace).Watch(ctx, o)
	}
	return s.client.Secrets(ref.Namespace).Watch(ctx, o)
}

// failed records why an object cannot be read; the reflector goes on trying, and
// success wakes the users.
func (s *Store) failed(ref Ref, e *entry, err error) {
	f := fault.Unavailable("%s cannot be read", ref).Because(err)
	if apierrors.IsForbidden(err) {
		f = fault.Denied("%s may not be read", ref).
			WithHint("allow get, list and watch on it to the service account that Lockstep runs as").Because(err)
	}
	s.mu.Lock()
	if e.data == nil {
		e.err = f
	}
	s.mu.Unlock()
	e.once.Do(func() { close(e.ready) })
}

func (s *Store) set(e *entry, data map[string][]byte) {
	s.mu.Lock()
	same := e.err == nil && equal(e.data, data) && (e.data == nil) == (data == nil)
	e.data, e.err = data, nil
	users := slices.Collect(maps.Keys(e.users))
	first := false
	e.once.Do(func() { first = true; close(e.ready) })
	s.mu.Unlock()
	if same || first {
		return
	}
	for _, u := range users {
		s.wake(u)
	}
}

func equal(a, b map[string][]byte) bool {
	return maps.EqualFunc(a, b, func(x, y []byte) bool { return string(x) == string(y) })
}

// sink is the reflector's store for one object.
type sink struct {
	s   *Store
	ref Ref
	e   *entry
}

func (k *sink) Add(obj any) error    { k.s.set(k.e, dataOf(obj)); return nil }
func (k *sink) Update(obj any) error { k.s.set(k.e, dataOf(obj)); return nil }
func (k *sink) Delete(any) error     { k.s.set(k.e, nil); return nil }

// Replace is told everything there is: at most the one object.
func (k *sink) Replace(objs []any, _ string) error {
	if len(objs) == 0 {
		k.s.set(k.e, nil)
		return nil
	}
	k.s.set(k.e, dataOf(objs[0]))
	return nil
}

// Resync has nothing to do: there is no derived state.
func (k *sink) Resync() error { return nil }

func dataOf(obj any) map[string][]byte {
	out := map[string][]byte{}
	switch o := obj.(type) {
	case *corev1.Secret:
		maps.Copy(out, o.Data)
	case *corev1.ConfigMap:
		for k, v := range o.Data {
			out[k] = []byte(v)
		}
		maps.Copy(out, o.BinaryData)
	}
	return out
}
