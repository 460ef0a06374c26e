package api

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func unstructuredOf(tree map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: tree}
}

// patch sends a JSON merge patch: it says what to change and leaves the rest to
// whoever is at it in the same moment.
func (c *Client) patch(ctx context.Context, obj client.Object, change map[string]any) error {
	data, err := json.Marshal(change)
	if err != nil {
		return fault.Internal(err)
	}
	key := client.ObjectKeyFromObject(obj)
	err = c.c.Patch(ctx, obj, client.RawPatch(types.MergePatchType, data), client.FieldOwner("lockstep-cli"))
	noun := nounOf(obj)
	return c.faultOf(err, noun+"s", key.Namespace, noun+" "+key.String())
}

// from starts a watch after a version, and lets the server say how far it is.
func from(version string) client.ListOption {
	return &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true}}
}
