package browser

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/edge"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/server/ui"
)

// TestFleet looks at 10,000 Stacks. The API, its board and the pages are those of the
// server; only the Stacks are made up, since a browser cannot tell, and making them on
// a cluster takes minutes.
func TestFleet(t *testing.T) {
	needUI(t)
	f := newFleet(t, 10_000)
	playwright(t, "measure", map[string]any{"server": f.url, "remote": remote(t, map[string]func(map[string]string) (map[string]string, error){
		"turn": f.turn,
	})})
}

type fleet struct {
	url   string
	board *board.Board
}

// all may see everything.
type all struct{}

func (all) Contains(lockstep.Unit) bool { return true }

func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{board: board.New()}
	for i := range n {
		f.board.Put(oneOf(i))
	}
	page, err := ui.New(ui.Options{})
	if err != nil {
		t.Fatal(err)
	}
	scheme := kruntime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).Build()
	done := make(chan struct{})
	quiet := slog.New(slog.DiscardHandler)
	e := edge.New(quiet, prometheus.NewRegistry())
	api := e.Inner(httpapi.New(&httpapi.Deps{
		Version: "test", Build: "test+1", Cache: c, Write: c, Board: f.board, Done: done, Edge: e, Log: quiet,
		See: func(context.Context, lockstep.Person) (board.Sight, error) { return all{}, nil },
		May: func(context.Context, lockstep.Person, access.Question) error { return nil },
	}))
	mux := http.NewServeMux()
	mux.Handle("/api/", e.Outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.ServeHTTP(w, r.WithContext(access.With(r.Context(), lockstep.Person{Name: "ana", Display: "Ana"})))
	})))
	mux.HandleFunc("GET /control", control)
	mux.HandleFunc("GET /control.js", controlScript)
	mux.Handle("/", page)
	srv := httptest.NewServer(mux)
	t.Cleanup(func() { close(done); srv.CloseClientConnections(); srv.Close() })
	f.url = srv.URL
	return f
}

var (
	born  = time.Now().Add(-time.Hour)
	names = []string{"checkout", "ledger", "search", "cart", "gateway"}
)

// nameOf returns where the i-th Stack is.
func nameOf(i int) (namespace, name string) {
	return fmt.Sprintf("team-%d", i%40), fmt.Sprintf("%s-%04d", names[i%len(names)], i/len(names))
}

// oneOf is the i-th Stack of a fleet as there are: most of it is well.
func oneOf(i int) *v1alpha1.Stack {
	switch {
	case i%971 == 0:
		return stack(i, v1alpha1.Degraded("Deployment/web: 2 of 5 pods crash"), "Degraded")
	case i%887 == 0:
		return stack(i, v1alpha1.Held("manual sync", "1 to change"), "Healthy")
	case i%331 == 0:
		return stack(i, v1alpha1.Progressing("Deployment/web: 2 of 5 are ready"), "Progressing")
	}
	return stack(i, v1alpha1.InSync("main@4f1c2aa", 12), "Healthy")
}

func stack(i int, v v1alpha1.Verdict, health string) *v1alpha1.Stack {
	s := &v1alpha1.Stack{}
	s.Namespace, s.Name = nameOf(i)
	s.Generation, s.CreationTimestamp = 1, metav1.NewTime(born)
	s.Labels = map[string]string{"env": []string{"dev", "staging", "prod"}[i%3], "owner": s.Namespace}
	s.Spec.Source = v1alpha1.StackSource{Name: "platform/monorepo", Path: "apps/" + s.Name}
	s.Spec.Target.Name = fmt.Sprintf("clusters/eu-%d", i%14)
	s.Status.ObservedGeneration = 1
	s.Status.Renderer = []string{"helm", "kustomize", "directory"}[i%3]
	s.Status.Health = &v1alpha1.StackHealth{Status: health}
	s.Status.Revision = fmt.Sprintf("4f1c2aa9d3b7e6f5a4c3b2a1908f7e6d5c4%05x", i)
	s.Status.Objects, s.Status.Release = 12, 3
	s.Status.History = []v1alpha1.Release{{
		ID: 3, Revision: s.Status.Revision, Subject: "raise the limits of " + s.Name, Author: "Ana <ana@example.org>", StartedAt: metav1.NewTime(born),
	}}
	v1alpha1.SetVerdict(&s.Status.Conditions, v, 1, metav1.NewTime(born))
	return s
}

// turn gives a Stack another state, as the cache of a server would bring it. Every
// letter of the arguments is the spec's own.
func (f *fleet) turn(args map[string]string) (map[string]string, error) {
	var i int
	if _, err := fmt.Sscan(args["stack"], &i); err != nil {
		return nil, err
	}
	s := oneOf(i)
	switch args["to"] {
	case "degraded":
		s = stack(i, v1alpha1.Degraded("Deployment/web: 2 of 5 pods crash"), "Degraded")
	case "progressing":
		s = stack(i, v1alpha1.Progressing("Deployment/web: 2 of 5 are ready"), "Progressing")
	}
	f.board.Put(s)
	return map[string]string{"namespace": s.Namespace, "name": s.Name}, nil
}

// control is a page that does a known amount of work: what a page of ours takes is
// compared with it, so that a slow machine is no finding.
func control(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!doctype html><html lang=en><title>Control</title><main></main><script src=/control.js></script></html>"))
}

// controlScript reads the data of the map and makes a table of a thousand rows of it:
// the least that a page with the same data does.
func controlScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript")
	_, _ = w.Write([]byte(`
const text = JSON.stringify(Array.from({ length: 10000 }, (_, i) => ({ namespace: 'team-' + (i % 40), name: 'checkout-' + i, state: i % 7 })));
let rows = [];
for (let n = 0; n < 5; n++) rows = JSON.parse(text).sort((a, b) => a.namespace.localeCompare(b.namespace) || a.state - b.state || a.name.localeCompare(b.name));
const table = document.createElement('table');
for (const row of rows.slice(0, 1000)) {
  const line = table.insertRow();
  for (const value of Object.values(row)) line.insertCell().textContent = value;
}
document.querySelector('main').append(table);
document.documentElement.dataset.done = 'yes';
`))
}
