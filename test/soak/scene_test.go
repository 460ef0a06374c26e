package soak

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

// scene is everything that a soak plays in.
type scene struct {
	*world.World
	t     *testing.T
	model *model
	rand  *rand.Rand

	api      *faulty.Proxy
	git      *gitHost
	repo     *httpserver.Repo
	source   *v1alpha1.Source
	replicas []*replica

	round   int
	done    map[string]int
	strange map[string]string // labels that others put on objects, by uid
}

func newScene(t *testing.T, r *rand.Rand) *scene {
	w := world.New(t)
	s := &scene{World: w, t: t, rand: r, model: newModel(r, *stacks), done: map[string]int{}, strange: map[string]string{}}
	s.api = faulty.New(t, w.Cluster.Config(t))
	s.git = newGitHost(t)
	repo, err := httpserver.Create(filepath.Join(s.git.dir, "soak.git"))
	if err != nil {
		t.Fatal(err)
	}
	s.repo = repo
	s.commit("first")
	// The first start installs the definitions.
	for range *count {
		r := &replica{options: world.ServeOptions{
			Kubeconfig: s.api.Kubeconfig, DataDir: t.TempDir(), Debug: true, Args: []string{"--log-level", "debug"},
		}}
		r.server = w.Serve(r.options)
		s.replicas = append(s.replicas, r)
	}
	s.source = w.Source("soak", s.git.url+"/soak.git")
	for _, name := range slices.Sorted(maps.Keys(s.model.stacks)) {
		s.createStack(s.model.stacks[name])
	}
	w.Create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "bystander"}, Data: map[string]string{"mine": "yes"}})
	return s
}

func (s *scene) createStack(u *unit) {
	u.exists, u.paused = true, false
	s.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: u.name},
		Spec: v1alpha1.StackSpec{
			Source: v1alpha1.StackSource{Name: "soak", Path: u.name},
			Sync: v1alpha1.Sync{
				Deletion: v1alpha1.DeletionWait, AllowEmpty: true,
				// A person would wait minutes between tries; the soak has less time.
				RetryMax: metav1.Duration{Duration: 3 * time.Second},
			},
		},
	})
}

func (s *scene) commit(message string) {
	s.t.Helper()
	if _, err := s.repo.Commit("main", message, s.model.files()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.rand.Int64N(int64(high-low)))
}

func (s *scene) total() (n int) {
	for _, c := range s.done {
		n += c
	}
	return n
}

// replica is one server and what it is started with.
type replica struct {
	server  *world.Server
	options world.ServeOptions
}

// ctx is for requests of the soak's own; they go to the API itself.
func (s *scene) ctx() context.Context { return s.t.Context() }

func (s *scene) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: s.Namespace, Name: name}
}

type footprint struct{ goroutines, mib int }

func (f footprint) String() string {
	return fmt.Sprintf("%d goroutines and %d MiB", f.goroutines, f.mib)
}

func (s *scene) footprint() footprint {
	var f footprint
	for _, r := range s.replicas {
		f.goroutines += int(r.server.Metric("go_goroutines"))
		f.mib += int(r.server.Metric("process_resident_memory_bytes")) >> 20
	}
	return f
}

// gitHost serves repositories over HTTP, and can be made to fail.
type gitHost struct {
	dir, url string

	mu    sync.Mutex
	fault func(w http.ResponseWriter, r *http.Request) bool // true when it answered
}

func newGitHost(t *testing.T) *gitHost {
	g := &gitHost{dir: t.TempDir()}
	handler, err := httpserver.New(httpserver.Options{Dir: g.dir})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		fault := g.fault
		g.mu.Unlock()
		if fault == nil || !fault(w, r) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	g.url = srv.URL
	return g
}

func (g *gitHost) fail(f func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = f
}
