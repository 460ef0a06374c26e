// Package inventory remembers which kinds Lockstep ever applied to each Target.
//
// With the mark that every object of ours carries, that is the inventory
// (docs/adr/0005-inventory.md): the objects of a Stack are those of these kinds
// that carry its mark, also after a crash in the middle of an apply. A kind is
// recorded before its first object on a Target is applied, once for all Stacks,
// so nearly every plan finds its kinds recorded and asks nobody.
//
// The record is one ConfigMap for each Target, with one key for each kind. Kinds
// are only ever added, each by a patch of its own key, so replicas that add at the
// same time need not agree first.
package inventory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Label marks the ConfigMaps of the record.
const Label = "lockstep.dev/inventory"

// annotationTarget says in words which Target a ConfigMap is about.
const annotationTarget = "lockstep.dev/target"

// Store is the record. It is safe for concurrent use.
type Store struct {
	client    v1.CoreV1Interface
	namespace string
	log       *slog.Logger

	ready chan struct{} // closed once the record is known, or known to be unreadable
	once  sync.Once
	turn  chan struct{} // held while writing, so that a thousand Stacks of a new kind make one request

	mu      sync.Mutex
	err     error // why the record is not known
	targets map[string]*record
}

// record is what is known of one Target.
type record struct {
	// kinds are all that were ever seen, sorted; a slice is never changed once it
	// was handed out.
	kinds []lockstep.GroupKind
	// recorded are those that the API has. It is less after somebody deleted the
	// ConfigMap.
	recorded map[lockstep.GroupKind]bool
}

// New returns a Store that keeps its record in namespace and follows it until
// ctx ends.
func New(ctx context.Context, client v1.CoreV1Interface, namespace string, log *slog.Logger) *Store {
	s := &Store{
		client: client, namespace: namespace, log: log,
		ready:   make(chan struct{}),
		turn:    make(chan struct{}, 1),
		targets: map[string]*record{},
	}
	go s.follow(ctx)
	return s
}

// Kinds returns the kinds that Lockstep ever applied to a Target, or was about
// to. The answer is shared: it must not be changed.
func (s *Store) Kinds(ctx context.Context, t lockstep.TargetRef) ([]lockstep.GroupKind, error) {
	if err := s.await(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.targets[nameOf(t)]; r != nil {
		return r.kinds, nil
	}
	return nil, nil
}

// Add makes sure that kinds are on record. It costs nothing when they are.
func (s *Store) Add(ctx context.Context, t lockstep.TargetRef, kinds []lockstep.GroupKind) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	if len(s.unrecorded(t, kinds)) == 0 {
		return nil
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return fault.Timeout("the kinds could not be recorded in time").Because(ctx.Err())
	}
	defer func() { <-s.turn }()
	more := s.unrecorded(t, kinds) // less, if somebody else was faster
	if len(more) == 0 {
		return nil
	}
	if err := s.write(ctx, t, more); err != nil {
		return s.cannot(err)
	}
	s.saw(nameOf(t), more)
	return nil
}

func (s *Store) await(ctx context.Context) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return fault.Timeout("the record of kinds could not be read in time").Because(ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Store) unrecorded(t lockstep.TargetRef, kinds []lockstep.GroupKind) []lockstep.GroupKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []lockstep.GroupKind
	r := s.targets[nameOf(t)]
	for _, k := range kinds {
		if (r == nil || !r.recorded[k]) && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// saw notes that the API has these kinds.
func (s *Store) saw(name string, kinds []lockstep.GroupKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.targets[name]
	if r == nil {
		r = &record{recorded: map[lockstep.GroupKind]bool{}}
		s.targets[name] = r
	}
	var news []lockstep.GroupKind
	for _, k := range kinds {
		r.recorded[k] = true
		if !slices.Contains(r.kinds, k) {
			news = append(news, k)
		}
	}
	if len(news) > 0 {
		r.kinds = slices.Concat(r.kinds, news)
		slices.SortFunc(r.kinds, compare)
	}
}

func compare(a, b lockstep.GroupKind) int { return strings.Compare(a.String(), b.String()) }

// lost notes that somebody deleted a ConfigMap. What it said is still known, and
// is written again with the next plan that has something to do.
func (s *Store) lost(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.targets[name]; r != nil {
		r.recorded = map[lockstep.GroupKind]bool{}
	}
}

// write patches the keys in, or creates what is missing for that.
func (s *Store) write(ctx context.Context, t lockstep.TargetRef, kinds []lockstep.GroupKind) error {
	data := make(map[string]string, len(kinds))
	for _, k := range kinds {
		data[k.String()] = ""
	}
	body, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		return err
	}
	maps := s.client.ConfigMaps(s.namespace)
	for try := 0; ; try++ {
		_, err = maps.Patch(ctx, nameOf(t), types.MergePatchType, body, metav1.PatchOptions{})
		if !apierrors.IsNotFound(err) {
			return err
		}
		_, err = maps.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name: nameOf(t), Namespace: s.namespace,
				Labels:      map[string]string{Label: "kinds"},
				Annotations: map[string]string{annotationTarget: t.String()},
			},
			Data: data,
		}, metav1.CreateOptions{})
		switch {
		case try > 0:
			return err
		case apierrors.IsAlreadyExists(err): // another replica was faster: patch its
		case apierrors.IsNotFound(err):
			if err := s.makeNamespace(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// makeNamespace is for a server that runs outside of a cluster on which nobody
// installed anything.
func (s *Store) makeNamespace(ctx context.Context) error {
	_, err := s.client.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (s *Store) cannot(err error) error {
	if apierrors.IsForbidden(err) {
		return fault.Denied("the kinds that are about to be applied may not be recorded in namespace %q", s.namespace).
			WithHint("allow create, patch, list and watch on its configmaps, as deploy/install does").Because(err)
	}
	return fault.Unavailable("the kinds that are about to be applied could not be recorded: %s", err).Because(err)
}

// nameOf returns the name of a Target's ConfigMap.
func nameOf(t lockstep.TargetRef) string {
	if t.IsLocal() {
		return "lockstep-kinds"
	}
	sum := sha256.Sum256([]byte(t.String()))
	return "lockstep-kinds-" + hex.EncodeToString(sum[:8])
}

// follow keeps what is known up to date with what other replicas record.
func (s *Store) follow(ctx context.Context) {
	maps := s.client.ConfigMaps(s.namespace)
	quiet := logr.Discard()
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = Label
			list, err := maps.List(ctx, o)
			if err != nil {
				s.failed(err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = Label
			return maps.Watch(ctx, o)
		},
	}
	r := cache.NewReflectorWithOptions(lw, &corev1.ConfigMap{}, (*feed)(s), cache.ReflectorOptions{Name: "inventory", Logger: &quiet})
	r.RunWithContext(logr.NewContext(ctx, quiet))
}

// failed says why the record cannot be read, to everybody who waits for it. The
// reflector goes on trying.
func (s *Store) failed(err error) {
	f := fault.Unavailable("the record of kinds in namespace %q cannot be read: %s", s.namespace, err).Because(err)
	if apierrors.IsForbidden(err) {
		f = fault.Denied("the record of kinds in namespace %q may not be read", s.namespace).
			WithHint("allow list and watch on its configmaps, as deploy/install does").Because(err)
	}
	s.mu.Lock()
	select {
	case <-s.ready: // known from before: that still holds
	default:
		s.err = f
	}
	s.mu.Unlock()
	s.log.Warn("cannot read the record of kinds", "namespace", s.namespace, "err", err)
	s.once.Do(func() { close(s.ready) })
}

// feed is the reflector's side of a Store.
type feed Store

var _ cache.ReflectorStore = (*feed)(nil)

// Add implements cache.ReflectorStore.
func (f *feed) Add(obj any) error { return f.Update(obj) }

// Update implements cache.ReflectorStore.
func (f *feed) Update(obj any) error {
	cm, ok := obj.(*corev1.ConfigMap)
	if !ok {
		return fmt.Errorf("the watch of kinds brought a %T", obj)
	}
	(*Store)(f).lost(cm.Name)
	(*Store)(f).saw(cm.Name, parse(cm.Data))
	return nil
}

// Delete implements cache.ReflectorStore.
func (f *feed) Delete(obj any) error {
	if cm, ok := obj.(*corev1.ConfigMap); ok {
		(*Store)(f).lost(cm.Name)
	}
	return nil
}

// Replace implements cache.ReflectorStore.
func (f *feed) Replace(items []any, _ string) error {
	s := (*Store)(f)
	s.mu.Lock()
	for _, r := range s.targets {
		r.recorded = map[lockstep.GroupKind]bool{}
	}
	s.err = nil
	s.mu.Unlock()
	for _, it := range items {
		if err := f.Update(it); err != nil {
			return err
		}
	}
	s.once.Do(func() { close(s.ready) })
	return nil
}

// Resync implements cache.ReflectorStore; there is nothing to repeat.
func (f *feed) Resync() error { return nil }

// parse reads the keys of a ConfigMap, leaving out what nobody can be asked for.
func parse(data map[string]string) []lockstep.GroupKind {
	out := make([]lockstep.GroupKind, 0, len(data))
	for k := range data {
		if gk := lockstep.ParseGroupKind(k); gk.Kind != "" {
			out = append(out, gk)
		}
	}
	slices.SortFunc(out, compare)
	return out
}
