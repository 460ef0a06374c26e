package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/test/faulty"
)

// idleFor is how long the idle scenario watches; the Source is polled every 10 s
// then, so that several polls fall into it.
const idleFor = 2 * time.Minute

// BenchmarkQuiet: a fleet to which nothing happens, then what others do to it,
// then a restart.
func BenchmarkQuiet(b *testing.B) {
	f := newField(b)
	x := f.fleet(five, 1000)
	x.cold()
	time.Sleep(5 * time.Second) // until the control plane has done with it
	x.reportIdle(x.idle(idleFor))
	x.drift(30)
	x.restart()
}

// idle: nothing changes, the Source is polled all the same. The server reaches the
// API through a proxy meanwhile, which counts every request of its, those for its
// Lease too.
func (x *fleet) idle(d time.Duration) idled {
	x.b.Helper()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"interval":"10s"}}`))
	if err := x.Client.Patch(x.b.Context(), x.src, patch); err != nil {
		x.b.Fatal(err)
	}
	proxy := faulty.New(x.b, x.Cluster.Config(x.b))
	x.server.Stop()
	x.start(proxy.Kubeconfig)
	x.proven()
	time.Sleep(5 * time.Second) // what is told late
	before, cpu, fetched := proxy.Counts(), usageOf(x.b, x.server.PID), x.fetches()
	time.Sleep(d)
	own, used, polls := proxy.Since(before), usageOf(x.b, x.server.PID), x.fetches()-fetched
	x.server.Stop()
	x.start("")
	x.proven()
	if polls == 0 {
		x.b.Error("idle: the source was not polled, so this measured nothing")
	}
	if used.cpu < cpu.cpu || len(before) == 0 {
		x.b.Error("idle: the server that was measured did not go through the proxy")
	}
	total := 0
	for _, n := range own {
		total += n
	}
	x.b.Logf("idle %s: %d polls; own requests: %v; %.0f MiB", d, polls, own, used.rss)
	return idled{requests: float64(total) / d.Minutes(), cpu: (used.cpu - cpu.cpu) / d.Minutes(), rss: used.rss}
}

// idled is what a minute costs in which nothing happens.
type idled struct{ requests, cpu, rss float64 }

func (x *fleet) reportIdle(i idled) {
	x.b.Helper()
	x.report("idle-requests/min", i.requests)
	x.report("idle-cpu-s/min", i.cpu)
}

// proven waits until a server that was just started has proven every Stack.
func (x *fleet) proven() {
	x.b.Helper()
	x.Eventually("every stack proven", 2*time.Minute, func() (bool, string) {
		n := x.server.Metric("lockstep_stack_pass_duration_seconds_count", `reason="Ready"`) + x.server.Metric("lockstep_stack_pass_duration_seconds_count", `reason="Progressing"`)
		return n >= float64(x.n), fmt.Sprint(n)
	})
}

func (x *fleet) fetches() int {
	return int(x.server.Metric("lockstep_source_fetch_duration_seconds_count"))
}

// drift: somebody changes a field of Git's, until it is back; in turns with the
// bare way from a watch's event to an apply.
func (x *fleet) drift(rounds int) {
	var walls, limits sample
	before := count(x.b, x.api)
	for r := range rounds {
		o := cm(r, "1")[0]
		if err := x.bare.apply(x.limits, o, must(x.b)(yaml.YAMLToJSON([]byte(o.yaml)))); err != nil {
			x.b.Fatal(err)
		}
		limits.add(x.edit(x.limits, o, func() error {
			return x.bare.apply(x.limits, o, must(x.b)(yaml.YAMLToJSON([]byte(o.yaml))))
		}))
		walls.add(x.edit(x.Namespace, o, func() error { return nil }))
	}
	time.Sleep(3 * time.Second) // what is told late
	own := count(x.b, x.api).since(before)
	// On both sides somebody edits and the harness watches; the control applies twice.
	own = own.without("APPLY configmaps", 2*rounds).without("PATCH configmaps", 2*rounds).without("WATCH configmaps", own["WATCH configmaps"])
	x.b.Logf("drift, ms: median %.1f, p99 %.1f; limit %.1f, p99 %.1f; own requests of %d heals: %s",
		walls.median(), walls.at(0.99), limits.median(), limits.at(0.99), rounds, own)
	x.report("heal-applies", float64(own["APPLY configmaps"])/float64(rounds))
	x.report("heal-requests", float64(own.total())/float64(rounds))
	x.report("drift-ms", walls.median())
	x.report("drift-x-limit", walls.median()/limits.median())
}

// edit changes a ConfigMap as somebody else and returns the time from the event of
// that to the event of its being undone. heal is called at the first.
func (x *fleet) edit(namespace string, o object, heal func() error) time.Duration {
	ctx, cancel := context.WithTimeout(x.b.Context(), 30*time.Second)
	defer cancel()
	maps := x.api.CoreV1().ConfigMaps(namespace)
	w, err := maps.Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: o.name}))
	if err != nil {
		x.b.Fatal(err)
	}
	defer w.Stop()
	go func() {
		_, _ = maps.Patch(ctx, o.name, types.MergePatchType, []byte(`{"data":{"rev":"edited"}}`), metav1.PatchOptions{FieldManager: "somebody"})
	}()
	var edited time.Time
	for ev := range w.ResultChan() {
		cm, ok := ev.Object.(*corev1.ConfigMap)
		switch {
		case !ok || ev.Type == watch.Bookmark:
		case cm.Data["rev"] == "edited" && edited.IsZero():
			edited = time.Now()
			if err := heal(); err != nil {
				x.b.Fatal(err)
			}
		case cm.Data["rev"] != "edited" && !edited.IsZero():
			return time.Since(edited)
		}
	}
	x.b.Fatalf("%s/%s was not healed\n%s", namespace, o.name, x.server.Log())
	return 0
}

// restart: the server is killed and started, nothing changed; until every Stack
// is proven to be in step.
func (x *fleet) restart() {
	x.server.Stop()
	time.Sleep(3 * time.Second)
	before := count(x.b, x.api)
	began := time.Now()
	x.start("")
	up := time.Since(began)
	x.proven()
	wall := time.Since(began)
	used := usageOf(x.b, x.server.PID)
	time.Sleep(3 * time.Second) // a write that was put off would come now
	own := count(x.b, x.api).since(before)
	writes := 0
	for k, n := range own {
		switch k[:5] {
		case "APPLY", "PATCH", "POST ", "PUT s", "DELET":
			writes += n
		}
	}
	x.b.Logf("restart: %s (listening after %s), %.2f CPU-s; own requests: %s", wall, up, used.cpu, own)
	x.report("restart-s", wall.Seconds())
	x.report("restart-cpu-s", used.cpu)
	x.report("restart-writes", float64(writes))
}
