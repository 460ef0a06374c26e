package bench

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/world"
)

// idleFor is how long the idle scenario watches; the Source is polled every 5 s
// then, so that several polls fall into it.
const idleFor = 60 * time.Second

func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			if b.N != 1 {
				b.Fatalf("one pass is one measurement: run with -benchtime 1x")
			}
			run(b, n)
		})
	}
}

// fleet is the state that the scenarios hand on: each starts where the one before
// ended.
type fleet struct {
	*world.World
	b      *testing.B
	n      int
	bare   bare
	api    kubernetes.Interface
	repo   *httpserver.Repo
	url    string
	src    *v1alpha1.Source
	server *world.Server
	limits string // namespace that the control writes to
}

func run(b *testing.B, n int) {
	w := world.New(b)
	f := &fleet{World: w, b: b, n: n, bare: newBare(b, w.Cluster.Config(b)), api: w.Cluster.Client(b), limits: w.Cluster.Namespace(b)}
	f.repo, f.url = w.Repo("bench")
	if _, err := f.repo.Commit("main", "first", files(n, "1")); err != nil {
		b.Fatal(err)
	}
	// The definitions have to be there for the control as well.
	w.Serve(world.ServeOptions{}).Stop()

	// An API server that has just started is slow in its first requests of a kind,
	// which would flatter whoever comes after the control.
	warm := w.Cluster.Namespace(b)
	fairLimit(b, f.bare, warm, 50)
	f.removeStacks(warm)

	fair := fairLimit(b, f.bare, f.limits, n)
	f.removeStacks(f.limits)
	f.server = w.Serve(world.ServeOptions{})
	f.cold(fair)
	f.onePath()
	f.allPaths()
	f.idle()
	u := usageOf(b, f.server.PID)
	f.report("peak-MiB", u.peak)
	// What is left over would be deleted while the next one is measured.
	f.removeStacks(f.Namespace)
}

func (f *fleet) report(unit string, v float64) {
	f.b.ReportMetric(v, unit)
	check(f.b, f.n, unit, v)
}

// cold: an empty cluster and an empty server; from the creation of the Source and
// n Stacks until all are ready.
func (f *fleet) cold(limit time.Duration) {
	before, cpu := count(f.b, f.api), usageOf(f.b, f.server.PID)
	ready := f.watchReady("")
	started := time.Now()
	f.src = f.Source("bench", f.url)
	all(f.b, f.n, 8, func(i int) error { return f.Client.Create(f.b.Context(), newStack(f.Namespace, i)) })
	ready(f.n)
	wall := time.Since(started)
	after := count(f.b, f.api)
	used := usageOf(f.b, f.server.PID)

	own := after.since(before).without("POST stacks", f.n).without("POST sources", 1)
	f.b.Logf("cold: %s, limit %s; own requests: %s", wall, limit, own)
	f.report("cold-x-limit", wall.Seconds()/limit.Seconds())
	f.report("cold-requests/stack", float64(own.total())/float64(f.n))
	f.report("cold-cpu-s", used.cpu-cpu.cpu)
}

// onePath: a commit that changes one Stack's only file, with a poke, until the
// change is live.
func (f *fleet) onePath() {
	const rounds = 5
	var wall, limit time.Duration
	worst, renders := 0, 0
	for r := range rounds {
		i := f.n/2 + r
		limit += commitLimit(f.b, f.bare, f.limits, f.repo, f.url, i, fmt.Sprintf("limit-%d", r))
		// The control's commit moved the Stack as well; let the server catch up.
		f.settle(i, fmt.Sprintf("limit-%d", r))

		rev := fmt.Sprintf("one-%d", r)
		commit, err := f.repo.Change("main", "one path", map[string]string{"apps/" + app(i) + "/configmap.yaml": configMap(i, rev)})
		if err != nil {
			f.b.Fatal(err)
		}
		seen := f.watchData(app(i), rev)
		before, rendered := count(f.b, f.api), f.renders()
		started := time.Now()
		f.Poke(f.src)
		seen()
		wall += time.Since(started)
		f.awaitRevision(i, commit)
		// Events are sent on the side; give them the time to be counted.
		time.Sleep(300 * time.Millisecond)
		own := count(f.b, f.api).since(before).without("PATCH sources", 1)
		own = own.without("GET stacks", own["GET stacks"]).without("WATCH configmaps", own["WATCH configmaps"])
		f.b.Logf("one path: own requests: %s", own)
		worst = max(worst, own.total())
		renders = max(renders, f.renders()-rendered)
	}
	f.b.Logf("one path: mean %s, limit %s", wall/rounds, limit/rounds)
	f.report("one-path-ms", float64((wall/rounds).Microseconds())/1000)
	f.report("one-path-x-limit", wall.Seconds()/limit.Seconds())
	f.report("one-path-requests", float64(worst))
	f.report("one-path-renders", float64(renders))
}

// allPaths: a commit that changes every Stack, until all are live and ready.
func (f *fleet) allPaths() {
	limit := objectLimit(f.b, f.bare, f.limits, f.n, "all")
	commit, err := f.repo.Change("main", "all paths", files(f.n, "all"))
	if err != nil {
		f.b.Fatal(err)
	}
	before, cpu := count(f.b, f.api), usageOf(f.b, f.server.PID)
	ready := f.watchReady(commit)
	started := time.Now()
	f.Poke(f.src)
	ready(f.n)
	wall := time.Since(started)
	own := count(f.b, f.api).since(before).without("PATCH sources", 1)
	f.b.Logf("all paths: %s, limit %s; own requests: %s", wall, limit, own)
	f.report("all-paths-x-limit", wall.Seconds()/limit.Seconds())
	f.report("all-paths-requests/stack", float64(own.total())/float64(f.n))
	f.report("all-paths-cpu-s", usageOf(f.b, f.server.PID).cpu-cpu.cpu)
}

// idle: nothing changes, the Source is polled all the same.
func (f *fleet) idle() {
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"interval":"5s"}}`))
	if err := f.Client.Patch(f.b.Context(), f.src, patch); err != nil {
		f.b.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	before, cpu, fetched := count(f.b, f.api), usageOf(f.b, f.server.PID), f.fetches()
	time.Sleep(idleFor)
	own := count(f.b, f.api).since(before)
	watches := 0
	for k, n := range own {
		if len(k) > 5 && k[:5] == "WATCH" {
			watches += n // ended by the server's own time limit and opened again
		}
	}
	used := usageOf(f.b, f.server.PID)
	f.b.Logf("idle: %d polls; own requests: %s", f.fetches()-fetched, own)
	if f.fetches() == fetched {
		f.b.Error("idle: the source was not polled, so this measured nothing")
	}
	f.report("idle-requests", float64(own.total()-watches))
	f.report("idle-cpu-s/min", (used.cpu-cpu.cpu)/idleFor.Minutes())
	f.report("idle-MiB", used.rss)
}

func (f *fleet) renders() int { return int(f.server.Metric("lockstep_stack_renders_total")) }
func (f *fleet) fetches() int {
	return int(f.server.Metric("lockstep_source_fetch_duration_seconds_count"))
}

// watchReady returns a function that waits until n Stacks are ready, at commit
// unless that is "".
func (f *fleet) watchReady(commit string) func(n int) {
	ctx, cancel := context.WithTimeout(f.b.Context(), 5*time.Minute)
	var list v1alpha1.StackList
	if err := f.Client.List(ctx, &list, client.InNamespace(f.Namespace), client.Limit(1)); err != nil {
		f.b.Fatal(err)
	}
	w, err := f.Client.Watch(ctx, &v1alpha1.StackList{}, client.InNamespace(f.Namespace), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		f.b.Fatal(err)
	}
	return func(n int) {
		defer cancel()
		defer w.Stop()
		done := map[string]bool{}
		last := ""
		for len(done) < n {
			ev, open := <-w.ResultChan()
			if !open {
				f.b.Fatalf("%d of %d stacks became ready; the last that did not: %s\n%s", len(done), n, last, f.server.Log())
			}
			s, ok := ev.Object.(*v1alpha1.Stack)
			if !ok || ev.Type == watch.Bookmark {
				continue
			}
			if isReady(s) && (commit == "" || s.Status.Revision == commit) {
				done[s.Name] = true
				continue
			}
			if len(s.Status.Conditions) > 0 {
				last = s.Name + ": " + s.Status.Conditions[0].Message
			}
		}
	}
}

func isReady(s *v1alpha1.Stack) bool {
	for _, c := range s.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Status == metav1.ConditionTrue && s.Status.ObservedGeneration == s.Generation
		}
	}
	return false
}

// watchData returns a function that waits until a ConfigMap carries rev.
func (f *fleet) watchData(name, rev string) func() {
	ctx, cancel := context.WithTimeout(f.b.Context(), time.Minute)
	w, err := f.api.CoreV1().ConfigMaps(f.Namespace).Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: name}))
	if err != nil {
		f.b.Fatal(err)
	}
	return func() {
		defer cancel()
		defer w.Stop()
		for ev := range w.ResultChan() {
			if cm, ok := ev.Object.(*corev1.ConfigMap); ok && cm.Data["rev"] == rev {
				return
			}
		}
		f.b.Fatalf("%s never showed %s\n%s", name, rev, f.server.Log())
	}
}

func (f *fleet) settle(i int, rev string) {
	seen := f.watchData(app(i), rev)
	f.Poke(f.src)
	seen()
	f.Eventually("stack ready", 30*time.Second, func() (bool, string) {
		s := &v1alpha1.Stack{}
		if err := f.Client.Get(f.b.Context(), client.ObjectKey{Namespace: f.Namespace, Name: app(i)}, s); err != nil {
			return false, err.Error()
		}
		return isReady(s), fmt.Sprint(s.Status.Conditions)
	})
	time.Sleep(300 * time.Millisecond)
}

func (f *fleet) awaitRevision(i int, commit string) {
	f.Eventually("stack at "+commit, 30*time.Second, func() (bool, string) {
		s := &v1alpha1.Stack{}
		if err := f.Client.Get(f.b.Context(), client.ObjectKey{Namespace: f.Namespace, Name: app(i)}, s); err != nil {
			return false, err.Error()
		}
		return s.Status.Revision == commit && isReady(s), s.Status.Revision
	})
}

func (f *fleet) removeStacks(namespace string) {
	path := "/apis/lockstep.dev/v1alpha1/namespaces/" + namespace + "/stacks"
	if err := f.bare.send(http.MethodDelete, path, jsonBody, nil); err != nil {
		f.b.Fatal(err)
	}
	f.Eventually("stacks gone", time.Minute, func() (bool, string) {
		var l v1alpha1.StackList
		if err := f.Client.List(f.b.Context(), &l, client.InNamespace(namespace)); err != nil {
			return false, err.Error()
		}
		return len(l.Items) == 0, fmt.Sprint(len(l.Items))
	})
}
