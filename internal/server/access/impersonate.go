package access

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// keepClient is how long a client of somebody who does nothing is kept.
const keepClient = 10 * time.Minute

// As returns a client that acts on the Kubernetes API as p: the API itself decides
// what is allowed, and its audit log has the person's name. It knows Lockstep's
// kinds and no others.
func (c *Checker) As(p lockstep.Person) (client.Client, error) {
	id, err := identify(p)
	if err != nil {
		return nil, err
	}
	key := string(id.key[:]) + fmt.Sprintf("%q", p.Scopes)
	if p.Scopes == nil {
		key = string(id.key[:])
	}
	if cl, ok := c.clients.Get(key); ok {
		return cl.(client.Client), nil
	}
	cfg := rest.CopyConfig(c.config)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: id.user}
	if !id.account {
		// Those of a service account are the API's to know; it takes none with it.
		cfg.Impersonate.Groups = p.Groups
	}
	if scopes := scopesOf(p); scopes != nil {
		cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return &narrowed{next: next, person: p} })
	}
	cl, err := client.New(cfg, client.Options{Scheme: c.scheme, Mapper: c.mapper})
	if err != nil {
		return nil, fault.Internal(err)
	}
	c.clients.Add(key, cl, keepClient)
	return cl, nil
}

// narrowed lets through what the scopes of a token allow.
type narrowed struct {
	next   http.RoundTripper
	person lockstep.Person
}

func (n *narrowed) RoundTrip(r *http.Request) (*http.Response, error) {
	q, ok := asked(r)
	if !ok {
		return nil, fault.Denied("the token may not send %s %s to the Kubernetes API", r.Method, r.URL.Path)
	}
	if err := narrow(n.person, q); err != nil {
		return nil, err
	}
	return n.next.RoundTrip(r)
}

// asked returns the question that a request of the Kubernetes API amounts to; ok
// is false for one that is about no kind of Lockstep.
func asked(r *http.Request) (q Question, ok bool) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/apis/"+v1alpha1.GroupVersion.String()+"/")
	if !ok {
		return q, false
	}
	parts := strings.Split(rest, "/")
	if parts[0] == "namespaces" && len(parts) >= 3 {
		q.Unit.Namespace = parts[1]
		parts = parts[2:]
	}
	if len(parts) > 2 {
		return q, false // a subresource, which no person has business with
	}
	q.Resource = Resource(parts[0])
	if len(parts) == 2 {
		q.Unit.Name = parts[1]
	}
	switch r.Method {
	case http.MethodGet:
		q.Verb = Get
		if q.Unit.Name == "" {
			q.Verb = List
		}
	case http.MethodPost:
		q.Verb = Create
	case http.MethodPut, http.MethodPatch:
		q.Verb = Update
	case http.MethodDelete:
		q.Verb = Delete
	default:
		return q, false
	}
	return q, true
}
