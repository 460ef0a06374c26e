package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StackStatus is small on purpose: lists of objects are never in it. It is
// written once per pass, when it changed.
type StackStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of;
	// while it is smaller than metadata.generation, the status is of an older spec.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Revision is the newest commit that changed this Stack. It is up to date at
	// the Source's newest commit when its Key is what that commit's would be.
	//
	// +optional
	Revision string `json:"revision,omitempty"`
	// Key is the content key of what is applied: a hash over everything that the
	// render really read. A commit that leaves it as it is costs nothing.
	//
	// +optional
	Key string `json:"key,omitempty"`
	// Renderer that was used: directory, kustomize or helm.
	//
	// +optional
	Renderer string `json:"renderer,omitempty"`
	// Objects is how many objects Git asks for.
	//
	// +optional
	Objects int32 `json:"objects,omitempty"`
	// Kinds that the Stack has objects of on its Target, as "Kind" or "Kind.group".
	// What Git no longer names is looked for among them.
	//
	// +optional
	// +listType=set
	Kinds []string `json:"kinds,omitempty"`
	// Health of the worst object.
	//
	// +optional
	Health *StackHealth `json:"health,omitempty"`
	// Drift that is there now: what is reported only, and what is not healed yet
	// because it keeps coming back. Absent when there is none; what was healed is
	// in the history.
	//
	// +optional
	Drift *StackDrift `json:"drift,omitempty"`
	// Plan that is held or waits; absent when there is nothing to do.
	//
	// +optional
	Plan *PlanSummary `json:"plan,omitempty"`
	// Release is the number of the newest release: how many plans were carried out.
	//
	// +optional
	Release int64 `json:"release,omitempty"`
	// History holds the two newest releases, newest first.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=2
	// +listType=atomic
	History []Release `json:"history,omitempty"`
	// Earlier holds up to eight releases before those, newest first, each as JSON: as
	// text they cost every write of the status a tenth of what they would as objects.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=8
	// +listType=atomic
	Earlier []string `json:"earlier,omitempty"`
	// Run is how far the newest release with hooks or several waves is; absent for a
	// Stack that has neither.
	//
	// +optional
	Run *StackRun `json:"run,omitempty"`
	// Consumed are the newest approvals that were used up, as digests of plan, person
	// and time. None of them opens a second plan.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=20
	// +listType=atomic
	Consumed []string `json:"consumed,omitempty"`
	// Terraform is what is known of the module of a Stack with spec.terraform.
	//
	// +optional
	Terraform *TerraformStatus `json:"terraform,omitempty"`
	// HelmRecord is Helm's own record that was written last; absent unless
	// spec.helm.releaseRecord was set.
	//
	// +optional
	HelmRecord *HelmRecord `json:"helmRecord,omitempty"`
	// DeleteHooks is how many hooks the deletion of the Stack would run.
	//
	// +optional
	DeleteHooks int32 `json:"deleteHooks,omitempty"`
	// LastHandledReconcileAt is the value of the annotation
	// lockstep.dev/reconcile-at that was dealt with last. While it differs from the
	// annotation, a request is still open.
	//
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
	// Conditions are Ready, always, and Reconciling and Stalled while they are true.
	// The reason and message of Ready say how the Stack is doing and what to do.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// HelmRecord says which of Helm's own records stands for the newest release.
type HelmRecord struct {
	// Release of the Stack that the record is of, as in its history.
	//
	// +optional
	Release int64 `json:"release,omitempty"`
	// Version is the revision that helm history shows.
	//
	// +optional
	Version int32 `json:"version,omitempty"`
	// Status that the record has: deployed or failed.
	//
	// +optional
	Status string `json:"status,omitempty"`
	// Message says why a record could not be written. The release itself is not
	// held up by that.
	//
	// +optional
	Message string `json:"message,omitempty"`
}

// StackHealth is the verdict over all objects.
type StackHealth struct {
	// Status is Healthy, Progressing, Degraded, Suspended, Missing or Terminating.
	Status string `json:"status"`
	// Message names the first of the worst objects and what is wrong with it.
	//
	// +optional
	Message string `json:"message,omitempty"`
}

// PlanSummary counts a plan's steps.
type PlanSummary struct {
	// Digest of the plan: two plans that would do the same have the same.
	Digest string `json:"digest"`
	// Summary as people read it: "1 to create, 2 to change".
	Summary string `json:"summary"`
	// Held names the gate that is closed, if one is: "empty-render", "manual sync".
	//
	// +optional
	Held string `json:"held,omitempty"`
}

// Release is the record of one plan carried out.
type Release struct {
	// ID counts up from 1.
	ID int64 `json:"id"`
	// Revision is the full hash of the commit that was applied.
	Revision string `json:"revision"`
	// Subject is the first line of that commit's message.
	//
	// +optional
	Subject string `json:"subject,omitempty"`
	// Author of that commit.
	//
	// +optional
	Author string `json:"author,omitempty"`
	// Digest of the plan that was carried out.
	Digest string `json:"digest"`
	// Summary of what was done: "1 created, 2 changed".
	Summary string `json:"summary"`
	// Cause is why the plan was made: commit, spec, drift, retry or request.
	Cause string `json:"cause"`
	// Times is how often it was done, where drift was healed several times in a row;
	// absent for once.
	//
	// +optional
	Times int32 `json:"times,omitempty"`
	// Outcome is Progressing, Succeeded, Failed or Superseded (a newer commit took
	// over).
	Outcome string `json:"outcome"`
	// Message is the first thing that went wrong, if the release failed.
	//
	// +optional
	Message string `json:"message,omitempty"`
	// StartedAt is when the pass that carried it out began.
	StartedAt metav1.Time `json:"startedAt"`
	// FinishedAt is when the outcome was known; absent while Progressing.
	//
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}
