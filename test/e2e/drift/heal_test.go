package drift_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	servers "github.com/lockstep-dev/lockstep/test/world"
)

// healTime is far above what a heal takes on an idle
// machine, so that only a lost event or a wait fails.
const healTime = time.Second

// TestHealTime edits the objects of a Stack one after the other and takes the
// time from the answer to the edit until Git's value is live again.
func TestHealTime(t *testing.T) {
	const objects = 20
	w := servers.New(t)
	repo, url := w.Repo("app")
	files := map[string]string{}
	for i := range objects {
		files[fmt.Sprintf("c%02d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%02d}\ndata: {key: one}\n", i)
	}
	if _, err := repo.Commit("main", "first", files); err != nil {
		t.Fatal(err)
	}
	server := w.Serve(servers.ServeOptions{DataDir: t.TempDir()})
	w.Source("app", url)
	w.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "app"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "app"}},
	})
	maps := w.Cluster.Client(t).CoreV1().ConfigMaps(w.Namespace)
	w.Eventually("all objects live", 30*time.Second, func() (bool, string) {
		list, err := maps.List(t.Context(), metav1.ListOptions{LabelSelector: v1alpha1.LabelStack})
		return err == nil && len(list.Items) == objects, fmt.Sprint(err)
	})

	var took []time.Duration
	for i := range objects {
		name := fmt.Sprintf("c%02d", i)
		edited, err := maps.Patch(t.Context(), name, types.MergePatchType, []byte(`{"data":{"key":"mine"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		w.Eventually("the edit to be undone", 10*time.Second, func() (bool, string) {
			c, err := maps.Get(t.Context(), name, metav1.GetOptions{})
			return err == nil && c.ResourceVersion != edited.ResourceVersion && c.Data["key"] == "one", fmt.Sprint(err)
		})
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("healed in %s (median), %s to %s", took[objects/2], took[0], took[objects-1])
	if took[objects/2] > healTime {
		t.Errorf("the median heal took %s, want less than %s", took[objects/2], healTime)
	}
	if n := server.Metric("lockstep_drift_healed_total", `manager="kubectl"`); n != objects {
		t.Errorf("%v heals were counted, want %d", n, objects)
	}
	seconds := server.Metric("lockstep_drift_heal_duration_seconds_sum") / server.Metric("lockstep_drift_heal_duration_seconds_count")
	t.Logf("from watch event to healed, by the server's own count: %.1f ms on average", 1000*seconds)
}
