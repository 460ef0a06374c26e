// Package gateway is the CLI's way to the kinds through a Lockstep server, as the
// person that a token or a login says one is.
//
// It makes of what the server tells about an object the object itself, as far as
// that goes, so that the verbs judge and print both ways alike. What only a server
// can answer, logs for one, is asked by [Client.API].
package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/remote"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Client asks one server.
type Client struct {
	at remote.Context
	c  *wire.Client
}

var _ api.Kinds = &Client{}

// answerTime is how long a server may take to begin an answer. Streams begin at once
// and have no end.
const answerTime = 60 * time.Second

// New returns a Client of a server. It sends nothing.
func New(at remote.Context, agent string) (*Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerTime
	c, err := wire.Open(at.Server, wire.WithToken(at.Token), wire.WithAgent(agent), wire.WithHTTPClient(&http.Client{
		Transport: transport,
		// A token goes to the server that it was given for, and to no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}))
	if err != nil {
		return nil, fault.Usage("%v", err).WithHint("an address like https://lockstep.example.org")
	}
	return &Client{at, c}, nil
}

// API returns the operations of the server. What they answer is to be read by [Read].
func (c *Client) API() *wire.Client { return c.c }

// Server returns the address of the server.
func (c *Client) Server() string { return strings.TrimSuffix(c.c.Server, "/") }

// Whoami returns the name that access rules know the caller by.
func (c *Client) Whoami(ctx context.Context) (string, error) {
	me, err := Read[wire.Me](c)(c.c.GetMe(ctx))
	if err != nil {
		return "", err
	}
	return me.Name, nil
}

// pageSize is the most that a server gives at once.
const pageSize = 500

// Find asks the server, page by page.
func (c *Client) Find(ctx context.Context, namespace, filter string) (*v1alpha1.StackList, error) {
	out := &v1alpha1.StackList{}
	in := &wire.ListStacksParams{Limit: new(int64(pageSize)), Sort: new(wire.ListStacksParamsSort("name")), Q: new(within(namespace, filter))}
	for {
		page, err := Read[wire.StackPage](c)(c.c.ListStacks(ctx, in))
		if err != nil {
			return out, err
		}
		for i := range page.Items {
			out.Items = append(out.Items, *stackOfRow(&page.Items[i]))
		}
		if out.ResourceVersion == "" {
			out.ResourceVersion = version(page.Version)
		}
		if page.Next == "" {
			return out, nil
		}
		in.Cursor = &page.Next
	}
}

func within(namespace, filter string) string {
	if namespace == "" {
		return filter
	}
	return strings.TrimSpace("namespace:" + namespace + " " + filter)
}

// Sources lists the Sources of a namespace; "" for all.
func (c *Client) Sources(ctx context.Context, namespace string) (*v1alpha1.SourceList, error) {
	out := &v1alpha1.SourceList{}
	list, err := Read[wire.SourceList](c)(c.c.ListSources(ctx))
	if err != nil {
		return out, err
	}
	for i := range list.Items {
		if namespace == "" || list.Items[i].Namespace == namespace {
			out.Items = append(out.Items, *sourceOf(&list.Items[i]))
		}
	}
	return out, nil
}

// Targets lists the Targets of a namespace; "" for all. The server's own cluster is
// no Target.
func (c *Client) Targets(ctx context.Context, namespace string) (*v1alpha1.TargetList, error) {
	out := &v1alpha1.TargetList{}
	list, err := Read[wire.TargetList](c)(c.c.ListTargets(ctx))
	if err != nil {
		return out, err
	}
	for i := range list.Items {
		if t := &list.Items[i]; t.Namespace != "" && (namespace == "" || t.Namespace == namespace) {
			out.Items = append(out.Items, *targetOf(t))
		}
	}
	return out, nil
}

// Stack reads one Stack.
func (c *Client) Stack(ctx context.Context, u lockstep.Unit) (*v1alpha1.Stack, error) {
	d, err := Read[wire.StackDetail](c)(c.c.GetStack(ctx, u.Namespace, u.Name))
	if errors.Is(err, fault.KindNotFound) {
		return nil, c.nearest(ctx, u, err)
	}
	if err != nil {
		return nil, err
	}
	return stackOf(d), nil
}

// nearest adds where the unit might have been meant to be.
func (c *Client) nearest(ctx context.Context, u lockstep.Unit, err error) error {
	m, mapErr := Read[wire.StackMap](c)(c.c.MapStacks(ctx, nil))
	if mapErr != nil {
		return err
	}
	var all []string
	for i, group := range m.Groups {
		for range m.Sizes[i] {
			all = append(all, group+"/"+m.Names[len(all)])
		}
	}
	if near := api.Nearest(u.String(), all); len(near) > 0 {
		return fault.As(err).WithHint("did you mean %s?", strings.Join(near, ", "))
	}
	return fault.As(err).WithHint("lockstep list -A shows all that you may see")
}

// Source reads one Source.
func (c *Client) Source(ctx context.Context, u lockstep.Unit) (*v1alpha1.Source, error) {
	d, err := Read[wire.SourceDetail](c)(c.c.GetSource(ctx, u.Namespace, u.Name))
	if err != nil {
		return nil, err
	}
	row := wire.SourceRow{
		Namespace: d.Namespace, Name: d.Name, State: d.State, Reason: d.Reason, Message: d.Message, Since: d.Since, Url: d.Url, Ref: d.Ref,
		Revision: d.Revision, ShortRevision: d.ShortRevision, Subject: d.Subject, Author: d.Author, Interval: d.Interval,
	}
	s := sourceOf(&row)
	s.Status.LastHandledReconcileAt = d.Handled
	return s, nil
}

// Reconcile asks the server for a pass, or a fetch.
func (c *Client) Reconcile(ctx context.Context, obj client.Object) (string, error) {
	ask := c.c.ReconcileStack
	if _, ok := obj.(*v1alpha1.Source); ok {
		ask = c.c.FetchSource
	}
	asked, err := Read[wire.Asked](c)(ask(ctx, obj.GetNamespace(), obj.GetName(), wire.Why{}))
	if err != nil {
		return "", err
	}
	return asked.Request, nil
}

// Pause asks the server to pause a Stack.
func (c *Client) Pause(ctx context.Context, s *v1alpha1.Stack, reason string, d time.Duration) error {
	wish := wire.PauseWish{Reason: reason}
	if d > 0 {
		wish.For = d.String()
	}
	_, err := Read[wire.PausedBody](c)(c.c.PauseStack(ctx, s.Namespace, s.Name, wish))
	if err == nil {
		s.Spec.Pause = &v1alpha1.Pause{Reason: reason}
	}
	return err
}

// Resume asks the server to let it go on.
func (c *Client) Resume(ctx context.Context, s *v1alpha1.Stack) error {
	_, err := Read[wire.PausedBody](c)(c.c.ResumeStack(ctx, s.Namespace, s.Name, wire.Why{}))
	if err == nil {
		s.Spec.Pause = nil
	}
	return err
}
