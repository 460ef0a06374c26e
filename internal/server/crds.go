package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// installCRDs brings the definitions of our own kinds to what this binary knows,
// and waits until they are served. One that is current costs a GET.
func installCRDs(ctx context.Context, cfg *rest.Config) error {
	client, err := apiextensions.NewForConfig(quick(cfg))
	if err != nil {
		return fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	files, err := fs.Glob(deploy.CRDs, "crds/*.yaml")
	if err != nil {
		return fault.Internal(err)
	}
	for _, file := range files {
		if err := installCRD(ctx, client.CustomResourceDefinitions(), file); err != nil {
			return err
		}
	}
	return nil
}

func installCRD(ctx context.Context, client apiextensions.CustomResourceDefinitionInterface, file string) error {
	raw, err := deploy.CRDs.ReadFile(file)
	if err != nil {
		return fault.Internal(err)
	}
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:16])
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(raw, crd); err != nil {
		return fault.Internal(err)
	}
	live, err := client.Get(ctx, crd.Name, metav1.GetOptions{})
	if err == nil && live.Annotations[v1alpha1.AnnotationDigest] == digest && established(live) {
		return nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return cannot(crd.Name, err)
	}
	metav1.SetMetaDataAnnotation(&crd.ObjectMeta, v1alpha1.AnnotationDigest, digest)
	body, err := yaml.Marshal(crd)
	if err != nil {
		return fault.Internal(err)
	}
	force := true
	opts := metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, Force: &force}
	if _, err := client.Patch(ctx, crd.Name, types.ApplyPatchType, body, opts); err != nil {
		return cannot(crd.Name, err)
	}
	return awaitCRD(ctx, client, crd.Name)
}

func awaitCRD(ctx context.Context, client apiextensions.CustomResourceDefinitionInterface, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		live, err := client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return cannot(name, err)
		}
		if established(live) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Timeout("custom resource definition %q is not served", name).
				WithHint("look at its conditions: kubectl get crd %s -o yaml", name)
		case <-tick.C:
		}
	}
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	for _, c := range crd.Status.Conditions {
		if c.Type == apiextensionsv1.Established {
			return c.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}

func cannot(name string, err error) error {
	if apierrors.IsForbidden(err) {
		return fault.Denied("custom resource definition %q may not be installed", name).Because(err).
			WithHint("allow it, or install deploy/crds by hand and start with --skip-crds")
	}
	return fault.Unavailable("custom resource definition %q cannot be installed: %s", name, err).Because(err).
		WithHint("is the Kubernetes API up, and the kubeconfig the right one?")
}
