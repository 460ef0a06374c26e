package engine

import (
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/inventory"
	names "github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/world"
)

const finalizerPolicy = "lockstep-finalizer"

// TestFinalizerByTheAPI: where the API serves admission policies that change
// objects, a Stack has its finalizer from the start, keeps it through a replace,
// and loses it when a person takes it off one that is on its way out.
func TestFinalizerByTheAPI(t *testing.T) {
	w := world.New(t)
	srv := w.Serve(world.ServeOptions{})
	s := anonymous(w)
	w.Eventually("the API sets the finalizer", 40*time.Second, func() (bool, string) {
		s = anonymous(w)
		w.Create(s)
		return held(s), "it has no finalizer"
	})
	srv.Stop()
	if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(s), s); err != nil {
		t.Fatal(err)
	}
	s.Finalizers = []string{"example.com/other"}
	if err := w.Client.Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if want := []string{"example.com/other", v1alpha1.Finalizer}; !cmp.Equal(want, s.Finalizers) {
		t.Errorf("after a replace the finalizers are %v, want %v", s.Finalizers, want)
	}
	if err := w.Client.Delete(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	off := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	if err := w.Client.Patch(t.Context(), s, off); err != nil {
		t.Fatal(err)
	}
	if !w.Gone(s) {
		t.Error("a person could not let it go")
	}
}

// TestFinalizerByTheServer: without the policy the server sets the finalizer
// before it applies anything, and sets it again when it was lost.
func TestFinalizerByTheServer(t *testing.T) {
	w := world.New(t)
	srv := w.Serve(world.ServeOptions{})
	w.Eventually("the policy is there", 40*time.Second, func() (bool, string) {
		s := anonymous(w)
		w.Create(s)
		return held(s), "it has no effect"
	})
	policy := &admissionv1.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: finalizerPolicy}}
	if err := w.Client.Delete(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.Eventually("the policy has no effect any more", 20*time.Second, func() (bool, string) {
		s := anonymous(w)
		w.Create(s)
		return !held(s), "the API still sets it"
	})
	repo, url := w.Repo("held")
	if _, err := repo.Commit("main", "one", map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}); err != nil {
		t.Fatal(err)
	}
	w.Source("held", url)
	s := &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "held"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "held"}},
	}
	w.Create(s)
	ready := func() (bool, string) {
		err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(s), s)
		return err == nil && held(s) && cmp.Equal(s.Status.Kinds, []string{"ConfigMap"}), s.ResourceVersion
	}
	w.Eventually("applied and held", 20*time.Second, ready)
	off := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	if err := w.Client.Patch(t.Context(), s, off); err != nil {
		t.Fatal(err)
	}
	w.Poke(s)
	w.Eventually("held again although there is nothing to apply", 20*time.Second, ready)
	srv.Stop()
	w.Serve(world.ServeOptions{}) // brings the policy back for those who come after
	w.Eventually("the policy is back", 20*time.Second, func() (bool, string) {
		s := anonymous(w)
		w.Create(s)
		return held(s), "it has no effect"
	})
}

// TestNothingWasApplied: a Stack whose Target never existed can be deleted,
// although it has a finalizer.
func TestNothingWasApplied(t *testing.T) {
	w := world.New(t)
	w.Serve(world.ServeOptions{})
	s := anonymous(w)
	s.Spec.Pause = nil
	s.Spec.Target.Name = "no-such-target"
	s.Finalizers = []string{v1alpha1.Finalizer}
	w.Create(s)
	if err := w.Client.Delete(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	w.Eventually("it is gone", 20*time.Second, func() (bool, string) { return w.Gone(s), "it is there" })
}

// TestRecordOfKinds: what several replicas add at once is all there, for each
// Target by itself, and what somebody deleted is written anew.
func TestRecordOfKinds(t *testing.T) {
	c := cluster.Start(t)
	ns := c.Namespace(t)
	core := c.Client(t).CoreV1()
	local, far := names.TargetRef{}, names.TargetRef{Namespace: "payments", Name: "prod"}
	var kinds []names.GroupKind
	var g sync.WaitGroup
	for i := range 20 {
		gk := names.GroupKind{Group: "example.com", Kind: "Kind" + string(rune('A'+i))}
		kinds = append(kinds, gk)
		g.Go(func() {
			s := inventory.New(t.Context(), core, ns, slog.New(slog.DiscardHandler))
			if err := s.Add(t.Context(), local, []names.GroupKind{gk, {Kind: "ConfigMap"}}); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	kinds = slices.Insert(kinds, 0, names.GroupKind{Kind: "ConfigMap"})
	late := inventory.New(t.Context(), core, ns, slog.New(slog.DiscardHandler))
	want := func(ref names.TargetRef, kinds []names.GroupKind) {
		t.Helper()
		got, err := late.Kinds(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(kinds, got); d != "" {
			t.Errorf("kinds of %s (-want +got):\n%s", ref, d)
		}
	}
	want(local, kinds)
	want(far, nil)
	if err := late.Add(t.Context(), far, kinds[:1]); err != nil {
		t.Fatal(err)
	}
	want(far, kinds[:1])

	if err := core.ConfigMaps(ns).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: inventory.Label}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if err := late.Add(t.Context(), local, kinds[:2]); err != nil {
			t.Fatal(err)
		}
		list, err := core.ConfigMaps(ns).List(t.Context(), metav1.ListOptions{LabelSelector: inventory.Label})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) == 1 && len(list.Items[0].Data) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the record was not written anew: %v", list.Items)
		}
		time.Sleep(20 * time.Millisecond)
	}
	want(local, kinds) // what was deleted is still known to whoever knew it
}

func anonymous(w *world.World) *v1alpha1.Stack {
	return &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, GenerateName: "anonymous-"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "none"}, Pause: &v1alpha1.Pause{}}, // no server touches it
	}
}

func held(s *v1alpha1.Stack) bool { return slices.Contains(s.Finalizers, v1alpha1.Finalizer) }
