package api

import (
	"context"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/filter"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// Kinds is a way to Lockstep's kinds: a [Client] goes straight to the cluster that
// holds them, package gateway goes through a Lockstep server. What a server does not
// tell of an object is empty.
type Kinds interface {
	Server() string // its address, for people
	Whoami(ctx context.Context) (string, error)

	// Find lists the Stacks of a namespace that a filter lets through; "" for all.
	Find(ctx context.Context, namespace, filter string) (*v1alpha1.StackList, error)
	Sources(ctx context.Context, namespace string) (*v1alpha1.SourceList, error)
	Targets(ctx context.Context, namespace string) (*v1alpha1.TargetList, error)
	// Stack reads one Stack; one that is not there is a NotFound.
	Stack(ctx context.Context, u lockstep.Unit) (*v1alpha1.Stack, error)
	Source(ctx context.Context, u lockstep.Unit) (*v1alpha1.Source, error)
	Target(ctx context.Context, u lockstep.Unit) (*v1alpha1.Target, error)

	// WatchStacks reports every change that is newer than version, with name set
	// only of that one. A watch may end at any time, and is then to be begun anew.
	WatchStacks(ctx context.Context, namespace, name, version string) (watch.Interface, error)
	WatchSources(ctx context.Context, namespace, version string) (watch.Interface, error)
	WatchTargets(ctx context.Context, namespace, version string) (watch.Interface, error)

	// Reconcile asks for a pass over a Stack or Source, and returns what its
	// status.lastHandledReconcileAt becomes.
	Reconcile(ctx context.Context, obj client.Object) (at string, err error)
	// Pause pauses a Stack for a time; 0 for no end.
	Pause(ctx context.Context, s *v1alpha1.Stack, reason string, d time.Duration) error
	Resume(ctx context.Context, s *v1alpha1.Stack) error
}

// Find filters here: the cluster knows no filters.
func (c *Client) Find(ctx context.Context, namespace, filter string) (*v1alpha1.StackList, error) {
	// A filter that cannot be read is said at once, and not after a list.
	if _, err := Matches(nil, filter); err != nil {
		return &v1alpha1.StackList{}, err
	}
	list, err := c.Stacks(ctx, namespace)
	if err != nil || filter == "" {
		return list, err
	}
	name, err := c.Whoami(ctx)
	if err != nil {
		return list, err
	}
	list.Items, err = Matches(list.Items, filter, strings.ToLower(name))
	return list, err
}

// Reconcile asks by the annotation.
func (c *Client) Reconcile(ctx context.Context, obj client.Object) (string, error) {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	return at, c.Annotate(ctx, obj, map[string]string{v1alpha1.AnnotationReconcileAt: at})
}

// Pause sets spec.pause in the caller's name.
func (c *Client) Pause(ctx context.Context, s *v1alpha1.Stack, reason string, d time.Duration) error {
	by, err := c.Whoami(ctx)
	if err != nil {
		return err
	}
	p := &v1alpha1.Pause{Reason: reason, By: by}
	if d > 0 {
		p.Until = &metav1.Time{Time: time.Now().Add(d).Truncate(time.Second)}
	}
	return c.SetPause(ctx, s, p)
}

// Resume takes spec.pause away.
func (c *Client) Resume(ctx context.Context, s *v1alpha1.Stack) error {
	return c.SetPause(ctx, s, nil)
}

// SetHold holds a Stack at an earlier commit, or lets it go on with nil. With an
// approval it says in the same write what may be lost by that.
func (c *Client) SetHold(ctx context.Context, s *v1alpha1.Stack, h *v1alpha1.Hold, a *v1alpha1.Approval) error {
	spec := map[string]any{"hold": h}
	if a != nil {
		spec["approval"] = map[string]any{"plan": a.Plan, "acceptLoss": a.AcceptLoss, "reason": a.Reason, "by": a.By, "at": a.At, "rejected": nil}
	}
	return c.patch(ctx, s, map[string]any{"spec": spec})
}

// SetApproval writes what its By says to a plan of s.
func (c *Client) SetApproval(ctx context.Context, s *v1alpha1.Stack, a *v1alpha1.Approval) error {
	err := c.patch(ctx, s, live.ApprovalPatch(a))
	if err != nil && fault.KindOf(err) == fault.KindDenied {
		return fault.Denied("you may not approve or reject plans of it").At("stack %s/%s", s.Namespace, s.Name).
			WithHint("it takes the verbs patch and approve: kubectl auth can-i approve stacks.lockstep.dev/%s -n %s; through a server approve is enough", s.Name, s.Namespace).Because(err)
	}
	return err
}

// Matches keeps the Stacks that a filter lets through; me are the caller's names.
func Matches(items []v1alpha1.Stack, text string, me ...string) ([]v1alpha1.Stack, error) {
	if text == "" {
		return items, nil
	}
	f, err := filter.Parse(text, board.Schema)
	if err != nil {
		return nil, err
	}
	kept := items[:0]
	for i := range items {
		if board.Matches(&items[i], f, filter.Context{Now: time.Now(), Me: me}) {
			kept = append(kept, items[i])
		}
	}
	return kept, nil
}
