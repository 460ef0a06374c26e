package kubernetes

import (
	"context"
	"encoding/json"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Helm's own records are nobody's objects: they get no mark, or they would be
// pruned for not being in Git.

// HelmRecords returns the Secrets that Helm keeps of a release.
func (c *Cluster) HelmRecords(ctx context.Context, as driver.Actor, namespace, release string) ([]map[string]any, error) {
	id := identityOf(as)
	a, err := send(ctx, c.request(http.MethodGet, id, secretPath(namespace, "")).Param("labelSelector", "owner=helm,name="+release))
	if err != nil {
		return nil, c.explainRecord(ctx, err, "reading Helm's records", id, access{verb: "list", resource: "secrets", namespace: namespace})
	}
	items, _ := a.tree["items"].([]any)
	var out []map[string]any
	for _, i := range items {
		tree, ok := i.(map[string]any)
		if !ok {
			continue
		}
		// Items of a list do not say what they are.
		tree["apiVersion"], tree["kind"] = "v1", "Secret"
		out = append(out, tree)
	}
	return out, nil
}

// PutHelmRecord creates a record, or changes the one of its resourceVersion.
func (c *Cluster) PutHelmRecord(ctx context.Context, as driver.Actor, namespace string, tree map[string]any) error {
	id := identityOf(as)
	md, _ := tree["metadata"].(map[string]any)
	name, _ := md["name"].(string)
	body, err := json.Marshal(tree)
	if err != nil {
		return fault.Internal(err)
	}
	verb, method, path := "create", http.MethodPost, secretPath(namespace, "")
	if md["resourceVersion"] != nil {
		verb, method, path = "update", http.MethodPut, secretPath(namespace, name)
	}
	_, err = send(ctx, c.request(method, id, path).Param("fieldManager", v1alpha1.FieldManager).Body(body))
	if err != nil {
		return c.explainRecord(ctx, err, "writing Helm's record "+name, id, access{verb: verb, resource: "secrets", namespace: namespace, name: name})
	}
	return nil
}

// DeleteHelmRecord deletes a record; one that is gone is no error.
func (c *Cluster) DeleteHelmRecord(ctx context.Context, as driver.Actor, namespace, name string) error {
	id := identityOf(as)
	_, err := send(ctx, c.request(http.MethodDelete, id, secretPath(namespace, name)))
	if err != nil && !apierrors.IsNotFound(err) {
		return c.explainRecord(ctx, err, "deleting Helm's record "+name, id, access{verb: "delete", resource: "secrets", namespace: namespace, name: name})
	}
	return nil
}

func (c *Cluster) explainRecord(ctx context.Context, err error, doing string, as identity, a access) error {
	return c.explain(ctx, err, attempt{doing: doing, as: as, access: a})
}

func secretPath(namespace, name string) []string {
	parts := []string{"/api", "v1", "namespaces", namespace, "secrets"}
	if name != "" {
		parts = append(parts, name)
	}
	return parts
}
