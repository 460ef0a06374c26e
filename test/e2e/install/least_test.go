package install

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/world"
)

// narrow is lockstep-watch cut down to what the test's Stack has, as the guide
// says it may be: so what remains has to suffice for everything else.
const narrow = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: lockstep-watch
  labels: {app.kubernetes.io/name: lockstep}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch]}
`

// tenant is what the guide has a namespace prepared with.
const tenant = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: NS}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer, namespace: NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: ServiceAccount, name: deployer, namespace: NS}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: lockstep-impersonate, namespace: NS}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: lockstep-impersonate}
subjects: [{kind: ServiceAccount, name: lockstep, namespace: lockstep-system}]
`

const (
	configMap  = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: \"${colour}\"}\n"
	spare      = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spare}\n"
	deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web:1}]}
`
)

// TestLeastPermissions takes a Stack through its life with the permissions of
// the kustomization and those that the guide gives a tenant.
func TestLeastPermissions(t *testing.T) {
	w := setUp(t)
	apply(t, w, narrow)
	apply(t, w, strings.ReplaceAll(tenant, "NS", w.Namespace))
	w.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "vars"},
		StringData: map[string]string{"colour": "green"},
	})
	srv := w.Serve(world.ServeOptions{
		Kubeconfig:      kubeconfig(t, w),
		SystemNamespace: system,
		Args:            []string{"--remember-history-every", "2s"},
	})

	repo, url := w.Repo("shop")
	commit(t, repo, map[string]string{"app/a.yaml": configMap, "app/b.yaml": spare, "app/c.yaml": deployment, "bare/b.yaml": spare})
	src := source(t, w, url)
	s := newStack(w, "shop")
	s.Spec.ServiceAccount = "deployer"
	s.Spec.Substitute = &v1alpha1.Substitute{From: []v1alpha1.SubstituteFrom{{Kind: "Secret", Name: "vars"}}}
	w.Create(s)
	ready(t, w, s)

	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "settings"}}
	colour(t, w, settings, "green")
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"data":{"colour":"red"}}`))
	if err := w.Client.Patch(t.Context(), settings, patch, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	colour(t, w, settings, "green")

	commit(t, repo, map[string]string{"app/a.yaml": configMap, "app/c.yaml": deployment, "bare/b.yaml": spare})
	w.Poke(src)
	gone := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "spare"}}
	w.Eventually("what left Git is pruned", 20*time.Second, func() (bool, string) { return w.Gone(gone), "it is there" })

	unnamed := newStack(w, "unnamed")
	unnamed.Spec.Source.Path = "bare"
	w.Create(unnamed)
	denied := fmt.Sprintf("the target's credential may not patch configmaps in namespace %q", w.Namespace)
	w.Eventually("a Stack that names no account is told what is missing", 20*time.Second, func() (bool, string) {
		c := condition(t, w, unnamed)
		return c.Reason == "Denied" && strings.Contains(c.Message, denied), c.Reason + ": " + c.Message
	})

	history := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "lockstep-history"}}
	w.Eventually("where the history ends is remembered", 30*time.Second, func() (bool, string) {
		return w.Client.Get(t.Context(), client.ObjectKeyFromObject(history), history) == nil && len(history.Data) > 0, "it is not"
	})

	let(t, w, s)
	let(t, w, unnamed)
	for _, o := range []client.Object{settings, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "web"}}} {
		w.Eventually("its objects go with it", 20*time.Second, func() (bool, string) { return w.Gone(o), o.GetName() + " is there" })
	}
	srv.Stop()
	for line := range strings.Lines(srv.Log()) {
		if refusal(line) && !strings.Contains(line, w.Namespace+"/unnamed") {
			t.Errorf("a permission is missing: %s", line)
		}
	}
	if !refusal(srv.Log()) {
		t.Error("the log does not even tell of the refusal that was provoked")
	}
}

func refusal(line string) bool {
	line = strings.ToLower(line)
	return strings.Contains(line, "forbidden") || strings.Contains(line, "denied")
}

// TestClusterAdmin holds that the simple alternative needs nothing but itself.
func TestClusterAdmin(t *testing.T) {
	w := setUp(t)
	binding := read(t, "cluster-admin.yaml")
	apply(t, w, binding)
	t.Cleanup(func() { remove(t, w, binding) })
	w.Serve(world.ServeOptions{Kubeconfig: kubeconfig(t, w)})
	repo, url := w.Repo("shop")
	commit(t, repo, map[string]string{"app/b.yaml": spare})
	source(t, w, url)
	s := newStack(w, "shop")
	w.Create(s)
	ready(t, w, s)
	let(t, w, s)
}

// source creates the Source and takes it away with the test: one in a namespace
// that is being deleted is refused its events, in the log of the next test.
func source(t *testing.T, w *world.World, url string) *v1alpha1.Source {
	t.Helper()
	src := w.Source("shop", url)
	t.Cleanup(func() {
		if err := w.Client.Delete(context.Background(), src); err != nil {
			t.Error(err)
		}
	})
	return src
}

// newStack returns a Stack of the directory app, not created yet.
func newStack(w *world.World, name string) *v1alpha1.Stack {
	return &v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "shop", Path: "app"}},
	}
}

func commit(t *testing.T, repo *httpserver.Repo, files map[string]string) {
	t.Helper()
	if _, err := repo.Commit("main", "a change", files); err != nil {
		t.Fatal(err)
	}
}

func ready(t *testing.T, w *world.World, s *v1alpha1.Stack) {
	t.Helper()
	w.Eventually("the Stack is ready", 30*time.Second, func() (bool, string) {
		c := condition(t, w, s)
		return c.Status == metav1.ConditionTrue, c.Reason + ": " + c.Message
	})
}

// let deletes a Stack and waits until it is gone: one left over would be the next
// test's.
func let(t *testing.T, w *world.World, s *v1alpha1.Stack) {
	t.Helper()
	if err := w.Client.Delete(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	w.Eventually("the Stack goes", 20*time.Second, func() (bool, string) { return w.Gone(s), condition(t, w, s).Message })
}

func condition(t *testing.T, w *world.World, s *v1alpha1.Stack) metav1.Condition {
	t.Helper()
	got := &v1alpha1.Stack{}
	if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(s), got); err != nil {
		return metav1.Condition{Message: err.Error()}
	}
	if c := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{Message: "no condition yet"}
}

func colour(t *testing.T, w *world.World, cm *corev1.ConfigMap, want string) {
	t.Helper()
	w.Eventually("the colour is "+want, 20*time.Second, func() (bool, string) {
		if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(cm), cm); err != nil {
			return false, err.Error()
		}
		return cm.Data["colour"] == want, cm.Data["colour"]
	})
}

// TestHandover holds that two replicas share, and that one takes over at once from
// another that stops in order, as in every rollout.
func TestHandover(t *testing.T) {
	w := setUp(t)
	apply(t, w, strings.ReplaceAll(tenant, "NS", w.Namespace))
	o := world.ServeOptions{Kubeconfig: kubeconfig(t, w), SystemNamespace: system}
	first, second := w.Serve(o), w.Serve(o)
	for _, srv := range []*world.Server{first, second} {
		w.Eventually("each knows of both", 10*time.Second, func() (bool, string) {
			return srv.Metric("lockstep_replicas") == 2, srv.Log()
		})
	}
	repo, url := w.Repo("shop")
	commit(t, repo, map[string]string{"app/b.yaml": spare})
	source(t, w, url)
	s := newStack(w, "shop")
	s.Spec.ServiceAccount = "deployer"
	w.Create(s)
	ready(t, w, s)

	owner, other := first, second
	if second.Metric("lockstep_replica_stacks") > 0 {
		owner, other = second, first
	}
	owner.Stop()
	w.Eventually("the other replica keeps the Stack", 5*time.Second, func() (bool, string) {
		return other.Metric("lockstep_replica_stacks") == 1, other.Log()
	})
	let(t, w, s)
}
