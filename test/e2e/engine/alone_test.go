package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

// The tests of this file look at a whole server, so they have one of their own
// and run before the scripts.

// TestRestartWritesNothing stops a server over fifty Stacks and starts another:
// it proves that all are in step, and writes to none of them.
func TestRestartWritesNothing(t *testing.T) {
	const stacks = 50
	w := world.New(t)
	repo, url := w.Repo("app")
	files := map[string]string{}
	for i := range stacks {
		files[fmt.Sprintf("s%d/a.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s%d}\ndata: {key: one}\n", i)
	}
	if _, err := repo.Commit("main", "first", files); err != nil {
		t.Fatal(err)
	}
	options := world.ServeOptions{DataDir: t.TempDir()}
	server := w.Serve(options)
	w.Source("app", url)
	for i := range stacks {
		name := fmt.Sprintf("s%d", i)
		w.Create(&v1alpha1.Stack{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
			Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "app", Path: name}},
		})
	}
	w.Eventually("all stacks ready", 30*time.Second, func() (bool, string) {
		var list v1alpha1.StackList
		err := w.Client.List(t.Context(), &list, inNamespace(w.Namespace))
		ready := 0
		for _, s := range list.Items {
			if meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady) {
				ready++
			}
		}
		return ready == stacks, fmt.Sprint(ready, " ready ", err)
	})
	before := versions(t, w)
	server.Stop()

	server = w.Serve(options)
	w.Eventually("every stack looked at", 30*time.Second, func() (bool, string) {
		n := server.Metric("lockstep_stack_pass_duration_seconds_count", `reason="Ready"`)
		return n >= stacks, fmt.Sprint(n)
	})
	if diff := cmp.Diff(before, versions(t, w)); diff != "" {
		t.Errorf("written to after the restart (-before +after):\n%s", diff)
	}
	if n := server.Metric("lockstep_stack_objects_total"); n != 0 {
		t.Errorf("%v objects were applied after the restart", n)
	}

	// It is awake, not asleep: what was changed while it was down is seen.
	server.Stop()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "s7"}}
	if err := w.Client.Delete(t.Context(), cm); err != nil {
		t.Fatal(err)
	}
	w.Serve(options)
	w.Eventually("what was deleted meanwhile is back", 30*time.Second, func() (bool, string) {
		return !w.Gone(cm), "gone"
	})
}

// versions returns the resource version of every Stack and ConfigMap.
func versions(t *testing.T, w *world.World) map[string]string {
	t.Helper()
	out := map[string]string{}
	var stacks v1alpha1.StackList
	var maps corev1.ConfigMapList
	if err := w.Client.List(t.Context(), &stacks, inNamespace(w.Namespace)); err != nil {
		t.Fatal(err)
	}
	if err := w.Client.List(t.Context(), &maps, inNamespace(w.Namespace)); err != nil {
		t.Fatal(err)
	}
	for _, s := range stacks.Items {
		out["Stack/"+s.Name] = s.ResourceVersion
	}
	for _, m := range maps.Items {
		out["ConfigMap/"+m.Name] = m.ResourceVersion
	}
	return out
}

// TestOneMirrorForOneURL gives one repository to many Sources, which share one
// mirror of it.
func TestOneMirrorForOneURL(t *testing.T) {
	w := world.New(t)
	repo, url := w.Repo("app")
	if _, err := repo.Commit("main", "first", map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	w.Serve(world.ServeOptions{DataDir: data})
	const sources = 10
	for i := range sources {
		w.Source(fmt.Sprintf("app-%d", i), url)
	}
	w.Eventually("all sources ready", 30*time.Second, func() (bool, string) {
		var list v1alpha1.SourceList
		err := w.Client.List(t.Context(), &list, inNamespace(w.Namespace))
		ready := 0
		for _, s := range list.Items {
			if meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady) {
				ready++
			}
		}
		return ready == sources, fmt.Sprint(ready, " ready ", err)
	})
	files, err := filepath.Glob(filepath.Join(data, "git", "*", "url"))
	if err != nil {
		t.Fatal(err)
	}
	var mirrors []string
	for _, f := range files {
		of, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		// A Source of another test may still be there.
		if strings.HasPrefix(url, strings.TrimSuffix(strings.TrimSpace(string(of)), ".git")) {
			mirrors = append(mirrors, filepath.Dir(f))
		}
	}
	if len(mirrors) != 1 {
		t.Errorf("want 1 mirror of the repository, got %d: %q", len(mirrors), mirrors)
	}
}
