package kubernetes

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// What people look at is read when they look, with the Target's own credential,
// as watches are. No pass comes by here.

// Look reads one object whole, at version if that is served; nil when there is
// none.
func (c *Cluster) Look(ctx context.Context, key lockstep.Key, version string) (map[string]any, error) {
	if err := c.closed(); err != nil {
		return nil, err
	}
	return c.get(ctx, identity{}, key, version)
}

// ListQuery says what List reads.
type ListQuery struct {
	Kind      lockstep.GroupKind
	Namespace string
	Selector  string // of labels
	Limit     int64  // 0 for no bound
}

// List reads objects as the API server has them in memory; more says that there
// are others beyond the limit. A kind that is not served has none.
func (c *Cluster) List(ctx context.Context, q ListQuery) (items []map[string]any, more bool, err error) {
	if err := c.closed(); err != nil {
		return nil, false, err
	}
	found, _, err := c.served(ctx, []lockstep.GroupKind{q.Kind})
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	list, err := c.dynamic.Resource(found[0].resource).Namespace(q.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: q.Selector, Limit: q.Limit, ResourceVersion: "0",
	})
	if err != nil {
		key := lockstep.Key{Group: q.Kind.Group, Kind: q.Kind.Kind, Namespace: q.Namespace}
		return nil, false, c.explain(ctx, err, attempt{doing: "listing " + q.Kind.String(), access: found[0].access("list", key)})
	}
	// Resource version 0 may ignore the limit: memory is bounded here.
	n := len(list.Items)
	if q.Limit > 0 && int64(n) > q.Limit {
		n = int(q.Limit)
	}
	for i := range list.Items[:n] {
		items = append(items, list.Items[i].Object)
	}
	return items, list.GetContinue() != "" || n < len(list.Items), nil
}

// LogQuery says which log Log reads.
type LogQuery struct {
	Namespace, Pod, Container string
	Previous, Follow          bool
	Tail                      int64     // lines from the end; below 0 for all
	Since                     time.Time // zero for the beginning
	Bytes                     int64     // 0 for no bound
}

// Log opens the log of a container, each line with its time before it. The
// caller closes it; it ends with ctx.
func (c *Cluster) Log(ctx context.Context, q LogQuery) (io.ReadCloser, error) {
	if err := c.closed(); err != nil {
		return nil, err
	}
	req := c.rest.Get().AbsPath("/api/v1/namespaces", q.Namespace, "pods", q.Pod, "log").
		Param("container", q.Container).Param("timestamps", "true").
		Param("follow", strconv.FormatBool(q.Follow)).Param("previous", strconv.FormatBool(q.Previous))
	if q.Tail >= 0 {
		req = req.Param("tailLines", strconv.FormatInt(q.Tail, 10))
	}
	if !q.Since.IsZero() {
		req = req.Param("sinceTime", q.Since.UTC().Format(time.RFC3339))
	}
	if q.Bytes > 0 {
		req = req.Param("limitBytes", strconv.FormatInt(q.Bytes, 10))
	}
	body, err := req.Stream(ctx)
	if err != nil {
		where := access{verb: "get", resource: "pods/log", namespace: q.Namespace, name: q.Pod}
		return nil, c.explain(ctx, err, attempt{doing: "reading the log of pod " + q.Namespace + "/" + q.Pod, access: where})
	}
	return body, nil
}

// ActionManager is the field manager of what people do to objects through
// Lockstep: it tells their changes from those that Git asked for.
const ActionManager = "lockstep-action"

// Touch is one thing that a person has done to an object. Exactly one of Patch,
// Create and Delete is set.
type Touch struct {
	Key lockstep.Key
	// UID and Version of the object as the person saw it: another one of the same
	// name is not touched.
	UID, Version string
	// Patch is a JSON merge patch, of Subresource where that is set.
	Patch       map[string]any
	Subresource string
	// Create is an object to create, of Key's kind.
	Create map[string]any
	// Delete has its dependents deleted in the background.
	Delete bool
}

// Touch carries out what a person asked for, as whoever changes of the Stack are
// made.
func (c *Cluster) Touch(ctx context.Context, as driver.Actor, t Touch) (map[string]any, error) {
	if err := c.closed(); err != nil {
		return nil, err
	}
	found, _, err := c.resolve(ctx, map[lockstep.GroupKind]string{t.Key.GroupKind(): t.Version})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFound("the API at %s does not know the kind %q", c.host, t.Key.GroupKind())
	}
	m, who := found[0], identityOf(as)
	verb, body, err := t.encode()
	if err != nil {
		return nil, fault.Internal(err)
	}
	name := t.Key.Name
	if verb == "POST" {
		name = "" // the collection
	}
	path := m.path(t.Key.Namespace, name)
	if t.Subresource != "" {
		path = append(path, t.Subresource)
	}
	req := c.request(verb, who, path).Body(body)
	if verb == "PATCH" {
		req = req.SetHeader("Content-Type", string(types.MergePatchType))
	}
	if verb != "DELETE" {
		req = req.Param("fieldManager", ActionManager)
	}
	a, err := send(ctx, req)
	if apierrors.IsConflict(err) {
		return nil, fault.Conflict("%s is not the one that you saw any more", t.Key).WithHint("look again").Because(err)
	}
	if err != nil {
		verbs := map[string]string{"POST": "create", "PATCH": "patch", "DELETE": "delete"}
		return nil, c.explain(ctx, err, attempt{doing: "changing " + t.Key.String(), as: who, access: m.access(verbs[verb], t.Key)})
	}
	return a.tree, nil
}

func (t Touch) encode() (verb string, body []byte, err error) {
	switch {
	case t.Delete:
		background := metav1.DeletePropagationBackground
		uid := types.UID(t.UID)
		o := metav1.DeleteOptions{PropagationPolicy: &background}
		o.Kind, o.APIVersion = "DeleteOptions", "v1"
		if t.UID != "" {
			o.Preconditions = &metav1.Preconditions{UID: &uid}
		}
		body, err = json.Marshal(o)
		return "DELETE", body, err
	case t.Create != nil:
		body, err = json.Marshal(t.Create)
		return "POST", body, err
	}
	patch := make(map[string]any, len(t.Patch)+1)
	for k, v := range t.Patch {
		patch[k] = v
	}
	if t.UID != "" {
		// The API refuses a patch whose uid is another's.
		meta, _ := patch["metadata"].(map[string]any)
		with := map[string]any{"uid": t.UID}
		for k, v := range meta {
			with[k] = v
		}
		patch["metadata"] = with
	}
	body, err = json.Marshal(patch)
	return "PATCH", body, err
}
