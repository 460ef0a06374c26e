package kubernetes

import (
	"context"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// identity is who a request is made as; zero is the Target's own credential.
type identity struct{ user, name string }

// identityOf returns the service account that an Actor stands for. Its groups
// are left to the API, which knows them: naming them would need permission to
// impersonate groups as well.
func identityOf(as driver.Actor) identity {
	if as.ServiceAccount == "" {
		return identity{}
	}
	name := as.ServiceAccountNamespace + "/" + as.ServiceAccount
	return identity{
		user: "system:serviceaccount:" + as.ServiceAccountNamespace + ":" + as.ServiceAccount,
		name: name,
	}
}

// String names the identity in a sentence.
func (i identity) String() string {
	if i.user == "" {
		return "the target's credential"
	}
	return "service account " + i.name
}

// writeConfig makes a client that speaks JSON and knows nothing but errors.
func writeConfig(cfg *rest.Config) *rest.Config {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	out := rest.CopyConfig(cfg)
	out.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	out.AcceptContentTypes = runtime.ContentTypeJSON
	out.ContentType = runtime.ContentTypeJSON
	return out
}

// path returns where an object lives; name "" means its collection.
func (m mapping) path(namespace, name string) []string {
	gvr := m.resource
	parts := []string{"/apis", gvr.Group, gvr.Version}
	if gvr.Group == "" {
		parts = []string{"/api", gvr.Version}
	}
	if m.namespaced {
		parts = append(parts, "namespaces", namespace)
	}
	parts = append(parts, gvr.Resource)
	if name != "" {
		parts = append(parts, name)
	}
	return parts
}

// request prepares one request as somebody. Impersonation is two headers, so
// all identities share the one client and its connection.
func (c *Cluster) request(verb string, as identity, path []string) *rest.Request {
	r := c.rest.Verb(verb).AbsPath(path...)
	if as.user != "" {
		r.SetHeader(transport.ImpersonateUserHeader, as.user)
	}
	return r
}

// answer is what the API said to a write.
type answer struct {
	tree    map[string]any
	created bool
}

func send(ctx context.Context, r *rest.Request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var code int
	res := r.Do(ctx).StatusCode(&code)
	if err := res.Error(); err != nil {
		return answer{}, err
	}
	body, err := res.Raw()
	if err != nil {
		return answer{}, err
	}
	a := answer{created: code == http.StatusCreated}
	err = json.Unmarshal(body, &a.tree)
	return a, err
}

// manner is what an apply does about fields of ours that others own.
type manner string

const (
	asking  manner = "false" // it fails and says so
	byForce manner = "true"  // it takes them
)

// patch applies the body of w.
func (c *Cluster) patch(ctx context.Context, w write, how manner) (answer, error) {
	return send(ctx, c.applyRequest(w, how))
}

func (c *Cluster) applyRequest(w write, how manner) *rest.Request {
	return c.request("PATCH", w.as, w.at.path(w.key.Namespace, w.key.Name)).
		SetHeader("Content-Type", string(types.ApplyPatchType)).
		Param("fieldManager", v1alpha1.FieldManager).
		Param("fieldValidation", w.validation()).
		Param("force", string(how)).
		Body(w.body)
}

// validation says what becomes of fields that the kind does not have.
func (w write) validation() string {
	if w.step.Unvalidated {
		return metav1.FieldValidationIgnore
	}
	return metav1.FieldValidationStrict
}

// jsonPatch sends an RFC 6902 patch.
func (c *Cluster) jsonPatch(ctx context.Context, as identity, m mapping, key lockstep.Key, ops []operation) (answer, error) {
	body, err := json.Marshal(ops)
	if err != nil {
		return answer{}, err
	}
	return send(ctx, c.request("PATCH", as, m.path(key.Namespace, key.Name)).
		SetHeader("Content-Type", string(types.JSONPatchType)).
		Param("fieldManager", v1alpha1.FieldManager).
		Body(body))
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// read gets one object; nil when there is none.
func (c *Cluster) read(ctx context.Context, as identity, m mapping, key lockstep.Key) (map[string]any, error) {
	a, err := send(ctx, c.request("GET", as, m.path(key.Namespace, key.Name)))
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return a.tree, err
}

// get is read for callers that know only the key, its error explained.
func (c *Cluster) get(ctx context.Context, as identity, key lockstep.Key, version string) (map[string]any, error) {
	found, _, err := c.resolve(ctx, map[lockstep.GroupKind]string{key.GroupKind(): version})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	tree, err := c.read(ctx, as, found[0], key)
	if err != nil {
		return nil, c.explain(ctx, err, attempt{doing: "reading " + key.String(), as: as, access: found[0].access("get", key)})
	}
	return tree, nil
}
