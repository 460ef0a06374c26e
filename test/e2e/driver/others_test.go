package driver_test

import (
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestOtherKinds: an object of a kind that only the record names is found; a kind
// that may not be watched holds nobody up, is asked for by nobody's pass again,
// and its objects are told of once it may be watched.
func TestOtherKinds(t *testing.T) {
	p := newPlace(t)
	before := connect(t, p)
	before.must(lockstep.Create, p.object(t, service))
	p.serviceAccount(t, "partly")
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: p.namespace},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"*"}}},
	}
	k := p.Client(t).RbacV1()
	role, err := k.ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: p.namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: p.namespace},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "partly", Namespace: p.namespace}},
	}
	if _, err := k.ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = k.ClusterRoles().Delete(t.Context(), p.namespace, metav1.DeleteOptions{})
		_ = k.ClusterRoleBindings().Delete(t.Context(), p.namespace, metav1.DeleteOptions{})
	})
	x := connect(t, p, func(o *kubernetes.Options) {
		o.Config.Impersonate.UserName = "system:serviceaccount:" + p.namespace + ":partly"
	})
	svc := p.object(t, service).Key()
	query := driver.Query{
		Unit: x.unit, Kinds: []lockstep.GroupKind{{Kind: "ConfigMap"}},
		Others: []lockstep.GroupKind{{Kind: "ConfigMap"}, {Kind: "Service"}, {Group: "nobody.example", Kind: "Nothing"}},
	}
	live, err := x.Observe(t.Context(), query)
	if err != nil {
		t.Fatalf("a kind that nobody asked for holds the unit up: %v", err)
	}
	if live.Unseen == nil || len(live.Objects) != 0 || len(live.MissingKinds) != 0 {
		t.Errorf("got %+v, want nothing but the reason why services are unseen", live)
	}
	x.calls.take()
	for range 50 {
		if _, err := x.Observe(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	if n := x.calls.take()["GET apis"]; n > 0 {
		t.Errorf("50 questions read the catalog %d times", n)
	}

	role.Rules[0].Resources = []string{"configmaps", "services"}
	if _, err := k.ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for x.heard(svc) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("nobody is told that the service was found")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if live, err = x.Observe(t.Context(), query); err != nil || live.Unseen != nil || len(live.Objects) != 1 || live.Objects[0].Key != svc {
		t.Errorf("got %+v, %v; want the service", live, err)
	}
}
