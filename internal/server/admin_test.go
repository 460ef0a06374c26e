package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/lockstep-dev/lockstep/internal/server/signin"
)

func TestBindAdmin(t *testing.T) {
	theirs := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: adminRole}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"lockstep.dev"}, Resources: []string{"stacks"}, Verbs: []string{"get"}}}}
	cases := map[string]struct {
		why     string
		there   []runtime.Object
		refuse  bool
		want    []string
		refused bool
	}{
		"Nothing":  {why: "A demo has no manifests.", want: []string{"get clusterrolebindings", "create clusterroles", "create clusterrolebindings"}},
		"TheirOwn": {why: "A role that somebody made narrower stays so.", there: []runtime.Object{theirs}, want: []string{"get clusterrolebindings", "create clusterroles", "create clusterrolebindings"}},
		"Bound": {
			why:   "Every start after the first costs a GET.",
			there: []runtime.Object{&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "lockstep-local-admin"}}},
			want:  []string{"get clusterrolebindings"},
		},
		"Forbidden": {why: "Who may bind nothing is told, and nothing is made.", refuse: true, want: []string{"get clusterrolebindings"}, refused: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			k := fake.NewClientset(c.there...)
			if c.refuse {
				k.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "clusterrolebindings"}, "x", nil)
				})
			}
			if err := bindAdmin(t.Context(), k.RbacV1()); (err != nil) != c.refused {
				t.Fatalf("%v (%s)", err, c.why)
			}
			var got []string
			for _, a := range k.Actions() {
				got = append(got, a.GetVerb()+" "+a.GetResource().Resource)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s\n%s", c.why, diff)
			}
			if role, err := k.RbacV1().ClusterRoles().Get(t.Context(), adminRole, metav1.GetOptions{}); name == "TheirOwn" && (err != nil || len(role.Rules) != 1) {
				t.Errorf("the role is %+v, %v", role, err)
			}
		})
	}
}

// TestLocalAdmin holds the file to the group that links sign in to.
func TestLocalAdmin(t *testing.T) {
	b, err := localAdmin()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Subjects) != 1 || b.Subjects[0].Kind != "Group" || b.Subjects[0].Name != signin.Admins || b.RoleRef.Name != adminRole {
		t.Errorf("it binds %+v to %+v", b.Subjects, b.RoleRef)
	}
}
