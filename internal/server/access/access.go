// Package access says who asks and what they may do.
//
// Kubernetes' own rules are the only ones: a verb on stacks.lockstep.dev is asked of
// the API server by SubjectAccessReview, so that a Role in Git is the policy and
// kubectl auth can-i tells the truth.
package access

import (
	"context"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Verb is what somebody wants to do with a Stack.
type Verb string

// The verbs of Kubernetes that are checked, and our own.
const (
	Get       Verb = "get"
	List      Verb = "list"
	Watch     Verb = "watch"
	Create    Verb = "create"
	Update    Verb = "update"
	Delete    Verb = "delete"
	Reconcile Verb = "reconcile"
	Approve   Verb = "approve"
	Rollback  Verb = "rollback"
	Pause     Verb = "pause"
	Logs      Verb = "logs"
	Actions   Verb = "actions"
	// Of a state that Lockstep keeps: its content has secrets in it.
	ReadState  Verb = "read-state"
	WriteState Verb = "write-state"
	Unlock     Verb = "unlock"
)

// Verbs are all of them, in the order in which they are told.
var Verbs = []Verb{Get, List, Watch, Create, Update, Delete, Reconcile, Approve, Rollback, Pause, Logs, Actions, ReadState, WriteState, Unlock}

type personKey struct{}

// With returns ctx in which p is who asks.
func With(ctx context.Context, p lockstep.Person) context.Context {
	return context.WithValue(ctx, personKey{}, p)
}

// Who returns who asks; ok is false when nobody proved who they are.
func Who(ctx context.Context) (p lockstep.Person, ok bool) {
	p, ok = ctx.Value(personKey{}).(lockstep.Person)
	return p, ok
}
