package kubernetes

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// attempt is what was tried when an error came.
type attempt struct {
	doing  string // "watching Deployment.apps"
	as     identity
	access access
	origin lockstep.Origin
}

// access is a permission, as RBAC knows it.
type access struct{ verb, group, resource, namespace, name string }

func (m mapping) access(verb string, key lockstep.Key) access {
	return access{verb: verb, group: m.resource.Group, resource: m.resource.Resource, namespace: key.Namespace, name: key.Name}
}

// String says what the permission allows: patch deployments.apps in namespace "web".
func (a access) String() string {
	s := a.verb + " " + a.resource
	if a.group != "" {
		s += "." + a.group
	}
	if a.namespace != "" {
		s += fmt.Sprintf(" in namespace %q", a.namespace)
	}
	return s
}

// explain turns an error of the API, or of the way there, into a fault. It goes
// by status and reason; the API's sentences are quoted, never read.
func (c *Cluster) explain(ctx context.Context, err error, t attempt) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return c.unreachable(ctx, err, t)
	}
	s := status.Status()
	switch {
	case s.Code == http.StatusUnauthorized:
		return fault.Denied("the API at %s does not accept the target's credential", c.host).Because(err).
			WithHint("it may have expired; renew the Secret that the Target names")
	case s.Code == http.StatusForbidden:
		return c.forbidden(ctx, err, s, t)
	case s.Code == http.StatusNotFound:
		return c.absent(err, s, t)
	case s.Code == http.StatusUnprocessableEntity, s.Code == http.StatusBadRequest, s.Code == http.StatusRequestEntityTooLarge:
		return t.refusal(err)
	case s.Code == http.StatusConflict:
		return fault.Conflict("%s", oneLine(s.Message)).Because(err)
	}
	return fault.Unavailable("the API at %s failed (%s): %s", c.host, t.task(), t.quote(err)).Because(t.cause(err))
}

// refusal is the fault of an object that the API does not take.
func (t attempt) refusal(err error) *fault.Fault {
	f := fault.Invalid("%s", t.quote(err)).Because(t.cause(err))
	if t.secret() {
		f = f.WithHint("the API's own words may show a value, so they are left out; kubectl apply --dry-run=server shows them")
	}
	return f
}

func (t attempt) secret() bool { return t.access.group == "" && t.access.resource == "secrets" }

// errSecret stands for an error that is kept out of the log.
var errSecret = errors.New("the API's words about a Secret")

// cause is what may be logged of an error.
func (t attempt) cause(err error) error {
	if t.secret() {
		return errSecret
	}
	return err
}

// quote returns the API's words about an object. About a Secret they are left
// out, because they may show a value; the fields are named.
func (t attempt) quote(err error) string {
	if !t.secret() {
		return causes(err)
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return "the API does not take this Secret"
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		fields = append(fields, fmt.Sprintf("%s (%s)", cause.Field, cause.Type))
	}
	if len(fields) == 0 {
		return "the API does not take this Secret"
	}
	return "the API does not take this Secret because of " + strings.Join(fields, ", ")
}

func (t attempt) task() string {
	if t.doing != "" && t.doing != t.access.verb {
		return t.doing
	}
	return t.access.String()
}

// unreachable explains an error that is no answer of the API.
func (c *Cluster) unreachable(ctx context.Context, err error, t attempt) error {
	if ctx.Err() != nil {
		return c.interrupted(ctx)
	}
	if c.ctx.Err() != nil {
		return c.closed()
	}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	if errors.As(err, &authority) || errors.As(err, &name) {
		return fault.Denied("the certificate of %s is not trusted: %s", c.host, innermost(err)).Because(err).
			WithHint("give the Target the API's certificate authority")
	}
	return fault.Unavailable("cannot reach the target at %s: %s", c.host, innermost(err)).Because(err).
		WithHint("what is live there stays as it is; this is tried again")
}

// innermost leaves out what Go's HTTP client puts around an error: the method
// and the whole address.
func innermost(err error) string {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return oneLine(err.Error())
}

// interrupted says that the caller's time was up.
func (c *Cluster) interrupted(ctx context.Context) error {
	return fault.Timeout("the target at %s took longer than allowed", c.host).Because(context.Cause(ctx))
}

// absent explains a 404 to a write: usually the namespace is missing.
func (c *Cluster) absent(err error, s metav1.Status, t attempt) error {
	if s.Details != nil && s.Details.Kind == "namespaces" {
		c.namespaces.Delete(s.Details.Name)
		return fault.NotFound("there is no namespace %q on the target", s.Details.Name).Because(err).
			WithHint("add a Namespace to the Stack, or set spec.target.createNamespace: true")
	}
	if s.Details == nil || s.Details.Name == "" {
		// Not the object is unknown but the place where it would be.
		c.catalog.invalidate()
		return fault.NotFound("the API at %s does not serve %s any more", c.host, t.access.resource).Because(err)
	}
	return fault.NotFound("%s", oneLine(s.Message)).Because(err)
}

// forbidden tells a missing permission from the refusal of an admission check,
// which comes with the same status: the API itself is asked.
func (c *Cluster) forbidden(ctx context.Context, err error, s metav1.Status, t attempt) error {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return fault.Conflict("namespace %q is being deleted", t.access.namespace).Because(err).
			WithHint("it is tried again once the namespace is gone")
	}
	allowed, asked := c.may(ctx, t.as, t.access)
	if apierrors.IsForbidden(errors.Unwrap(asked)) && t.as.user != "" {
		return fault.Denied("the target's credential may not act as %s", t.as).Because(err).
			WithHint("allow it the verb \"impersonate\" on serviceaccounts")
	}
	if asked == nil && allowed {
		return fault.Denied("%s", oneLine(s.Message)).Because(err).
			WithHint("an admission check of the target refused it, not a missing permission")
	}
	return fault.Denied("%s may not %s", t.as, t.access).Because(err).
		WithHint("kubectl auth can-i %s", t.canI())
}

func (t attempt) canI() string {
	s := t.access.verb + " " + t.access.resource
	if t.access.group != "" {
		s += "." + t.access.group
	}
	if t.access.namespace != "" {
		s += " -n " + t.access.namespace
	}
	if t.as.user != "" {
		s += " --as " + t.as.user
	}
	return s
}

// may asks the API whether an identity has a permission.
func (c *Cluster) may(ctx context.Context, as identity, a access) (bool, error) {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": map[string]any{
			"verb": a.verb, "group": a.group, "resource": a.resource, "namespace": a.namespace, "name": a.name,
		}},
	})
	if err != nil {
		return false, err
	}
	r := c.request("POST", as, []string{"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}).Body(body)
	ans, err := send(ctx, r)
	if apierrors.IsForbidden(err) {
		return false, fault.Denied("it may not be asked").Because(err)
	}
	if err != nil {
		return false, c.explain(ctx, err, attempt{doing: "asking for permissions"})
	}
	status, _ := ans.tree["status"].(map[string]any)
	allowed, _ := status["allowed"].(bool)
	return allowed, nil
}

// causes returns what the API found wrong, field by field, in one line.
func causes(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return oneLine(err.Error())
	}
	s := status.Status()
	if s.Details == nil || len(s.Details.Causes) == 0 {
		return oneLine(s.Message)
	}
	var out []string
	for _, cause := range s.Details.Causes {
		text := middle(words(cause.Message))
		if cause.Field != "" {
			text = cause.Field + ": " + text
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// middle leaves out the middle of a long message: it begins with what is wrong
// and ends with why, and between them may stand the whole value.
func middle(s string) string {
	const head, tail = 60, 200
	if len(s) <= head+tail {
		return s
	}
	return strings.ToValidUTF8(s[:head], "") + " … " + strings.ToValidUTF8(s[len(s)-tail:], "")
}

// longest is how much of a sentence of the API is quoted: it may hold a whole
// object.
const longest = 600

func oneLine(s string) string {
	s = words(s)
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

func words(s string) string { return strings.Join(strings.Fields(s), " ") }
