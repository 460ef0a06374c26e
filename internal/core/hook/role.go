package hook

import (
	"slices"
	"strings"
)

// Phase is a part of a release in which hooks run.
type Phase string

// The phases, in order of carrying out.
const (
	PreApply    Phase = "pre-apply"
	Apply       Phase = "apply" // among the objects, each in its wave
	PostApply   Phase = "post-apply"
	Test        Phase = "test"
	ApplyFailed Phase = "apply-failed"
	PreDelete   Phase = "pre-delete"
	PostDelete  Phase = "post-delete"
)

// Action is what a release is to the Stack.
type Action uint8

// The actions; a set of them is their sum.
const (
	Install Action = 1 << iota // no release of the Stack ever succeeded
	Upgrade
	Rollback // to the commit of an earlier release
	Delete
	Testing // tests alone, on demand

	applying = Install | Upgrade | Rollback
	always   = applying | Delete | Testing
)

var actionNames = map[Action]string{Install: "install", Upgrade: "upgrade", Rollback: "rollback", Delete: "delete", Testing: "test"}

// String returns the word for one action.
func (a Action) String() string { return actionNames[a] }

// ParseAction reads what String wrote; 0 for anything else.
func ParseAction(s string) Action {
	for a, name := range actionNames {
		if name == s {
			return a
		}
	}
	return 0
}

// Moment is a phase of certain actions.
type Moment struct {
	Phase Phase
	On    Action
	// Event is the word that the annotation has: "pre-install", "PreSync".
	Event string
}

// System says whose annotations made an object a hook.
type System string

// The systems.
const (
	Own    System = "lockstep"
	ArgoCD System = "argocd"
	Helm   System = "helm"
)

// Policy says when a hook's object is deleted; a set of them is their sum.
type Policy uint8

// The policies.
const (
	BeforeCreation Policy = 1 << iota // the one of the release before, when the hook runs again
	OnSuccess
	OnFailure
)

var policyNames = []struct {
	policy Policy
	name   string
}{{BeforeCreation, "before-creation"}, {OnSuccess, "succeeded"}, {OnFailure, "failed"}}

// String returns the words, separated by commas.
func (p Policy) String() string {
	var out []string
	for _, n := range policyNames {
		if p&n.policy != 0 {
			out = append(out, n.name)
		}
	}
	return strings.Join(out, ",")
}

// ParsePolicy reads what String wrote; unknown words are left out.
func ParsePolicy(s string) Policy {
	var p Policy
	for w := range strings.SplitSeq(s, ",") {
		for _, n := range policyNames {
			if n.name == w {
				p |= n.policy
			}
		}
	}
	return p
}

// Role is what an object is to a release.
type Role struct {
	// Moments at which the object runs as a hook; none for an object that is kept
	// live.
	Moments []Moment
	// System that made it a hook.
	System System
	// Policies of deletion, of a hook.
	Policies Policy
	// Wave orders objects, and hooks inside their phase; Helm's weight is one.
	Wave int
	// Options of the object.
	Options Options
	// Warnings are for the person: what Helm passes over, and so do we.
	Warnings []string
	// LeftOut: Helm knows none of the moments, and would never apply the object.
	LeftOut bool
}

// IsHook says whether the object runs at moments instead of being kept live.
func (r Role) IsHook() bool { return len(r.Moments) > 0 }

// At says whether the hook runs in a phase of an action.
func (r Role) At(p Phase, a Action) bool {
	return slices.ContainsFunc(r.Moments, func(m Moment) bool { return m.Phase == p && m.On&a != 0 })
}

// Events returns the words of the annotation, for people.
func (r Role) Events() []string {
	out := make([]string, 0, len(r.Moments))
	for _, m := range r.Moments {
		if !slices.Contains(out, m.Event) {
			out = append(out, m.Event)
		}
	}
	return out
}

// Options steer what happens to one object.
type Options struct {
	// Kept says by which annotation the object stays when it leaves Git; "" if it
	// goes.
	Kept string
	// KeptOnDelete says the same of the deletion of its Stack.
	KeptOnDelete string
	// Confirm says by which annotation a person has to confirm either deletion.
	Confirm string
	// Replace lets a change that the API refuses delete and create the object.
	Replace bool
	// LateKind: the object's kind may appear while the release goes on.
	LateKind bool
	// IfAbsent: the object is created and never changed.
	IfAbsent bool
	// LeftAlone says by which annotation nothing at all is done to the object.
	LeftAlone string
	// Unvalidated: fields that its kind does not have are dropped instead of
	// refused.
	Unvalidated bool
}
