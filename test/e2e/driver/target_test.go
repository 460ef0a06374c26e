package driver_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// target is a Cluster under test, whose requests are counted.
type target struct {
	*kubernetes.Cluster
	place place
	t     *testing.T
	calls *calls
	unit  lockstep.Unit

	mu   sync.Mutex
	news map[driver.Change]int
}

func connect(t *testing.T, p place, adjust ...func(*kubernetes.Options)) *target {
	t.Helper()
	x := &target{place: p, t: t, calls: &calls{}, unit: lockstep.Unit{Namespace: p.namespace, Name: "shop"}, news: map[driver.Change]int{}}
	o := kubernetes.Options{Config: p.Config(t), OnChange: x.hear}
	o.Config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counting{x.calls, next} })
	for _, f := range adjust {
		f(&o)
	}
	c, err := kubernetes.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	x.Cluster = c
	return x
}

func (x *target) hear(c driver.Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.news[c]++
}

func (x *target) heard(key lockstep.Key) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.news[driver.Change{Unit: x.unit, Key: key}] + x.news[driver.Change{Unit: x.unit, Key: key, Drift: true}]
}

// object reads one YAML document; NS stands for the test's namespace.
func (p place) object(t *testing.T, doc string) lockstep.Object {
	t.Helper()
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(doc, "NS", p.namespace)), &tree); err != nil {
		t.Fatal(err)
	}
	return lockstep.Object{Tree: integers(tree).(map[string]any), Origin: lockstep.Origin{File: "apps/shop.yaml", Line: 7}}
}

func integers(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	case map[string]any:
		for k, e := range v {
			v[k] = integers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = integers(e)
		}
	}
	return v
}

func stepFor(verb lockstep.Verb, o lockstep.Object) plan.Step {
	s := plan.Step{Key: o.Key(), Verb: verb}
	if verb != lockstep.Delete && verb != lockstep.Orphan {
		s.Desired, s.Digest = o, diff.Digester{}.Object(o)
	}
	return s
}

func (x *target) apply(verb lockstep.Verb, o lockstep.Object) lockstep.Outcome {
	x.t.Helper()
	return x.send(driver.Actor{Unit: x.unit}, stepFor(verb, o))
}

func (x *target) send(as driver.Actor, s plan.Step) lockstep.Outcome {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	return x.Apply(ctx, as, s)
}

// must applies and wants Done.
func (x *target) must(verb lockstep.Verb, o lockstep.Object) lockstep.Outcome {
	x.t.Helper()
	out := x.apply(verb, o)
	if out.Result != lockstep.Done {
		x.t.Fatalf("%s %s: %s, %v", verb, o.Key(), out.Result, out.Err)
	}
	return out
}

// refused wants a fault of a kind that says certain things.
func (x *target) refused(out lockstep.Outcome, kind fault.Kind, says ...string) {
	x.t.Helper()
	if out.Result != lockstep.Failed || !errors.Is(out.Err, kind) {
		x.t.Fatalf("got %s, %v; want a fault of kind %s", out.Result, out.Err, kind)
	}
	f := fault.As(out.Err)
	for _, s := range says {
		if !strings.Contains(f.Error()+"\n"+f.Hint, s) {
			x.t.Errorf("the fault does not say %q:\n%s\nhint: %s", s, f, f.Hint)
		}
	}
	if testing.Verbose() {
		x.t.Logf("%s\nhint: %s", f, f.Hint)
	}
}

func (x *target) observe(desired ...lockstep.Object) lockstep.Live {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 30*time.Second)
	defer cancel()
	l, err := x.Observe(ctx, driver.Query{Unit: x.unit, Desired: desired})
	if err != nil {
		x.t.Fatal(err)
	}
	return l
}

func (x *target) live(o lockstep.Object) lockstep.LiveObject {
	x.t.Helper()
	for _, l := range x.observe(o).Objects {
		if l.Key == o.Key() {
			return l
		}
	}
	return lockstep.LiveObject{}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// calls counts requests as "VERB what".
type calls struct {
	mu   sync.Mutex
	seen map[string]int
}

type counting struct {
	calls *calls
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	verb := r.Method
	if r.URL.Query().Get("watch") == "true" {
		verb = "WATCH"
	}
	c.calls.mu.Lock()
	if c.calls.seen == nil {
		c.calls.seen = map[string]int{}
	}
	c.calls.seen[verb+" "+resourceOf(r.URL.Path)]++
	c.calls.mu.Unlock()
	return c.next.RoundTrip(r)
}

// resourceOf cuts a path to its resource: "configmaps".
func resourceOf(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 2 && parts[0] == "apis" {
		parts = parts[3:]
	} else if len(parts) > 2 {
		parts = parts[2:]
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	return parts[0]
}

// watching waits until every kind that was listed is watched: the list is what an
// answer waits for, and the watch that goes on from it comes a moment later.
func (c *calls) watching(t *testing.T, kinds ...string) {
	t.Helper()
	eventually(t, "watches of "+strings.Join(kinds, ", "), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return !slices.ContainsFunc(kinds, func(k string) bool { return c.seen["WATCH "+k] == 0 })
	})
}

// take returns what was counted since the last call.
func (c *calls) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.seen
	c.seen = nil
	return out
}
