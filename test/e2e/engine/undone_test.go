package engine

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestUndoneWhileAReleaseWaits: everything of a release is applied and it waits for
// health. What somebody deletes or edits then is healed then: nobody else would
// make it again, and it would be waited for until time is up.
func TestUndoneWhileAReleaseWaits(t *testing.T) {
	w := world.New(t)
	w.Serve(world.ServeOptions{})
	repo, url := w.Repo("undone")
	_, err := repo.Commit("main", "one", map[string]string{
		"first.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\ndata: {value: git}\n",
		// Available only after ten minutes, so that the release waits.
		"slow.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: slow, annotations: {lockstep.dev/wave: \"1\"}}\n" +
			"spec:\n  minReadySeconds: 600\n  progressDeadlineSeconds: 900\n  selector: {matchLabels: {app: slow}}\n" +
			"  template:\n    metadata: {labels: {app: slow}}\n    spec: {containers: [{name: main, image: example.org/slow}]}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Source("undone", url)
	s := &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "undone"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "undone"}},
	}
	w.Create(s)
	waiting := func() (bool, string) {
		if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(s), s); err != nil {
			t.Fatal(err)
		}
		if s.Status.Run == nil {
			return false, "no release"
		}
		return s.Status.Run.State == "PostApply", s.Status.Run.State
	}
	w.Eventually("the release waits for health", 40*time.Second, waiting)

	first := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "first"}}
	slow := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "slow"}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"data":{"value":"edited"}}`))
	if err := w.Client.Patch(t.Context(), first, patch, client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(slow), slow); err != nil {
		t.Fatal(err)
	}
	old := slow.UID
	if err := w.Client.Delete(t.Context(), slow); err != nil {
		t.Fatal(err)
	}
	w.Eventually("both are as Git says", 20*time.Second, func() (bool, string) {
		if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(first), first); err != nil {
			t.Fatal(err)
		}
		err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(slow), slow)
		if client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		return err == nil && slow.UID != old && first.Data["value"] == "git", first.Data["value"]
	})
	if ok, state := waiting(); !ok {
		t.Errorf("the release is in state %q, want it to wait on", state)
	}
	if n := len(s.Status.History); n != 1 {
		t.Errorf("%d releases, want the one that waits", n)
	}
}
