// Package replicas tests several servers that share the Stacks of one cluster:
// real processes, each with a proxy of its own before the API, which writes down
// what that replica writes.
package replicas

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// apply is one write to an object of a Stack, as it reached the API.
type apply struct {
	replica string
	path    string // of the object
	content [32]byte
	at      time.Time
}

// audit is what all replicas applied, in the order of arrival.
type audit struct {
	mu      sync.Mutex
	applies []apply
}

// proxy starts the way of one replica to the API.
func (a *audit) proxy(t *testing.T, w *world.World, replica string) *faulty.Proxy {
	t.Helper()
	p := faulty.New(t, w.Cluster.Config(t))
	p.Decide(func(r *http.Request) faulty.Act {
		// The record of kinds is added to by whoever brings one, and is no Stack's.
		if r.Method != http.MethodPatch || !strings.Contains(r.URL.Path, "/configmaps/") || strings.Contains(r.URL.Path, "/configmaps/lockstep-kinds") {
			return faulty.Act{}
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return faulty.Act{}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		a.mu.Lock()
		defer a.mu.Unlock()
		a.applies = append(a.applies, apply{replica: replica, path: r.URL.Path, content: sha256.Sum256(body), at: time.Now()})
		return faulty.Act{}
	})
	return p
}

// twice returns the objects that got one content from two replicas.
func (a *audit) twice() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	type key struct {
		path    string
		content [32]byte
	}
	by := map[key]string{}
	var out []string
	for _, x := range a.applies {
		k := key{x.path, x.content}
		if first, seen := by[k]; seen && first != x.replica {
			out = append(out, fmt.Sprintf("%s by %s and %s", filepath.Base(x.path), first, x.replica))
		}
		by[k] = x.replica
	}
	return out
}

func (a *audit) since(replica string, t time.Time) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, x := range a.applies {
		if x.replica == replica && x.at.After(t) {
			n++
		}
	}
	return n
}

// scene is a fleet of Stacks with one ConfigMap each.
type scene struct {
	*world.World
	t      *testing.T
	audit  *audit
	repo   *httpserver.Repo
	source *v1alpha1.Source
	n      int
}

func newScene(t *testing.T, n int) *scene {
	w := world.New(t)
	s := &scene{World: w, t: t, audit: &audit{}, n: n}
	var url string
	s.repo, url = w.Repo("fleet")
	files := map[string]string{}
	for i := range n {
		files[path(i)] = s.manifest(i, "one")
	}
	s.commit(files)
	s.source = &v1alpha1.Source{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "fleet"},
		Spec: v1alpha1.SourceSpec{
			Interval: metav1.Duration{Duration: time.Hour},
			Git:      &v1alpha1.GitSource{URL: url, Ref: &v1alpha1.GitRef{Branch: "main"}},
		},
	}
	return s
}

func name(i int) string { return fmt.Sprintf("s-%03d", i) }

func path(i int) string { return name(i) + "/cm.yaml" }

func (s *scene) manifest(i int, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {value: %s}\n", name(i), value)
}

func (s *scene) commit(files map[string]string) {
	s.t.Helper()
	if _, err := s.repo.Commit("main", "change", files); err != nil {
		s.t.Fatal(err)
	}
}

// serve starts a replica; its data directory is kept for a second start.
func (s *scene) serve(replica, dir string) *world.Server {
	s.t.Helper()
	return s.Serve(world.ServeOptions{Kubeconfig: s.audit.proxy(s.t, s.World, replica).Kubeconfig, DataDir: dir})
}

func (s *scene) create() {
	s.t.Helper()
	s.Create(s.source)
	for i := range s.n {
		s.Create(&v1alpha1.Stack{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name(i)},
			Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "fleet", Path: name(i)}},
		})
	}
}

// live waits until every Stack's object has value.
func (s *scene) live(value string, within time.Duration) time.Duration {
	s.t.Helper()
	start := time.Now()
	s.Eventually("everything is at "+value, within, func() (bool, string) {
		var list corev1.ConfigMapList
		if err := s.Client.List(s.t.Context(), &list, client.InNamespace(s.Namespace)); err != nil {
			return false, err.Error()
		}
		n := 0
		for _, cm := range list.Items {
			if cm.Data["value"] == value {
				n++
			}
		}
		return n == s.n, fmt.Sprintf("%d of %d", n, s.n)
	})
	return time.Since(start)
}

// all commits value to every Stack and has the Source looked at.
func (s *scene) all(value string) {
	s.t.Helper()
	files := map[string]string{}
	for i := range s.n {
		files[path(i)] = s.manifest(i, value)
	}
	s.commit(files)
	s.Poke(s.source)
}

func stacks(s *world.Server) int { return int(s.Metric("lockstep_replica_stacks")) }

// everywhere is how many Stacks there are: replicas share those of other tests,
// too, which may not all be gone.
func (s *scene) everywhere() int {
	s.t.Helper()
	var list v1alpha1.StackList
	if err := s.Client.List(s.t.Context(), &list); err != nil {
		s.t.Fatal(err)
	}
	return len(list.Items)
}

// kept waits until servers keep every Stack between them.
func (s *scene) kept(servers ...*world.Server) {
	s.t.Helper()
	s.Eventually("every Stack has one keeper", 30*time.Second, func() (bool, string) {
		n, all := 0, s.everywhere()
		for _, srv := range servers {
			n += stacks(srv)
		}
		return n == all, fmt.Sprintf("%d of %d", n, all)
	})
}
