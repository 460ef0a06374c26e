// Package witness remembers where a chain ended in a ConfigMap: out of reach for who
// can write to the store and nothing else.
//
// [Witness.Look] is called now and then. It holds the chain against what is
// remembered, and only if it leads on from there remembers the new end. So what was
// cut off or rewritten stays found out until somebody says otherwise.
package witness

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// ConfigMap is the name of what remembers, in the server's own namespace. Each chain
// has a key in it: a replica on a file of its own has a chain of its own.
const ConfigMap = "lockstep-history"

// maxChains bounds how many chains are remembered. A file that went with its pod is
// never heard of again.
const maxChains = 100

// Witness reads and writes what is remembered.
type Witness struct {
	maps      typed.ConfigMapInterface
	namespace string

	mu   sync.Mutex
	last map[string]store.Head // what this process has remembered
}

// New returns the Witness in a namespace.
func New(core typed.CoreV1Interface, namespace string) *Witness {
	return &Witness{maps: core.ConfigMaps(namespace), namespace: namespace, last: map[string]store.Head{}}
}

// Remembered returns the end of a chain as it was last seen; the zero Head if it
// never was.
func (w *Witness) Remembered(ctx context.Context, chain string) (store.Head, error) {
	all, _, err := w.read(ctx)
	if err != nil || all[chain] == "" {
		return store.Head{}, err
	}
	return w.parse(chain, all[chain])
}

func (w *Witness) parse(chain, text string) (store.Head, error) {
	head, _, _ := strings.Cut(text, " ")
	h, err := store.ParseHead(head)
	if err != nil || h.Seq == 0 {
		return store.Head{}, fault.Invalid("ConfigMap %q has no head of a chain under %q", w.namespace+"/"+ConfigMap, chain).
			WithHint("somebody changed it; once you know why, delete the key, and it is remembered anew")
	}
	return h, nil
}

func (w *Witness) read(ctx context.Context) (all map[string]string, there bool, err error) {
	m, err := w.maps.Get(ctx, ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, w.failed(err)
	}
	return m.Data, true, nil
}

func (w *Witness) failed(err error) error {
	where := w.namespace + "/" + ConfigMap
	if apierrors.IsForbidden(err) {
		return fault.Denied("ConfigMap %q, which remembers the end of the history, may not be used", where).Because(err).
			WithHint("the Role lockstep-system of deploy/install allows it to the server")
	}
	return fault.Unavailable("ConfigMap %q, which remembers the end of the history, cannot be used: %s", where, err).Because(err)
}

// Look remembers where s ends, unless it does not lead on from what is remembered:
// then it says so and remembers nothing. While nothing was appended it asks nobody.
func (w *Witness) Look(ctx context.Context, s store.Store, now time.Time) (store.Head, error) {
	chain, err := s.ChainName(ctx)
	if err != nil {
		return store.Head{}, err
	}
	head, err := s.Head(ctx)
	if err != nil {
		return store.Head{}, err
	}
	if last, seen := w.was(chain); seen && last == head {
		return head, nil
	}
	all, there, err := w.read(ctx)
	if err != nil {
		return store.Head{}, err
	}
	if text := all[chain]; text != "" {
		known, err := w.parse(chain, text)
		if err != nil {
			return store.Head{}, err
		}
		if err := follows(ctx, s, known, head); err != nil {
			return store.Head{}, err
		}
		if known.Seq >= head.Seq {
			w.note(chain, head) // another replica was faster
			return known, nil
		}
	}
	if head.Seq > 0 {
		if err := w.write(ctx, all, there, chain, head, now); err != nil {
			return store.Head{}, err
		}
	}
	w.note(chain, head)
	return head, nil
}

func (w *Witness) was(chain string) (h store.Head, seen bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, seen = w.last[chain]
	return h, seen
}

func (w *Witness) note(chain string, h store.Head) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[chain] = h
}

// ErrTampered is what a chain has that does not lead on from what is remembered.
var ErrTampered = errors.New("the chain does not lead on from where it ended")

// follows says whether known is in the chain that ends at head. The whole chain is
// for store.Verify to read; here one entry is looked at.
func follows(ctx context.Context, s store.Store, known, head store.Head) error {
	again, err := s.Head(ctx) // it may have grown since
	if err != nil {
		return err
	}
	if known.Seq > max(head.Seq, again.Seq) {
		return tampered("it ended at entry %d, and now ends at %d", known.Seq, again.Seq)
	}
	e, err := s.Entry(ctx, known.Seq)
	switch {
	case err == nil && e.Hash == known.Hash:
		return nil
	case err == nil:
		return tampered("entry %d has another hash than it had", known.Seq)
	case fault.KindOf(err) != fault.KindNotFound:
		return err
	}
	gaps, err := s.Gaps(ctx)
	if err != nil {
		return err
	}
	for _, g := range gaps {
		if g.To == known.Seq && g.Hash != known.Hash {
			return tampered("entry %d, which retention removed, had another hash", known.Seq)
		}
		if g.From <= known.Seq && known.Seq <= g.To {
			return nil
		}
	}
	return tampered("entry %d, at which it ended, is gone", known.Seq)
}

func tampered(format string, args ...any) error {
	return fault.Conflict("the history is not what it was: "+format, args...).Because(ErrTampered).
		WithHint("run lockstep audit verify and compare with a backup; if you put an older copy back yourself, delete the ConfigMap %s", ConfigMap)
}

// write keeps the end of one chain and leaves the others alone.
func (w *Witness) write(ctx context.Context, all map[string]string, there bool, chain string, h store.Head, now time.Time) error {
	value := h.String() + " " + now.UTC().Format(time.RFC3339)
	if !there {
		made := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: ConfigMap, Namespace: w.namespace, Labels: map[string]string{"app.kubernetes.io/name": "lockstep"}},
			Data:       map[string]string{chain: value},
		}
		_, err := w.maps.Create(ctx, made, metav1.CreateOptions{})
		if err == nil {
			return nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return w.failed(err)
		}
	}
	data := map[string]any{chain: value}
	for _, k := range surplus(all, chain) {
		data[k] = nil
	}
	body, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		return fault.Internal(err)
	}
	if _, err := w.maps.Patch(ctx, ConfigMap, types.MergePatchType, body, metav1.PatchOptions{}); err != nil {
		return w.failed(err)
	}
	return nil
}

// surplus are the chains to be forgotten so that chain has a place: those that were
// not heard of for longest.
func surplus(all map[string]string, chain string) []string {
	if _, known := all[chain]; known || len(all) < maxChains {
		return nil
	}
	keys := make([]string, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	seen := func(k string) string {
		_, at, _ := strings.Cut(all[k], " ")
		return at
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(seen(a)+a, seen(b)+b) })
	return keys[:len(all)-maxChains+1]
}
