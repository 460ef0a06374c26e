package observe

import (
	"fmt"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestEventsAreNotRepeated: what the status says already is not told again, neither
// at the next try nor by the next server.
func TestEventsAreNotRepeated(t *testing.T) {
	w := world.New(t)
	dir := t.TempDir()
	server := w.Serve(world.ServeOptions{DataDir: dir})
	repo, url := w.Repo("events")
	commit(t, repo, map[string]string{
		"bad/a.yaml":  "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: -1}]}\n",
		"mist/a.yaml": "not: yaml: at all\n",
	})
	w.Source("events", url)
	w.Source("gone", url+"x")
	bad, mist, lost := stackOf(w, "bad", "events"), stackOf(w, "mist", "events"), stackOf(w, "lost", "gone")
	for _, s := range []*v1alpha1.Stack{bad, mist, lost} {
		w.Create(s)
	}
	reason(w, bad, "Invalid")
	reason(w, mist, "Invalid")
	reason(w, lost, "NotFound")
	want := map[string]int{}
	w.Eventually("each failure has its event", within, func() (bool, string) {
		want = warnings(w)
		return len(want) == 4, fmt.Sprint(want)
	})
	again := func(what string) {
		t.Helper()
		passes := func() float64 { return server.Metric("lockstep_stack_pass_duration_seconds_count") }
		before := passes()
		for _, s := range []*v1alpha1.Stack{bad, mist, lost} {
			w.Poke(s)
		}
		w.Eventually("another try of each", within, func() (bool, string) { return passes() >= before+3, fmt.Sprint(passes(), before) })
		time.Sleep(300 * time.Millisecond) // events are sent beside the pass
		if got := warnings(w); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: warnings are %v, were %v", what, got, want)
		}
	}
	again("tried again")
	for range 2 {
		server.Stop()
		server = w.Serve(world.ServeOptions{DataDir: dir})
		again("a new server")
	}
	server.Stop()
	server = w.Serve(world.ServeOptions{}) // and one that has lost its data
	again("a new server without the old one's data")
	// What is new is told.
	commit(t, repo, map[string]string{"bad/a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: -2}]}\n"})
	src := &v1alpha1.Source{}
	src.Namespace, src.Name = w.Namespace, "events"
	w.Poke(src)
	w.Eventually("another failure has an event", within, func() (bool, string) {
		got := warnings(w)
		return got["bad"] == want["bad"]+1, fmt.Sprint(got)
	})
}

// warnings counts them by the object that they are about, repetitions included.
func warnings(w *world.World) map[string]int {
	w.T.Helper()
	var list eventsv1.EventList
	if err := w.Client.List(w.T.Context(), &list, client.InNamespace(w.Namespace)); err != nil {
		w.T.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range list.Items {
		if e.Type != "Warning" || e.ReportingController != "lockstep" {
			continue
		}
		out[e.Regarding.Name]++
		if e.Series != nil {
			out[e.Regarding.Name] += int(e.Series.Count)
		}
	}
	return out
}
