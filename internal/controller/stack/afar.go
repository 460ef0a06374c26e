package stack

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Afar takes in a Stack that another replica keeps; it writes nothing. awaited
// says that a Stack of this replica depends on it.
//
// Whether such a one is ready cannot be read from its status alone: a commit that
// does not touch it writes nothing there, and one that does is written only once
// its replica has come to it. So the content key that the newest snapshot here
// comes to is found by rendering, and the Stack is ready when its status says so
// about that very key. Like any render it is remembered, and commits that do not
// touch what it read cost nothing.
func (r *Reconciler) Afar(ctx context.Context, unit lockstep.Unit, awaited bool) (reconcile.Result, error) {
	s := &v1alpha1.Stack{}
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: unit.Namespace, Name: unit.Name}, s); err != nil {
		if !apierrors.IsNotFound(err) {
			return reconcile.Result{}, err
		}
		r.forget(unit)
		return reconcile.Result{}, nil
	}
	if !awaited {
		r.letGo(unit)
		r.Fleet.LinkAfar(unit, stack.DependenciesOf(s))
		return reconcile.Result{}, nil
	}
	r.Fleet.Link(unit, linksOf(s))
	if why := afarBar(s); why != "" {
		r.Fleet.Set(unit, fleet.State{Why: why})
		return reconcile.Result{}, nil
	}
	key, err := r.keyOf(ctx, s)
	switch {
	case errors.Is(err, fault.KindWaiting):
		// Its Source or Target wakes it.
		r.Fleet.Set(unit, fleet.State{Why: fault.As(err).What})
	case err != nil:
		r.Fleet.Set(unit, fleet.State{Why: "whether it is at the newest commit is not known here: " + fault.As(err).What})
		return reconcile.Result{RequeueAfter: retryAfar}, nil
	case key != s.Status.Key:
		r.Fleet.Set(unit, fleet.State{Why: "a newer commit is on its way"})
	default:
		r.Fleet.Set(unit, fleet.State{Ready: true, Why: firstLine(readyOf(s).Message)})
	}
	return reconcile.Result{}, nil
}

// retryAfar is the pause before a render that failed is tried again for somebody
// who waits for its result.
const retryAfar = 30 * time.Second

// afarBar says why a Stack is not ready whatever its content is; "" if it may be.
func afarBar(s *v1alpha1.Stack) string {
	ready := readyOf(s)
	switch {
	case !s.DeletionTimestamp.IsZero():
		return "it is being deleted"
	case s.Status.ObservedGeneration != s.Generation:
		return "its spec is newer than what was done about it"
	case ready.Status == "":
		return "which has not been looked at yet"
	case ready.Status != "True":
		return firstLine(ready.Message)
	}
	return ""
}

// keyOf returns the content key that s comes to now.
func (r *Reconciler) keyOf(ctx context.Context, s *v1alpha1.Stack) (string, error) {
	unit := stack.UnitOf(s)
	if memo, fresh := r.Fleet.Memo(unit, s.Generation); fresh {
		return memo.Key, memo.Err
	}
	p := newPass(s)
	session := r.Refs.Begin(userOf(unit))
	lookup := r.lookup(session)
	engine := stack.Engine{Lookup: lookup, Render: r.Render, Key: r.Key, AllowRemote: r.AllowRemote}
	in, err := r.resolve(ctx, lookup, p)
	session.End()
	if err != nil {
		return "", err
	}
	rendered, err := r.desired(ctx, engine, in)
	if err == nil {
		// All of it: the Stack may come here while this goes on.
		p.memo = memoOf(rendered, r.Key)
	}
	r.remember(p, in, rendered, err)
	return rendered.Key, err
}

func readyOf(s *v1alpha1.Stack) (ready struct{ Status, Message string }) {
	for _, c := range s.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			ready.Status, ready.Message = string(c.Status), c.Message
		}
	}
	return ready
}
