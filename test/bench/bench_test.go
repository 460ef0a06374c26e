package bench

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
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

// field is where a benchmark takes place.
type field struct {
	*world.World
	b      testing.TB
	bare   bare
	api    kubernetes.Interface
	server *world.Server
}

// fleet is n Stacks of one shape in a namespace of their own.
type fleet struct {
	*field
	shape  shape
	n      int
	each   int // objects of a Stack
	repo   *httpserver.Repo
	url    string
	src    *v1alpha1.Source
	limits string // namespace that the control writes to
	data   string // the server's data directory
	// announced is when a push was announced last.
	announced time.Time
}

// newField starts a control plane and waits until what both sides rely on is
// warm: an API server is slow in its first requests of a kind, which would flatter
// whoever comes after the control.
func newField(b testing.TB) *field {
	w := world.New(b)
	f := &field{World: w, b: b, bare: newBare(b, w.Cluster.Config(b)), api: w.Cluster.Client(b)}
	s := w.Serve(world.ServeOptions{})
	f.Eventually("the API sets finalizers", time.Minute, func() (bool, string) {
		stack := newStack(w.Namespace, 0)
		stack.Name, stack.GenerateName, stack.Spec.Pause = "", "warm-", &v1alpha1.Pause{}
		w.Create(stack)
		_ = w.Client.Delete(b.Context(), stack)
		return len(stack.Finalizers) > 0, "not yet"
	})
	time.Sleep(time.Second) // those that were deleted are let go
	s.Stop()
	f.fairLimit(five, 30)
	return f
}

// fleet makes the repository of a fleet and starts a server that knows nothing.
func (f *field) fleet(s shape, n int) *fleet {
	f.b.Helper()
	return f.fleetIn(s, n, files(s, n, "1"))
}

// fleetIn is fleet in a repository of which more is known.
func (f *field) fleetIn(s shape, n int, content map[string]string) *fleet {
	f.b.Helper()
	x := &fleet{field: f, shape: s, n: n, each: len(s(0, "")), data: f.b.TempDir(), limits: f.Cluster.Namespace(f.b)}
	f.Namespace = f.Cluster.Namespace(f.b)
	x.repo, x.url = f.Repo(fmt.Sprintf("bench-%s", f.Namespace))
	if _, err := x.repo.Commit("main", "first", content); err != nil {
		f.b.Fatal(err)
	}
	x.start("")
	return x
}

// start starts the server with what it had stored, against the API that a
// kubeconfig leads to: "" for the API server itself.
func (x *fleet) start(kubeconfig string) {
	x.server = x.Serve(world.ServeOptions{Kubeconfig: kubeconfig, DataDir: x.data, Args: []string{"--stack-metrics=false"}})
	x.field.server = x.server
}

// end removes a fleet, so that the next one is not measured against its remains.
func (x *fleet) end() {
	x.b.Helper()
	path := "/apis/lockstep.dev/v1alpha1/namespaces/" + x.Namespace + "/stacks"
	// One by one: all in one request may take longer than the API server allows.
	all(x.b, x.n, 16, func(i int) error { return x.bare.send(http.MethodDelete, path+"/"+app(i), jsonBody, nil) })
	x.Eventually("stacks gone", 5*time.Minute, func() (bool, string) {
		var l v1alpha1.StackList
		if err := x.Client.List(x.b.Context(), &l, client.InNamespace(x.Namespace)); err != nil {
			return false, err.Error()
		}
		return len(l.Items) == 0, fmt.Sprint(len(l.Items))
	})
	x.server.Stop()
	x.sweep(x.limits)
}

// started is what one cold start cost.
type started struct {
	wall time.Duration
	own  requests
	used usage
}

// cold: an empty server; from the creation of the Source and n Stacks until all
// are ready.
func (x *fleet) cold() started {
	x.b.Helper()
	before, cpu := count(x.b, x.api), usageOf(x.b, x.server.PID)
	ready := x.watchReady("")
	began := time.Now()
	x.src = x.announcedSource()
	all(x.b, x.n, 8, func(i int) error { return x.Client.Create(x.b.Context(), newStack(x.Namespace, i)) })
	ready(x.n)
	wall := time.Since(began)
	after, used := count(x.b, x.api), usageOf(x.b, x.server.PID)
	used.cpu -= cpu.cpu
	own := after.since(before).without("POST stacks", x.n).without("POST sources", 1)
	// A watch is counted when it ends, which the harness's does about now.
	delete(own, "WATCH stacks")
	delete(own, "LIST stacks")
	x.b.Logf("cold %d × %d: %s, %.1f CPU-s, peak %.0f MiB; own requests: %s; load %s", x.n, x.each, wall, used.cpu, used.peak, own, load(x.b))
	return started{wall: wall, own: own, used: used}
}

// writes tells applies and statuses of Stacks from everything else.
func (r requests) writes() (own, other int) {
	for k, n := range r {
		switch {
		case len(k) > 6 && (k[:6] == "APPLY " || k == "PATCH stacks/status"):
			own += n
		default:
			other += n
		}
	}
	return own, other
}

type sample []float64

func (s sample) at(q float64) float64 {
	c := slices.Sorted(slices.Values(s))
	if len(c) == 0 {
		return 0
	}
	return c[max(int(math.Ceil(q*float64(len(c))))-1, 0)]
}

func (s sample) median() float64 { return s.at(0.5) }

func (s *sample) add(d time.Duration) { *s = append(*s, float64(d.Microseconds())/1000) }

// coldOf measures cold starts beside the control, in turns, and reports medians.
func coldOf(b *testing.B, s shape, n, rounds int) {
	f := newField(b)
	var limits, walls sample
	for r := range rounds {
		limits.add(f.fairLimit(s, n))
		x := f.fleet(s, n)
		c := x.cold()
		walls.add(c.wall)
		x.requests(c)
		report(b, "cpu-ms/stack", c.used.cpu*1000/float64(n))
		report(b, "peak-MiB", c.used.peak)
		report(b, "peak-x-budget", c.used.peak/budget(n, n*x.each))
		if r == rounds-1 {
			x.server.Stop() // nothing comes after it that its remains could disturb
			continue
		}
		x.end()
	}
	b.Logf("cold ms %v, limit ms %v", walls, limits)
	report(b, "x-limit", walls.median()/limits.median())
	report(b, "ms", walls.median())
}

// requests reports what a cold start asked of the API. A Stack of several objects
// has as many applies, and is counted as if it had one.
func (x *fleet) requests(c started) {
	x.b.Helper()
	writes, other := c.own.writes()
	x.report("writes/stack", float64(writes)/float64(x.n)-float64(x.each-1))
	x.report("other-requests/stack", float64(other)/float64(x.n))
}

// budget is what memory may come to at the most, in MiB.
func budget(stacks, objects int) float64 { return 64 + float64(24*stacks+4*objects)/1024 }

func BenchmarkCold(b *testing.B) {
	b.Run("cm", func(b *testing.B) { coldOf(b, cm, 1000, 3) })
	b.Run("five", func(b *testing.B) { coldOf(b, five, 1000, 2) })
	b.Run("five-100", func(b *testing.B) { coldOf(b, five, 100, 3) })
}

// BenchmarkCommit: a hundred commits that touch one Stack each, then three that
// touch all.
func BenchmarkCommit(b *testing.B) {
	f := newField(b)
	x := f.fleet(cm, 1000)
	x.cold()
	x.onePath(100, 7)
	x.allPaths(3)
	x.end()
}

// report prints a figure and holds it to its range.
func report(t testing.TB, unit string, v float64) {
	t.Helper()
	if b, ok := t.(*testing.B); ok {
		b.ReportMetric(v, unit)
	}
	check(t, t.Name(), unit, v)
}

func (x *fleet) report(unit string, v float64) {
	x.b.Helper()
	report(x.b, unit, v)
}

// onePath: a commit that changes one Stack's only file, announced, until a watch
// shows the change; in turns with the control, whose commits touch no Stack. The
// Stacks are every stride-th one, over and over.
func (x *fleet) onePath(rounds, stride int) {
	x.b.Helper()
	o := x.onePathOf(rounds, stride)
	x.report("one-path-ms", o.walls.median())
	x.report("one-path-limit-ms", o.limits.median())
	x.report("one-path-x-limit", o.walls.median()/o.limits.median())
	x.report("one-path-p99-x-median", o.walls.at(0.99)/o.walls.median())
	x.report("one-path-limit-p99-x-median", o.limits.at(0.99)/o.limits.median())
	x.report("one-path-requests", o.requests)
	x.report("one-path-renders", o.renders)
}

// onePaths is what commits that touch one Stack took and cost each.
type onePaths struct {
	walls, limits     sample
	requests, renders float64
}

func (x *fleet) onePathOf(rounds, stride int) onePaths {
	x.b.Helper()
	l := newLine(x.b, x.url)
	var walls, limits sample
	own, renders := requests{}, x.renders()
	for r := range rounds {
		i := r * stride % x.n
		rev := fmt.Sprintf("limit-%d", r)
		o := cm(i, rev)[0]
		if _, err := x.repo.Change("main", "beside", map[string]string{"limit/" + o.name + ".yaml": o.yaml}); err != nil {
			x.b.Fatal(err)
		}
		seen := x.watchData(x.limits, o.name, rev)
		limits.add(x.bare.commitLimit(x.b, x.limits, l, o, seen))

		rev = fmt.Sprintf("one-%d", r)
		o = cm(i, rev)[0]
		commit, err := x.repo.Change("main", "one path", map[string]string{"apps/" + app(i) + "/" + o.file: o.yaml})
		if err != nil {
			x.b.Fatal(err)
		}
		seen = x.watchData(x.Namespace, app(i), rev)
		ready := x.watchReady(commit)
		before := count(x.b, x.api)
		began := x.announce()
		seen()
		walls.add(time.Since(began))
		ready(1)
		time.Sleep(20 * time.Millisecond) // what is sent on the side
		for k, n := range count(x.b, x.api).since(before) {
			own[k] += n
		}
		l.head = commit // the control's next diff begins here
		git(x.b, l.dir, "fetch", "--quiet", "--no-tags", "origin", "+refs/heads/main:refs/heads/main")
	}
	x.b.Logf("one path, ms: median %.1f, p99 %.1f; limit median %.1f, p99 %.1f; own requests of %d commits: %s; load %s",
		walls.median(), walls.at(0.99), limits.median(), limits.at(0.99), rounds, own, load(x.b))
	return onePaths{
		walls: walls, limits: limits,
		requests: float64(own.withoutHarness().total()) / float64(rounds),
		renders:  float64(x.renders()-renders) / float64(rounds),
	}
}

// allPaths: commits that change every Stack, until all are live, and until all
// statuses say so.
func (x *fleet) allPaths(rounds int) {
	var live, told, limits sample
	cpu := usageOf(x.b, x.server.PID).cpu
	x.bare.objectLimit(x.b, x.limits, made(x.b, x.shape, x.n, "0"))
	for r := range rounds {
		rev := fmt.Sprintf("all-%d", r)
		limits.add(x.bare.objectLimit(x.b, x.limits, made(x.b, x.shape, x.n, rev)))
		commit, err := x.repo.Change("main", "all paths", files(x.shape, x.n, rev))
		if err != nil {
			x.b.Fatal(err)
		}
		seen, ready := x.watchAll(rev), x.watchReady(commit)
		began := x.announce()
		took := make(chan time.Duration)
		go func() { seen(x.n); took <- time.Since(began) }()
		ready(x.n)
		told.add(time.Since(began))
		live.add(<-took)
	}
	x.b.Logf("all paths, ms: live %v, statuses %v, limit %v", live, told, limits)
	x.report("all-paths-live-x-limit", live.median()/limits.median())
	x.report("all-paths-statuses-x-limit", told.median()/limits.median())
	x.report("all-paths-cpu-ms/stack", (usageOf(x.b, x.server.PID).cpu-cpu)*1000/float64(rounds*x.n))
}

func (x *fleet) renders() int { return int(x.server.Metric("lockstep_stack_renders_total")) }

// watchReady returns a function that waits until n Stacks are ready, at commit
// unless that is "".
func (x *fleet) watchReady(commit string) func(n int) {
	ctx, cancel := context.WithTimeout(x.b.Context(), 8*time.Minute)
	events := make(chan *v1alpha1.Stack, x.n)
	begun := make(chan error, 1)
	go x.follow(ctx, events, begun)
	if err := <-begun; err != nil {
		x.b.Fatal(err)
	}
	return func(n int) {
		defer cancel()
		done := map[string]bool{}
		last := ""
		for len(done) < n {
			s, open := <-events
			if !open {
				x.b.Fatalf("%d of %d stacks became ready; the last that did not: %s\n%s", len(done), n, last, x.server.Log())
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

// follow sends what the Stacks are and become until ctx ends. The API server ends
// a watch when it likes, and one that nobody reads at once: what was missed comes
// from a list then.
func (x *fleet) follow(ctx context.Context, events chan<- *v1alpha1.Stack, begun chan<- error) {
	defer close(events)
	send := func(s *v1alpha1.Stack) {
		select {
		case events <- s:
		case <-ctx.Done():
		}
	}
	for first := true; ctx.Err() == nil; first = false {
		var list v1alpha1.StackList
		opts := []client.ListOption{client.InNamespace(x.Namespace)}
		if first {
			opts = append(opts, client.Limit(1)) // only where to begin
		}
		err := x.Client.List(ctx, &list, opts...)
		var w watch.Interface
		if err == nil {
			w, err = x.Client.Watch(ctx, &v1alpha1.StackList{}, client.InNamespace(x.Namespace), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
		}
		if first {
			begun <- err
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for i := range list.Items {
			if !first { // before, they are what they were
				send(&list.Items[i])
			}
		}
		for ev := range w.ResultChan() {
			if s, ok := ev.Object.(*v1alpha1.Stack); ok && ev.Type != watch.Bookmark {
				send(s)
			}
		}
	}
}

// isReady counts an Ingress that nobody serves as done: no controller for it runs
// here, on either side.
func isReady(s *v1alpha1.Stack) bool {
	for _, c := range s.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			done := c.Status == metav1.ConditionTrue || c.Reason == v1alpha1.ReasonProgressing && s.Status.Key != ""
			return done && s.Status.ObservedGeneration == s.Generation
		}
	}
	return false
}

// watchData returns a function that waits until a ConfigMap carries rev.
func (x *fleet) watchData(namespace, name, rev string) func() {
	f := x.watchMaps(namespace, metav1.SingleObject(metav1.ObjectMeta{Name: name}), rev)
	return func() { f(1) }
}

// watchAll returns a function that waits until n ConfigMaps carry rev.
func (x *fleet) watchAll(rev string) func(n int) {
	return x.watchMaps(x.Namespace, metav1.ListOptions{}, rev)
}

func (x *fleet) watchMaps(namespace string, o metav1.ListOptions, rev string) func(n int) {
	ctx, cancel := context.WithTimeout(x.b.Context(), 5*time.Minute)
	live, begun := make(chan string, 2*x.n), make(chan error, 1)
	go x.followMaps(ctx, namespace, o, live, begun, rev)
	if err := <-begun; err != nil {
		x.b.Fatal(err)
	}
	return func(n int) {
		defer cancel()
		done := map[string]bool{}
		for len(done) < n {
			select {
			case name := <-live:
				done[name] = true
			case <-ctx.Done():
				x.b.Errorf("%d of %d showed %s\n%s", len(done), n, rev, x.server.Log())
				return
			}
		}
	}
}

// followMaps is follow for ConfigMaps: it sends the names of those that carry rev.
func (x *fleet) followMaps(ctx context.Context, namespace string, o metav1.ListOptions, live chan<- string, begun chan<- error, rev string) {
	send := func(cm *corev1.ConfigMap) {
		if cm.Data["rev"] != rev {
			return
		}
		select {
		case live <- cm.Name:
		case <-ctx.Done():
		}
	}
	maps := x.api.CoreV1().ConfigMaps(namespace)
	for first := true; ctx.Err() == nil; first = false {
		list, err := maps.List(ctx, o)
		var w watch.Interface
		if err == nil {
			from := o
			from.ResourceVersion = list.ResourceVersion
			w, err = maps.Watch(ctx, from)
		}
		if first {
			begun <- err
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for i := range list.Items {
			send(&list.Items[i])
		}
		for ev := range w.ResultChan() {
			if cm, ok := ev.Object.(*corev1.ConfigMap); ok {
				send(cm)
			}
		}
	}
}
