// Package helmhooks compares hooks with the real Helm: the same charts go through
// helm install, upgrade, rollback, uninstall and test, and through Lockstep, on
// one cluster. What is compared is which objects were created and deleted, in
// which order, how each step ended, and what is left.
package helmhooks

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// within is how long one step may take on either side.
const within = 60 * time.Second

// TestMatrix goes through every case on both sides.
func TestMatrix(t *testing.T) {
	helm := filepath.Join(t.TempDir(), "helm")
	if out, err := exec.Command("../../tools/build.sh", "helm", helm).CombinedOutput(); err != nil {
		t.Fatalf("building helm: %v\n%s", err, out)
	}
	w := world.New(t)
	w.Serve(world.ServeOptions{})
	var repos sync.Mutex // World makes them one at a time
	slots := make(chan bool, 4)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- true
			defer func() { <-slots }()
			theirs := newHelmSide(t, w, helm, name)
			repos.Lock()
			repo, url := w.Repo(name)
			repos.Unlock()
			ours := newOurSide(t, w, repo, url, name)
			for i, verb := range tc.verbs {
				chart := tc.chart
				if i > 0 && tc.next != "" && verb != "uninstall" {
					chart = tc.next
				}
				want := theirs.do(t, verb, chart)
				got := ours.do(t, verb, chart)
				compare(t, tc, verb, want, got)
			}
		})
	}
}

func compare(t *testing.T, tc example, verb, helm, ours string) {
	t.Helper()
	differs, known := tc.differs[verb]
	if !known {
		if diff := gocmp.Diff(strings.Fields(helm), strings.Fields(ours)); diff != "" {
			t.Errorf("%s\n%s (-helm +ours):\n%s", tc.why, verb, diff)
		}
		return
	}
	// A difference that is meant is no difference that is lost sight of.
	if helm != differs.helm || ours != differs.ours {
		t.Errorf("%s\n%s differs because %s, but in another way:\nhelm %q\nwant %q\nours %q\nwant %q", tc.why, verb, differs.because, helm, differs.helm, ours, differs.ours)
	}
}

// diarist writes down what happens to the objects of a chart in a namespace.
type diarist struct {
	api       client.WithWatch
	namespace string

	mu     sync.Mutex
	events []entry
}

type entry struct {
	at   uint64
	text string
}

func newDiarist(t *testing.T, w *world.World, namespace string) *diarist {
	t.Helper()
	d := &diarist{api: w.Client, namespace: namespace}
	for _, list := range []client.ObjectList{&batchv1.JobList{}, &corev1.PodList{}, &corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.ServiceAccountList{}} {
		watcher, err := w.Client.Watch(t.Context(), list, client.InNamespace(namespace))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(watcher.Stop)
		go d.read(watcher)
	}
	return d
}

func (d *diarist) read(w watch.Interface) {
	for e := range w.ResultChan() {
		o, ok := e.Object.(client.Object)
		// Everything of the charts is called x-something; the pods of Jobs are
		// Kubernetes' own affair.
		if !ok || !strings.HasPrefix(o.GetName(), "x-") || len(o.GetOwnerReferences()) > 0 {
			continue
		}
		sign := map[watch.EventType]string{watch.Added: "+", watch.Deleted: "-"}[e.Type]
		if sign == "" {
			continue
		}
		at, _ := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
		d.mu.Lock()
		d.events = append(d.events, entry{at, sign + kindOf(o) + "/" + strings.TrimPrefix(o.GetName(), "x-")})
		d.mu.Unlock()
	}
}

func kindOf(o client.Object) string {
	name := fmt.Sprintf("%T", o)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// took returns what happened since the last call, in the order of the API.
func (d *diarist) took() string {
	// Watches are a moment behind; deletions in the background a little more.
	last := -1
	for {
		time.Sleep(300 * time.Millisecond)
		d.mu.Lock()
		n := len(d.events)
		d.mu.Unlock()
		if n == last {
			break
		}
		last = n
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortStableFunc(d.events, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	var out []string
	for _, e := range d.events {
		out = append(out, e.text)
	}
	d.events = nil
	// Objects of one kind that are kept live are applied side by side.
	for from := 0; from < len(out); from++ {
		to := from
		for to < len(out) && strings.HasPrefix(out[to], out[from][:1]+"ConfigMap/") {
			to++
		}
		slices.Sort(out[from:to])
	}
	return strings.Join(out, " ")
}

// helmSide is the real Helm in a namespace of its own.
type helmSide struct {
	*diarist
	bin, dir, kubeconfig string
	env                  []string
}

func newHelmSide(t *testing.T, w *world.World, bin, name string) *helmSide {
	ns := w.Cluster.Namespace(t)
	s := &helmSide{diarist: newDiarist(t, w, ns), bin: bin, dir: t.TempDir(), kubeconfig: w.Cluster.Kubeconfig}
	home := t.TempDir()
	s.env = append(os.Environ(), "HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home, "HELM_DATA_HOME="+home, "KUBECONFIG="+s.kubeconfig)
	return s
}

func (s *helmSide) do(t *testing.T, verb, chart string) string {
	t.Helper()
	for name, text := range filesOf(chart) {
		file := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := map[string][]string{
		"install":   {"install", "shop", s.dir},
		"upgrade":   {"upgrade", "shop", s.dir},
		"rollback":  {"rollback", "shop", "1"},
		"uninstall": {"uninstall", "shop"},
		"test":      {"test", "shop"},
	}[verb]
	args = append(args, "--namespace", s.namespace, "--timeout", "40s")
	cmd := exec.CommandContext(t.Context(), s.bin, args...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	t.Logf("helm %s: %v\n%s", verb, err, out)
	return ending(err == nil, s.took())
}

func ending(ok bool, diary string) string {
	word := "failed"
	if ok {
		word = "done"
	}
	return strings.TrimSpace(diary + " " + word)
}

// filesOf is a chart of one template.
func filesOf(template string) map[string]string {
	return map[string]string{
		"Chart.yaml":         "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
		"templates/all.yaml": template,
	}
}

// ourSide is a Stack in a namespace of its own.
type ourSide struct {
	*diarist
	w       *world.World
	repo    *httpserver.Repo
	commits []string
	stack   client.ObjectKey
	serial  int
}

func newOurSide(t *testing.T, w *world.World, repo *httpserver.Repo, url, name string) *ourSide {
	ns := w.Cluster.Namespace(t)
	s := &ourSide{diarist: newDiarist(t, w, ns), w: w, repo: repo, stack: client.ObjectKey{Namespace: ns, Name: "shop"}}
	create(t, w, &v1alpha1.Source{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop"},
		Spec:       v1alpha1.SourceSpec{Interval: metav1.Duration{Duration: time.Hour}, Git: &v1alpha1.GitSource{URL: url, Ref: &v1alpha1.GitRef{Branch: "main"}}},
	})
	return s
}

func create(t *testing.T, w *world.World, o client.Object) {
	t.Helper()
	if err := w.Client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (s *ourSide) patch(t *testing.T, o client.Object, patch string) {
	t.Helper()
	if err := s.api.Patch(t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

func (s *ourSide) commit(t *testing.T, chart string) string {
	t.Helper()
	commit, err := s.repo.Commit("main", "change", filesOf(chart))
	if err != nil {
		t.Fatal(err)
	}
	s.commits = append(s.commits, commit)
	s.poke(t, &v1alpha1.Source{ObjectMeta: metav1.ObjectMeta{Namespace: s.stack.Namespace, Name: "shop"}}, v1alpha1.AnnotationReconcileAt)
	return commit
}

func (s *ourSide) poke(t *testing.T, o client.Object, annotation string) string {
	t.Helper()
	s.serial++
	value := strconv.Itoa(s.serial)
	s.patch(t, o, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, annotation, value))
	return value
}

func (s *ourSide) do(t *testing.T, verb, chart string) string {
	t.Helper()
	o := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.stack.Namespace, Name: s.stack.Name}}
	var ok bool
	switch verb {
	case "install":
		commit := s.commit(t, chart)
		o.Spec = v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "shop"}, Helm: &v1alpha1.HelmRender{}}
		create(t, s.w, o)
		ok = s.await(t, released(commit, 0))
	case "upgrade":
		before := s.get(t).Status.Release
		commit := s.commit(t, chart)
		ok = s.await(t, released(commit, before))
	case "rollback":
		before := s.get(t).Status.Release
		s.patch(t, o, fmt.Sprintf(`{"spec":{"source":{"revision":%q}}}`, s.commits[0]))
		ok = s.await(t, released(s.commits[0], before))
	case "uninstall":
		if err := s.api.Delete(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		ok = s.await(t, func(x *v1alpha1.Stack) (done, ok bool) {
			if x == nil {
				return true, true
			}
			r := x.Status.Run
			return r != nil && r.Action == "delete" && r.State == "Failed", false
		})
	case "test":
		asked := s.poke(t, o, v1alpha1.AnnotationTestAt)
		ok = s.await(t, func(x *v1alpha1.Stack) (done, ok bool) {
			r := x.Status.Run
			return r != nil && r.Request == asked && (r.State == "Succeeded" || r.State == "Failed"), r != nil && r.State == "Succeeded"
		})
	}
	return ending(ok, s.took())
}

// released: a release of the commit that is newer than before has ended.
func released(commit string, before int64) func(*v1alpha1.Stack) (done, ok bool) {
	return func(s *v1alpha1.Stack) (done, ok bool) {
		if len(s.Status.History) == 0 {
			return false, false
		}
		h := s.Status.History[0]
		if h.ID <= before || h.Revision != commit {
			return false, false
		}
		return h.Outcome == "Succeeded" || h.Outcome == "Failed", h.Outcome == "Succeeded"
	}
}

func (s *ourSide) get(t *testing.T) *v1alpha1.Stack {
	x := &v1alpha1.Stack{}
	if err := s.api.Get(context.Background(), s.stack, x); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		t.Fatal(err)
	}
	return x
}

func (s *ourSide) await(t *testing.T, ended func(*v1alpha1.Stack) (done, ok bool)) bool {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		x := s.get(t)
		if done, ok := ended(x); done {
			return ok
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %+v", within, x.Status)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
