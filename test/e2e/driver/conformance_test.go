package driver_test

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/drivertest"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

func TestConformance(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) drivertest.Place { return newPlace(t) })
}

// place lets tests into a real cluster, in a namespace of their own.
type place struct {
	*cluster.Cluster
	namespace string
	client    dynamic.Interface
}

func newPlace(t *testing.T) place {
	c := cluster.Start(t)
	d, err := dynamic.NewForConfig(c.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return place{Cluster: c, namespace: c.Namespace(t), client: d}
}

func (p place) Connect(t testing.TB, onChange func(driver.Change)) driver.Driver {
	t.Helper()
	c, err := kubernetes.Connect(kubernetes.Options{Config: p.Config(t), OnChange: onChange})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p place) Namespace() string { return p.namespace }

// resources are where the kinds of these tests are served.
var resources = map[lockstep.GroupKind]schema.GroupVersionResource{
	{Kind: "ConfigMap"}:                   {Version: "v1", Resource: "configmaps"},
	{Kind: "Secret"}:                      {Version: "v1", Resource: "secrets"},
	{Kind: "Service"}:                     {Version: "v1", Resource: "services"},
	{Group: "apps", Kind: "Deployment"}:   {Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "apps", Kind: "StatefulSet"}:  {Group: "apps", Version: "v1", Resource: "statefulsets"},
	{Group: "batch", Kind: "Job"}:         {Group: "batch", Version: "v1", Resource: "jobs"},
	{Kind: "PersistentVolumeClaim"}:       {Version: "v1", Resource: "persistentvolumeclaims"},
	{Group: "shop.example", Kind: "Cart"}: {Group: "shop.example", Version: "v1", Resource: "carts"},
}

func (p place) on(key lockstep.Key) dynamic.ResourceInterface {
	r := p.client.Resource(resources[key.GroupKind()])
	if key.Namespace == "" {
		return r
	}
	return r.Namespace(key.Namespace)
}

func (p place) Create(t testing.TB, tree map[string]any) {
	t.Helper()
	o := lockstep.Object{Tree: tree}
	_, err := p.on(o.Key()).Create(t.Context(), &unstructured.Unstructured{Object: o.Clone().Tree}, metav1.CreateOptions{FieldManager: "somebody"})
	if err != nil {
		t.Fatal(err)
	}
}

func (p place) Edit(t testing.TB, key lockstep.Key, change func(map[string]any)) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		u, err := p.on(key).Get(t.Context(), key.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(u.Object)
		_, err = p.on(key).Update(t.Context(), u, metav1.UpdateOptions{FieldManager: "somebody"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p place) Delete(t testing.TB, key lockstep.Key) {
	t.Helper()
	if err := p.on(key).Delete(t.Context(), key.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (p place) Get(t testing.TB, key lockstep.Key) map[string]any {
	t.Helper()
	u, err := p.on(key).Get(t.Context(), key.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.Object
}
