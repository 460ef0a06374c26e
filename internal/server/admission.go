package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// schemaKnown is how old a definition has to be before a policy may be about its
// kind: an API server looks for new schemas every five seconds, and refuses to
// create what a policy is to change and whose schema it does not know.
const schemaKnown = 15 * time.Second

// installAdmission has the API guard approvals, and set the finalizer of Stacks, which
// saves a request for each of them. Nothing depends on the latter: an API that does not serve the kind, or
// that does not let us, only costs those requests.
func installAdmission(ctx context.Context, cfg *rest.Config, log *slog.Logger) error {
	client, err := dynamic.NewForConfig(quick(cfg))
	if err != nil {
		return fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	installApproval(ctx, client, log)
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if !aged(ctx, definitions) {
		return nil
	}
	for _, part := range []struct{ file, resource string }{
		{"admission/policy.yaml", "mutatingadmissionpolicies"},
		{"admission/binding.yaml", "mutatingadmissionpolicybindings"},
	} {
		kind := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: part.resource}
		if err := install(ctx, client.Resource(kind), part.file); err != nil {
			log.Info("the API does not set finalizers of Stacks; the server does, with one request each", "cause", err.Error())
			return nil
		}
	}
	return nil
}

// installApproval has the API hold those who change Stacks to the verb approve. A cluster
// that does not let us is one where who may change a Stack may approve its plans, too,
// which somebody should know.
func installApproval(ctx context.Context, client dynamic.Interface, log *slog.Logger) {
	for _, part := range []struct{ file, resource string }{
		{"admission/approval-policy.yaml", "validatingadmissionpolicies"},
		{"admission/approval-binding.yaml", "validatingadmissionpolicybindings"},
	} {
		kind := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: part.resource}
		if err := install(ctx, client.Resource(kind), part.file); err != nil {
			log.Warn("who may change a Stack may also approve its plans: the policy that asks for the verb approve is not installed", "cause", err.Error())
			return
		}
	}
}

// aged waits until the definition of Stacks is old enough.
func aged(ctx context.Context, definitions dynamic.ResourceInterface) bool {
	crd, err := definitions.Get(ctx, "stacks.lockstep.dev", metav1.GetOptions{})
	if err != nil {
		return false
	}
	// Clocks differ; a wait that is too long costs some requests, and no more.
	left := min(schemaKnown-time.Since(crd.GetCreationTimestamp().Time), schemaKnown)
	select {
	case <-time.After(left):
		return true
	case <-ctx.Done():
		return false
	}
}

// install brings one object to what this binary knows. One that is current costs
// a GET.
func install(ctx context.Context, client dynamic.ResourceInterface, file string) error {
	raw, err := deploy.Admission.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:16])
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(raw, &o.Object); err != nil {
		return err
	}
	live, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err == nil && live.GetAnnotations()[v1alpha1.AnnotationDigest] == digest {
		return nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	o.SetAnnotations(map[string]string{v1alpha1.AnnotationDigest: digest})
	_, err = client.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: v1alpha1.FieldManager, Force: true})
	return err
}
