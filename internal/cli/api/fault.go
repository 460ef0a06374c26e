package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// faultOf says what an error of the API means to who typed a command. what is
// the one object that was asked for, "" for a list.
func (c *Client) faultOf(err error, kinds, namespace, what string) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var status apierrors.APIStatus
	switch {
	case apierrors.IsNotFound(err):
		return c.notFound(err, what)
	case apierrors.IsUnauthorized(err):
		return fault.Denied("the cluster does not know who you are").At("%s", c.server).
			WithHint("the credential in your kubeconfig has expired or belongs to another cluster").Because(err)
	case apierrors.IsForbidden(err):
		return c.forbidden(err, kinds, namespace)
	case apierrors.IsConflict(err):
		return fault.Conflict("somebody else changed it in the same moment").At("%s", what).WithHint("try again").Because(err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		errors.As(err, &status)
		return fault.Invalid("%s", status.Status().Message).At("%s", what).Because(err)
	case errors.As(err, &status):
		return fault.Unavailable("the cluster answers: %s", status.Status().Message).At("%s", c.server).Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Timeout("the cluster did not answer in time").At("%s", c.server).Because(err)
	}
	return c.unreachable(err)
}

func (c *Client) notFound(err error, what string) error {
	var status apierrors.APIStatus
	errors.As(err, &status)
	// A missing object is answered with its name; a missing kind is not.
	if d := status.Status().Details; what == "" || d == nil || d.Name == "" {
		return fault.NotFound("Lockstep is not installed on this cluster").At("%s", c.server).
			WithHint("run lockstep serve once against it, or look whether this is the right context: lockstep doctor").Because(err)
	}
	return fault.NotFound("does not exist").At("%s", what).Because(err)
}

func (c *Client) forbidden(err error, kinds, namespace string) error {
	where := "of every namespace"
	hint := "choose a namespace with -n"
	if namespace != "" {
		where = "in namespace " + namespace
		hint = fmt.Sprintf("ask for a role that has %s.%s in namespace %s", kinds, v1alpha1.GroupVersion.Group, namespace)
	}
	return fault.Denied("you may not do this with the %s %s", kinds, where).WithHint("%s", hint).Because(err)
}

func (c *Client) unreachable(err error) error {
	f := fault.Unavailable("the cluster cannot be reached: %s", reason(err)).At("%s", c.server).Because(err)
	return f.WithHint("is it running, and is this the right context? lockstep doctor looks closer")
}

// reason leaves out the URL and the verb that Go puts before the cause.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		if cause := errors.Unwrap(op.Err); cause != nil {
			return cause.Error()
		}
		return op.Err.Error()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func unreadableConfig(err error) error {
	return fault.Invalid("the kubeconfig cannot be used: %v", err).
		WithHint("look at the certificates and addresses of its current context")
}

func isNotFound(err error) bool { return err != nil && fault.KindOf(err) == fault.KindNotFound }

// withNearest adds where the unit might have been meant to be.
func (c *Client) withNearest(ctx context.Context, u lockstep.Unit, err error) error {
	f := fault.As(err)
	if f.Where == c.server {
		return err
	}
	list, listErr := c.Stacks(ctx, "")
	if listErr != nil {
		if list, listErr = c.Stacks(ctx, u.Namespace); listErr != nil {
			return err
		}
	}
	all := make([]string, 0, len(list.Items))
	for _, s := range list.Items {
		all = append(all, s.Namespace+"/"+s.Name)
	}
	if near := Nearest(u.String(), all); len(near) > 0 {
		return f.WithHint("did you mean %s?", strings.Join(near, ", "))
	}
	if len(all) == 0 {
		return f.WithHint("there are no stacks yet")
	}
	return f.WithHint("lockstep list -A shows all %d", len(all))
}

// maxNear is how many names one can take in at a glance.
const maxNear = 3

// Nearest returns the names closest to want: the same name in another
// namespace first, then few typing errors away.
func Nearest(want string, names []string) []string {
	_, name, _ := strings.Cut(want, "/")
	type near struct {
		name string
		far  int
	}
	var found []near
	for _, n := range names {
		_, other, _ := strings.Cut(n, "/")
		far := fault.Edits(want, n)
		if other == name {
			far = 0
		}
		if far <= 2+len(want)/5 || strings.HasPrefix(other, name) && len(name) > 2 {
			found = append(found, near{n, far})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.far - b.far })
	out := make([]string, 0, maxNear)
	for _, n := range found[:min(len(found), maxNear)] {
		out = append(out, n.name)
	}
	return out
}

func nounOf(obj client.Object) string {
	switch obj.(type) {
	case *v1alpha1.Stack:
		return "stack"
	case *v1alpha1.Source:
		return "source"
	case *v1alpha1.Target:
		return "target"
	}
	return "object"
}
