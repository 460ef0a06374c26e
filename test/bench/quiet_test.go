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
	x.idle()
	x.drift(30)
	x.restart()
}

// idle: nothing changes, the Source is polled all the same.
func (x *fleet) idle() {
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"interval":"10s"}}`))
	if err := x.Client.Patch(x.b.Context(), x.src, patch); err != nil {
		x.b.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	before, cpu, fetched := count(x.b, x.api), usageOf(x.b, x.server.PID), x.fetches()
	time.Sleep(idleFor)
	own := count(x.b, x.api).since(before)
	used := usageOf(x.b, x.server.PID)
	x.b.Logf("idle: %d polls; own requests: %s; %.0f MiB", x.fetches()-fetched, own, used.rss)
	if x.fetches() == fetched {
		x.b.Error("idle: the source was not polled, so this measured nothing")
	}
	x.report("idle-requests/min", float64(own.total())/idleFor.Minutes())
	x.report("idle-cpu-s/min", (used.cpu-cpu.cpu)/idleFor.Minutes())
}

func (x *fleet) fetches() int {
	return int(x.server.Metric("lockstep_source_fetch_duration_seconds_count"))
}

// drift: somebody changes a field of Git's, until it is back; in turns with the
// bare way from a watch's event to an apply.
func (x *fleet) drift(rounds int) {
	var walls, limits sample
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
	x.b.Logf("drift, ms: median %.1f, p99 %.1f; limit %.1f", walls.median(), walls.at(0.99), limits.median())
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
	x.start()
	up := time.Since(began)
	x.Eventually("every stack proven", time.Minute, func() (bool, string) {
		n := x.server.Metric("lockstep_stack_pass_duration_seconds_count", `reason="Ready"`) + x.server.Metric("lockstep_stack_pass_duration_seconds_count", `reason="Progressing"`)
		return n >= float64(x.n), fmt.Sprint(n)
	})
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
