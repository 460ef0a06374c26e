package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StackRun is how far a release is that is carried out over several passes.
type StackRun struct {
	// ID names the run; objects of its hooks carry it.
	ID string `json:"id"`
	// Action is what the run is to the Stack: install, upgrade, rollback, delete or
	// test.
	Action string `json:"action"`
	// State is PreApply, Applying, PostApply, Testing, Succeeded, Failing (hooks for
	// a failed apply run), Failed, Superseded, PreDelete, Deleting, PostDelete or
	// Gone.
	State string `json:"state"`
	// Key is the content key that is being released.
	//
	// +optional
	Key string `json:"key,omitempty"`
	// Plan is the digest of the plan that the run began with.
	//
	// +optional
	Plan string `json:"plan,omitempty"`
	// Request is the value of the annotation lockstep.dev/test-at that the run
	// answers.
	//
	// +optional
	Request string `json:"request,omitempty"`
	// Release is the number of the release in the history.
	//
	// +optional
	Release int64 `json:"release,omitempty"`
	// Wave that is being applied.
	//
	// +optional
	Wave *int32 `json:"wave,omitempty"`
	// Attempt counts up from 1 while the same is tried again.
	Attempt int32 `json:"attempt"`
	// StartedAt is when the run began.
	StartedAt metav1.Time `json:"startedAt"`
	// Since is when the hook or wave began that is waited for, or when the run ended.
	Since metav1.Time `json:"since"`
	// FailedIn is the state in which a failed run broke.
	//
	// +optional
	FailedIn string `json:"failedIn,omitempty"`
	// Message is why it failed.
	//
	// +optional
	Message string `json:"message,omitempty"`
	// Final: only another commit, spec or request begins another attempt.
	//
	// +optional
	Final bool `json:"final,omitempty"`
	// Ran are objects that were applied by this run and ask to be removed once they
	// ran: that they are gone is not missed.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=500
	// +listType=atomic
	Ran []string `json:"ran,omitempty"`
	// Done counts what was done so far.
	//
	// +optional
	Done RunCounts `json:"done,omitzero"`
	// Hooks of the state, in order; those of Applying are of the wave.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=500
	// +listType=atomic
	Hooks []RunHook `json:"hooks,omitempty"`
}

// RunCounts counts what a run did.
type RunCounts struct {
	// Created objects.
	//
	// +optional
	Created int32 `json:"created,omitempty"`
	// Changed objects.
	//
	// +optional
	Changed int32 `json:"changed,omitempty"`
	// Replaced objects: deleted and created anew.
	//
	// +optional
	Replaced int32 `json:"replaced,omitempty"`
	// Deleted objects.
	//
	// +optional
	Deleted int32 `json:"deleted,omitempty"`
	// Hooks that were started.
	//
	// +optional
	Hooks int32 `json:"hooks,omitempty"`
}

// RunHook is how far one hook is.
type RunHook struct {
	// Group of the hook's object.
	//
	// +optional
	Group string `json:"group,omitempty"`
	// Kind of the hook's object.
	Kind string `json:"kind"`
	// Namespace of the hook's object.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the hook's object.
	Name string `json:"name"`
	// State is Due, Intended (about to be created), Running, Succeeded or Failed.
	State string `json:"state"`
	// Policy says when the object is deleted: before-creation, succeeded, failed.
	//
	// +optional
	Policy string `json:"policy,omitempty"`
	// Message is why it failed.
	//
	// +optional
	Message string `json:"message,omitempty"`
}
