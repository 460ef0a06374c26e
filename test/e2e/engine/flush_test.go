package engine

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestStopWritesStatuses stops the server at the moment at which everything is
// applied: statuses that had not been written by then are, before it ends.
func TestStopWritesStatuses(t *testing.T) {
	const stacks = 60
	w := world.New(t)
	repo, url := w.Repo("flush")
	files := map[string]string{}
	for i := range stacks {
		files[fmt.Sprintf("s%d/a.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s%d}\n", i)
	}
	if _, err := repo.Commit("main", "first", files); err != nil {
		t.Fatal(err)
	}
	server := w.Serve(world.ServeOptions{})
	for i := range stacks {
		name := fmt.Sprintf("s%d", i)
		w.Create(&v1alpha1.Stack{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
			Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "flush", Path: name}},
		})
	}
	w.Source("flush", url)
	w.Eventually("everything is applied", 30*time.Second, func() (bool, string) {
		var list corev1.ConfigMapList
		err := w.Client.List(t.Context(), &list, inNamespace(w.Namespace)) // and the certificate that every namespace has
		return len(list.Items) > stacks, fmt.Sprint(len(list.Items), err)
	})
	server.Stop()
	var list v1alpha1.StackList
	if err := w.Client.List(t.Context(), &list, inNamespace(w.Namespace)); err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Items {
		if s.Status.ObservedGeneration != s.Generation || len(s.Status.History) != 1 {
			t.Errorf("%s was applied, and its status does not say so: %+v", s.Name, s.Status)
		}
	}
}
