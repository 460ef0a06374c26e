package kubernetes

import (
	"context"
	"encoding/json"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// EnsureNamespace creates a namespace that is not there. It gets no mark: it
// belongs to nobody and is never pruned. Once one is known to be there it is not
// asked for again, until a write says that it is gone.
func (c *Cluster) EnsureNamespace(ctx context.Context, as driver.Actor, name string) error {
	if _, known := c.namespaces.Load(name); known {
		return nil
	}
	body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
	if err != nil {
		return fault.Internal(err)
	}
	id := identityOf(as)
	// Reading first needs the lesser permission, and is all that is needed nearly
	// always.
	key := lockstep.Key{Kind: "Namespace", Name: name}
	tree, err := c.get(ctx, id, key, "v1")
	if err != nil {
		return err
	}
	if tree == nil {
		_, err = send(ctx, c.request(http.MethodPost, id, []string{"/api", "v1", "namespaces"}).Body(body))
	}
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return c.explain(ctx, err, attempt{doing: "creating namespace " + name, as: id, access: access{verb: "create", resource: "namespaces"}})
	}
	c.namespaces.Store(name, true)
	return nil
}
