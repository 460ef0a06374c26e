package install

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestTenants holds what the policy of tenants.yaml lets through.
func TestTenants(t *testing.T) {
	w := setUp(t)
	define(t, w)
	policy := read(t, "tenants.yaml")
	apply(t, w, policy)
	t.Cleanup(func() {
		remove(t, w, policy)
		w.Eventually("the policy is gone for the next test", 30*time.Second, func() (bool, string) {
			err := try(t, w, newStack(w, "probe"))
			return err == nil, fmt.Sprint(err)
		})
	})
	w.Eventually("the policy is in force", 30*time.Second, func() (bool, string) {
		return apierrors.IsInvalid(try(t, w, newStack(w, "probe"))), "a Stack without a service account is let through"
	})

	own := w.Namespace + "/"
	cases := map[string]struct {
		why  string
		set  func(*v1alpha1.Stack)
		want string // part of the refusal; "" for none
	}{
		"Bounded": {
			why: "This is what a tenant is to write.",
			set: func(*v1alpha1.Stack) {},
		},
		"OwnNamesInFull": {
			why: "One's own namespace may be named.",
			set: func(s *v1alpha1.Stack) {
				s.Spec.Source.Name, s.Spec.Target.Name, s.Spec.Target.Namespace = own+"shop", own+"prod", w.Namespace
				s.Spec.Helm = &v1alpha1.HelmRender{ValuesFiles: []string{"values.yaml", "$" + own + "shop/values.yaml"}}
			},
		},
		"NoAccount": {
			why:  "It would act with what the server may do.",
			set:  func(s *v1alpha1.Stack) { s.Spec.ServiceAccount = "" },
			want: "spec.serviceAccount",
		},
		"OtherNamespace": {
			why:  "The account would be another tenant's.",
			set:  func(s *v1alpha1.Stack) { s.Spec.Target.Namespace = "kube-system" },
			want: "spec.target.namespace",
		},
		"OtherTarget": {
			why:  "The Target's credential is another tenant's.",
			set:  func(s *v1alpha1.Stack) { s.Spec.Target.Name = "other/prod" },
			want: "spec.target.name",
		},
		"OtherSource": {
			why:  "The repository may not be for this tenant's eyes.",
			set:  func(s *v1alpha1.Stack) { s.Spec.Source.Name = "other/shop" },
			want: "spec.source.name",
		},
		"OtherValues": {
			why: "Nor may its files.",
			set: func(s *v1alpha1.Stack) {
				s.Spec.Helm = &v1alpha1.HelmRender{ValuesFiles: []string{"$other/shop/values.yaml"}}
			},
			want: "spec.helm.valuesFiles",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStack(w, "app")
			s.Spec.ServiceAccount = "deployer"
			tc.set(s)
			err := try(t, w, s)
			if tc.want == "" && err != nil {
				t.Errorf("%s\nrefused: %v", tc.why, err)
			}
			// What is compared is text because it is for people.
			if tc.want != "" && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s\ngot %v, want a refusal of %s", tc.why, err, tc.want)
			}
		})
	}
}

// try asks whether the API would take a Stack, also after the test's own time.
func try(t *testing.T, w *world.World, s *v1alpha1.Stack) error {
	t.Helper()
	return w.Client.Create(context.WithoutCancel(t.Context()), s, client.DryRunAll)
}

// define installs the definitions of our kinds, as the server would.
func define(t *testing.T, w *world.World) {
	t.Helper()
	files, err := fs.Glob(deploy.CRDs, "crds/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := deploy.CRDs.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, w, string(raw))
	}
	w.Eventually("the kinds are served", 20*time.Second, func() (bool, string) {
		err := try(t, w, newStack(w, "probe"))
		return !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err), "they are not"
	})
}
