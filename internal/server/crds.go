package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
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
// and waits until they are served. One that is current costs a GET, and all are
// asked for at once: every start waits for this.
func installCRDs(ctx context.Context, cfg *rest.Config) error {
	cfg = quick(cfg)
	// What is served is large, and protobuf is read in a fraction of the time.
	cfg.ContentType, cfg.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	client, err := apiextensions.NewForConfig(cfg)
	if err != nil {
		return fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	files, err := fs.Glob(deploy.CRDs, "crds/*.yaml")
	if err != nil {
		return fault.Internal(err)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, file := range files {
		g.Go(func() error { return installCRD(ctx, client.CustomResourceDefinitions(), file) })
	}
	return g.Wait()
}

// definitionIn returns the name of the definition in a file, which is called
// group_plural.yaml.
func definitionIn(file string) string {
	group, plural, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".yaml"), "_")
	return plural + "." + group
}

func installCRD(ctx context.Context, client apiextensions.CustomResourceDefinitionInterface, file string) error {
	raw, err := deploy.CRDs.ReadFile(file)
	if err != nil {
		return fault.Internal(err)
	}
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:16])
	name := definitionIn(file)
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if err == nil && live.Annotations[v1alpha1.AnnotationDigest] == digest && established(live) {
		return nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return cannot(name, err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(raw, crd); err != nil {
		return fault.Internal(err)
	}
	metav1.SetMetaDataAnnotation(&crd.ObjectMeta, v1alpha1.AnnotationDigest, digest)
	body, err := yaml.Marshal(crd)
	if err != nil {
		return fault.Internal(err)
	}
	force := true
	opts := metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, Force: &force}
	if _, err := client.Patch(ctx, name, types.ApplyPatchType, body, opts); err != nil {
		return cannot(name, err)
	}
	return awaitCRD(ctx, client, name)
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
