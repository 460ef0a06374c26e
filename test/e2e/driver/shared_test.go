package driver_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestAppliedByAnotherReplica: one replica knows an object as it was when that one
// applied it last; then another one applies a version with a field more, and
// somebody edits that field. Whoever has the Stack then has to see it.
func TestAppliedByAnotherReplica(t *testing.T) {
	cases := map[string]struct {
		doc    string
		more   func(tree map[string]any) // what the second version has
		edit   string
		drifts string
	}{
		"ConfigMap": {
			doc:  settings,
			more: func(tree map[string]any) { tree["data"].(map[string]any)["b"] = "1" },
			edit: `{"data":{"b":"9"}}`, drifts: "data.b",
		},
		"Service": {
			doc:  service,
			more: func(tree map[string]any) { tree["spec"].(map[string]any)["publishNotReadyAddresses"] = true },
			edit: `{"spec":{"publishNotReadyAddresses":false}}`, drifts: "spec.publishNotReadyAddresses",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			a, b := connect(t, p), connect(t, p)
			first, second := p.object(t, tc.doc), p.object(t, tc.doc)
			tc.more(second.Tree)
			key := first.Key()
			a.must(lockstep.Create, first)
			eventually(t, "the other replica to know the first version", func() bool { l := b.live(first); return l.Managed && !l.Unproven })
			a.must(lockstep.Update, second)
			known := func() lockstep.LiveObject { // without saying what is wanted, as a pass that does not render
				for _, l := range b.observe().Objects {
					if l.Key == key {
						return l
					}
				}
				return lockstep.LiveObject{}
			}
			eventually(t, "the other replica to see the second version", func() bool { return known().Digest == diff.Digester{}.Object(second) })
			_, err := p.on(key).Patch(t.Context(), key.Name, types.MergePatchType, []byte(tc.edit), metav1.PatchOptions{FieldManager: "kubectl-edit"})
			if err != nil {
				t.Fatal(err)
			}
			rv := p.Get(t, key)["metadata"].(map[string]any)["resourceVersion"]
			eventually(t, "the edit", func() bool { return known().ResourceVersion == rv })
			if l := known(); !l.Unproven && len(l.Drift) == 0 {
				t.Error("a pass that does not render takes it for proven to be as it was applied")
			}
			if l := b.live(second); len(l.Drift) != 1 || l.Drift[0].Path != tc.drifts {
				t.Errorf("the other replica sees drift %+v, want %s", l.Drift, tc.drifts)
			}
		})
	}
}

// meddler comes between a Cluster and its API at each apply.
type meddler struct {
	next http.RoundTripper

	mu     sync.Mutex
	before func() error // nil for nothing
	after  func()
}

func (m *meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	before, after := m.before, m.after
	m.mu.Unlock()
	if r.Method != http.MethodPatch || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch") {
		return m.next.RoundTrip(r)
	}
	if before != nil {
		if err := before(); err != nil {
			return nil, err
		}
	}
	resp, err := m.next.RoundTrip(r)
	if err != nil || after == nil {
		return resp, err
	}
	// All of it has arrived, and nobody has read it yet.
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	after()
	return resp, err
}

func (m *meddler) set(before func() error, after func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before, m.after = before, after
}

func meddled(t *testing.T, p place) (*target, *meddler) {
	m := &meddler{}
	return connect(t, p, func(o *kubernetes.Options) {
		o.Config.Wrap(func(next http.RoundTripper) http.RoundTripper { m.next = next; return m })
	}), m
}

// TestDeletedBeforeTheAnswer: somebody deletes an object between its creation and
// the answer, and the watch says so before the answer is read. Memory has to say
// that it is gone, and whoever has its Stack has to hear of it: otherwise it is
// missing for ever and waited for.
func TestDeletedBeforeTheAnswer(t *testing.T) {
	p := newPlace(t)
	x, m := meddled(t, p)
	o := p.object(t, settings)
	x.observe(o)
	there := func() bool { return len(x.observe().Objects) > 0 }
	m.set(nil, func() {
		m.set(nil, nil)
		eventually(t, "the watch to bring it", there)
		p.Delete(t, o.Key())
		eventually(t, "the watch to bring its end", func() bool { return !there() })
	})
	x.must(lockstep.Create, o)
	if l := x.live(o); l.UID != "" {
		t.Errorf("it is live in memory only: %+v", l)
	}
	if x.heard(o.Key()) == 0 {
		t.Error("nobody is told that it is gone")
	}
	x.must(lockstep.Create, o)
	if l := x.live(o); l.UID == "" || l.UID != p.Get(t, o.Key())["metadata"].(map[string]any)["uid"] {
		t.Errorf("made again it is %+v", l)
	}
}

// TestTakeoverIsCutOff: to take an object over are two requests, and the second
// never comes. What somebody else wrote is ours then by the managed fields. It must
// not pass for what we applied.
func TestTakeoverIsCutOff(t *testing.T) {
	p := newPlace(t)
	x, m := meddled(t, p)
	o := p.object(t, settings)
	x.must(lockstep.Create, o)
	// Somebody restores it from a copy that has our marks, with a value of their own.
	copied := lockstep.Object{Tree: p.Get(t, o.Key())}.Clone()
	meta := copied.Tree["metadata"].(map[string]any)
	for _, f := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp"} {
		delete(meta, f)
	}
	copied.Tree["data"].(map[string]any)["a"] = "9"
	p.Delete(t, o.Key())
	p.clientSide(t, copied, "kubectl-client-side-apply")
	uid := p.Get(t, o.Key())["metadata"].(map[string]any)["uid"]
	eventually(t, "the copy", func() bool { return x.live(o).UID == uid })

	applies := 0
	m.set(func() error {
		if applies++; applies > 1 {
			return errors.New("cut off")
		}
		return nil
	}, nil)
	if out := x.apply(lockstep.Update, o); out.Err == nil {
		t.Fatalf("the second apply was to fail: %+v", out)
	}
	if applies != 2 {
		t.Fatalf("%d applies, want one that meets a conflict and one after the takeover", applies)
	}
	m.set(nil, nil)

	if ops := p.Get(t, o.Key())["metadata"].(map[string]any)["managedFields"]; !strings.Contains(fmt.Sprint(ops), v1alpha1.FieldManager) {
		t.Fatalf("nothing was taken over: %v", ops)
	}
	for name, c := range map[string]*target{"the one that did it": x, "one that starts": connect(t, p)} {
		rv := p.Get(t, o.Key())["metadata"].(map[string]any)["resourceVersion"]
		eventually(t, "what the takeover left", func() bool { return c.live(o).ResourceVersion == rv })
		if l := c.live(o); l.Managed && !l.Unproven && len(l.Drift) == 0 && l.Digest == stepFor(lockstep.Update, o).Digest {
			t.Errorf("to %s it is as Git asks, and it has %v", name, p.Get(t, o.Key())["data"])
		}
	}
	x.must(lockstep.Update, o)
	if a := p.Get(t, o.Key())["data"].(map[string]any)["a"]; a != "1" {
		t.Errorf("the next try leaves a=%v", a)
	}
}
