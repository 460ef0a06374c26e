// Package outputs keeps what Stacks hand on: a Secret beside each, which other Stacks
// and people read.
package outputs

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Type of the Secrets.
const Type corev1.SecretType = "lockstep.dev/outputs"

// Store writes the Secrets.
type Store struct{ core typed.SecretsGetter }

// New returns a Store on the cluster that holds the Stacks.
func New(core typed.SecretsGetter) *Store { return &Store{core: core} }

// Write makes the Secret of s hold outputs and nothing else. It goes with the Stack.
func (s *Store) Write(ctx context.Context, of *v1alpha1.Stack, outputs map[string]driver.Output) error {
	name := stack.OutputsName(of.Name)
	want := applycore.Secret(name, of.Namespace).
		WithType(Type).
		WithData(stack.OutputsData(outputs)).
		WithLabels(map[string]string{v1alpha1.LabelOutputsOf: of.Name}).
		WithOwnerReferences(applymeta.OwnerReference().
			WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind("Stack").WithName(of.Name).WithUID(of.UID).
			WithController(true).WithBlockOwnerDeletion(false))
	_, err := s.core.Secrets(of.Namespace).Apply(ctx, want, metav1.ApplyOptions{FieldManager: v1alpha1.FieldManager, Force: true})
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fault.Denied("Secret %s/%s with the outputs may not be written", of.Namespace, name).Because(err).
			WithHint("let the server's account create and patch secrets in namespace %s (deploy/install)", of.Namespace)
	case apierrors.IsInvalid(err):
		return fault.Invalid("Secret %s/%s with the outputs is refused: %s", of.Namespace, name, reason(err)).
			WithHint("a Secret of that name and another type has to be removed first")
	}
	return fault.Unavailable("Secret %s/%s with the outputs cannot be written", of.Namespace, name).Because(err)
}

// reason is what the API says without the values that it may repeat.
func reason(err error) string {
	st, ok := err.(apierrors.APIStatus)
	if !ok || st.Status().Details == nil {
		return "see the server's log"
	}
	var fields []string
	for _, c := range st.Status().Details.Causes {
		fields = append(fields, c.Field)
	}
	slices.Sort(fields)
	return "in " + strings.Join(slices.Compact(fields), ", ")
}
