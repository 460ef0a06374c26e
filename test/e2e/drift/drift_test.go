// Package drift holds the matrix of drift against a real Kubernetes API: every
// case is an object of Git, somebody who does something to it, and the verdict
// that is expected. None may be false.
//
// Each case is played twice: while the driver watches, and while there is none,
// so that a new one has to find out by looking. The table of cases in
// docs/guides/drift-and-ownership.md is written from the code; -update does that.
package drift_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

var update = flag.Bool("update", false, "write the table of cases into the guide")

// row is one case of the matrix.
type row struct {
	git  string // YAML of the object in Git
	who  string
	how  string
	does func(x *scene) // what they do; nil for nothing
	// drift is the expected verdict, a line for each field: "spec.replicas: 4 → 1
	// (kubectl, Update scale)". None is no drift.
	drift []string
	// restored is drift of ownership alone: the value is Git's.
	restored bool
	// live is true of the object afterwards, healed or not.
	live func(tree map[string]any) error
	// slow cases wait for a controller and are played once.
	slow bool
	// up: played only while the driver watches, because of why.
	up string
}

// scene is one case being played.
type scene struct {
	*testing.T
	world *world
	ns    string
	unit  lockstep.Unit
	git   lockstep.Object
}

type world struct {
	cluster *cluster.Cluster
	dynamic dynamic.Interface
	mapper  meta.RESTMapper
}

var shared struct {
	once  sync.Once
	world *world
}

func newWorld(t *testing.T) *world {
	shared.once.Do(func() {
		c := cluster.Start(t)
		cfg := c.Config(t)
		cfg.QPS, cfg.Burst = -1, -1
		w := &world{cluster: c, dynamic: dynamic.NewForConfigOrDie(cfg)}
		w.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(cfg)))
		shared.world = w
	})
	if shared.world == nil {
		t.Fatal("there is no cluster")
	}
	return shared.world
}

func (w *world) connect(t *testing.T) *kubernetes.Cluster {
	c, err := kubernetes.Connect(kubernetes.Options{Config: w.cluster.Config(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil { // whole numbers as int64
		t.Fatal(err)
	}
	return tree
}

func (w *world) on(t *testing.T, tree map[string]any, ns string) dynamic.ResourceInterface {
	t.Helper()
	u := unstructured.Unstructured{Object: tree}
	gvk := u.GroupVersionKind()
	m, err := w.mapper.RESTMapping(schema.GroupKind{Group: gvk.Group, Kind: gvk.Kind}, gvk.Version)
	if err != nil {
		t.Fatal(err)
	}
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		return w.dynamic.Resource(m.Resource).Namespace(ns)
	}
	return w.dynamic.Resource(m.Resource)
}

// create makes something that the cases need.
func (w *world) create(t *testing.T, text, ns string) {
	t.Helper()
	tree := parse(t, text)
	_, err := w.on(t, tree, ns).Create(t.Context(), &unstructured.Unstructured{Object: tree}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// me is the object of the case.
func (x *scene) me() dynamic.ResourceInterface { return x.world.on(x.T, x.git.Tree, x.ns) }

func (x *scene) get() map[string]any {
	u, err := x.me().Get(x.Context(), x.git.Name(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	x.check(err)
	return u.Object
}

func (x *scene) check(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// patch is what kubectl patch, edit, annotate, label and set do.
func (x *scene) patch(manager string, kind types.PatchType, body string, subresource ...string) {
	x.Helper()
	_, err := x.me().Patch(x.Context(), x.git.Name(), kind, []byte(body), metav1.PatchOptions{FieldManager: manager}, subresource...)
	x.check(err)
}

func (x *scene) observe(d driver.Driver) lockstep.Live {
	x.Helper()
	live, err := d.Observe(x.Context(), driver.Query{Unit: x.unit, Desired: []lockstep.Object{x.git}})
	x.check(err)
	return live
}

// plan decides as the server would after everything was carried out once.
func (x *scene) plan(live lockstep.Live) plan.Plan {
	x.Helper()
	p, err := plan.Make(plan.Facts{Unit: x.unit, Desired: []lockstep.Object{x.git}, Live: live, Carried: true, Policy: plan.Policy{Prune: true}})
	x.check(err)
	return p
}

func (x *scene) carryOut(d driver.Driver, p plan.Plan) {
	x.Helper()
	for _, s := range p.Steps() {
		if o := d.Apply(x.Context(), driver.Actor{Unit: x.unit}, s); o.Err != nil {
			x.Fatalf("%s %s: %v", s.Verb, s.Key, o.Err)
		}
	}
}

// caughtUp waits until the driver knows the object as the API has it.
func (x *scene) caughtUp(d driver.Driver) lockstep.Live {
	x.Helper()
	var live lockstep.Live
	x.eventually("the driver to know of it", 15*time.Second, func() bool {
		live = x.observe(d)
		tree := x.get()
		meta, _ := tree["metadata"].(map[string]any)
		labels, _ := meta["labels"].(map[string]any)
		watched := tree != nil && labels["lockstep.dev/stack"] != nil
		i := slices.IndexFunc(live.Objects, func(o lockstep.LiveObject) bool { return o.Key == x.git.Key() })
		if !watched {
			return i < 0
		}
		return i >= 0 && number(live.Objects[i].ResourceVersion) >= number(meta["resourceVersion"].(string))
	})
	return live
}

func number(rv string) uint64 {
	n, _ := strconv.ParseUint(rv, 10, 64)
	return n
}

func (x *scene) eventually(what string, within time.Duration, ok func() bool) {
	x.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			x.Fatalf("waited in vain for %s", what)
		}
	}
}

// verdict says what a plan makes of the object.
func verdict(p plan.Plan) (lines []string, restored bool) {
	for _, s := range p.Steps() {
		switch {
		case s.Heals && s.Verb == lockstep.Create:
			lines = append(lines, "the object is gone")
		case s.Heals && len(s.Changes) == 0:
			restored = true
		case !s.Heals:
			lines = append(lines, s.Reason)
		default:
			for _, c := range s.Changes {
				lines = append(lines, line(c))
			}
		}
	}
	return lines, restored
}

func line(c lockstep.FieldChange) string {
	text := fmt.Sprintf("%s: %s → %s", c.Path, word(c.From), word(c.To))
	if c.Manager == "" {
		return text
	}
	return text + " (" + strings.TrimSpace(c.Manager+", "+c.Operation+" "+c.Subresource) + ")"
}

func word(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func TestMatrix(t *testing.T) {
	w := newWorld(t)
	prepare(t, w)
	watching := w.connect(t)
	t.Run("cases", func(t *testing.T) {
		for name, r := range rows {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				play(t, w, r, watching)
			})
			if r.slow || r.up != "" {
				continue
			}
			t.Run(name+"/WhileDown", func(t *testing.T) {
				t.Parallel()
				play(t, w, r, nil)
			})
		}
	})
}

// play plays one case. Without a watching driver one applies and goes away, and
// another one looks after everything has happened.
func play(t *testing.T, w *world, r row, watching driver.Driver) {
	x := &scene{T: t, world: w, ns: w.cluster.Namespace(t)}
	x.unit = lockstep.Unit{Namespace: x.ns, Name: "shop"}
	tree := parse(t, strings.ReplaceAll(r.git, "$NS", x.ns))
	if u := (&unstructured.Unstructured{Object: tree}); namespaced(w, t, tree) {
		u.SetNamespace(x.ns)
	}
	x.git = lockstep.Object{Tree: tree}

	d := watching
	if d == nil {
		d = w.connect(t)
	}
	first, err := plan.Make(plan.Facts{Unit: x.unit, Desired: []lockstep.Object{x.git}, Live: x.observe(d)})
	x.check(err)
	x.carryOut(d, first)
	if watching == nil {
		d.Close()
	}
	if r.does != nil {
		r.does(x)
	}
	if watching == nil {
		d = w.connect(t)
	}

	p := x.plan(x.caughtUp(d))
	got, restored := verdict(p)
	if diff := cmp.Diff(r.drift, got); diff != "" || restored != r.restored {
		t.Fatalf("drift (-want +got), ownership alone %t, want %t:\n%s", restored, r.restored, diff)
	}
	x.carryOut(d, p)
	if again, err := json.Marshal(x.plan(x.caughtUp(d)).Steps()); string(again) != "null" {
		t.Errorf("after healing there is still something to do (%v): %s", err, again)
	}
	if r.live == nil {
		return
	}
	if err := r.live(x.get()); err != nil {
		t.Error(err)
	}
}

func namespaced(w *world, t *testing.T, tree map[string]any) bool {
	u := unstructured.Unstructured{Object: tree}
	m, err := w.mapper.RESTMapping(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
	if err != nil {
		t.Fatal(err)
	}
	return m.Scope.Name() == meta.RESTScopeNameNamespace
}

// has says that a field of the live object is what it should be.
func has(want any, path ...string) func(map[string]any) error {
	return func(tree map[string]any) error {
		got, _, err := unstructured.NestedFieldNoCopy(tree, path...)
		if err != nil || !cmp.Equal(got, want) {
			return fmt.Errorf("%s is %v, want %v (%v)", strings.Join(path, "."), got, want, err)
		}
		return nil
	}
}

const guide = "../../../docs/guides/drift-and-ownership.md"

const (
	tableBegin = "<!-- matrix -->\n"
	tableEnd   = "<!-- /matrix -->\n"
)

// TestGuide keeps the table of cases equal to the code.
func TestGuide(t *testing.T) {
	if len(rows) < 60 {
		t.Errorf("%d cases, want at least 60", len(rows))
	}
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	table, after, both := strings.Cut(rest, tableEnd)
	if !ok || !both {
		t.Fatalf("%s has no place for the table", guide)
	}
	want := tableOf(t)
	if table == want {
		return
	}
	if *update {
		if err := os.WriteFile(guide, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs from the cases; go test ./test/e2e/drift -run Guide -update (-guide +code):\n%s", guide, cmp.Diff(table, want))
}

func tableOf(t *testing.T) string {
	var lines []string
	for _, r := range rows {
		tree := parse(t, r.git)
		v := "no drift"
		switch {
		case r.restored:
			v = "no drift; ownership is taken back"
		case len(r.drift) > 0:
			quoted := make([]string, len(r.drift))
			for i, d := range r.drift {
				quoted[i] = "`" + strings.ReplaceAll(d, "|", `\|`) + "`"
			}
			v = strings.Join(quoted, ", ")
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s |\n", tree["kind"], r.who, r.how, v))
	}
	slices.Sort(lines)
	return "| object | who | does what | verdict |\n|---|---|---|---|\n" + strings.Join(lines, "")
}
