package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Stack is one directory of one Source, kept live on one Target: the unit of
// planning, approval, health, history and rollback.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=lockstep
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Health",type=string,JSONPath=`.status.health.status`
// +kubebuilder:printcolumn:name="Objects",type=integer,JSONPath=`.status.objects`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Revision",type=string,priority=1,JSONPath=`.status.revision`
// +kubebuilder:printcolumn:name="Target",type=string,priority=1,JSONPath=`.spec.target.name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Stack struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec   StackSpec   `json:"spec"`
	Status StackStatus `json:"status,omitempty"`
}

// StackList is a list of Stacks.
//
// +kubebuilder:object:root=true
type StackList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Stack `json:"items"`
}

// StackSpec says what to keep live, where, and how.
//
// +kubebuilder:validation:XValidation:rule="[has(self.directory), has(self.kustomize), has(self.helm)].filter(x, x).size() <= 1",message="set at most one of directory, kustomize and helm"
type StackSpec struct {
	// +required
	Source StackSource `json:"source"`

	// +kubebuilder:default={}
	// +optional
	Target StackTarget `json:"target,omitzero"`

	// Directory renders plain YAML and JSON files.
	//
	// +optional
	Directory *DirectoryRender `json:"directory,omitempty"`
	// Kustomize builds a kustomization.
	//
	// +optional
	Kustomize *KustomizeRender `json:"kustomize,omitempty"`
	// Helm renders a chart.
	//
	// +optional
	Helm *HelmRender `json:"helm,omitempty"`

	// Labels are put on every object.
	//
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are put on every object.
	//
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// Substitute replaces ${VARIABLES} after rendering.
	//
	// +optional
	Substitute *Substitute `json:"substitute,omitempty"`

	// DependsOn are Stacks that must be ready first, on the same Target or
	// another.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	DependsOn []Dependency `json:"dependsOn,omitempty"`

	// +kubebuilder:default={}
	// +optional
	Sync Sync `json:"sync,omitzero"`

	// Suspend leaves everything as it is until it is taken back.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Interval between two checks when no event asks for one. A check that finds
	// nothing new costs no API call.
	//
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('168h')",message="interval must be between 10s and 168h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`

	// ServiceAccount on the Target that changes are made as, in the target
	// namespace. Without it the Target's own credential is used.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServiceAccount string `json:"serviceAccount,omitempty"`

	// IgnoreDifferences names fields that Git does not decide.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	IgnoreDifferences []IgnoreDifference `json:"ignoreDifferences,omitempty"`
}

// StackSource names the directory to render.
type StackSource struct {
	// Name of the Source, in the Stack's namespace, or NAMESPACE/NAME.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$')",message="source.name must be NAME or NAMESPACE/NAME"
	Name string `json:"name"`
	// Path of the directory in the Source.
	//
	// +kubebuilder:default="."
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="!self.split('/').exists(e, e == '..')",message="path must stay inside the source: '..' is not allowed"
	// +optional
	Path string `json:"path,omitempty"`
	// Revision pins a commit (full hash) that the Source already knows, instead of
	// its newest.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9a-f]{40}|[0-9a-f]{64})$')",message="revision must be a full hash of 40 or 64 lower-case hex digits"
	Revision string `json:"revision,omitempty"`
}

// StackTarget names where objects go.
type StackTarget struct {
	// Name of the Target, in the Stack's namespace, or NAMESPACE/NAME. Without it,
	// the cluster that holds the Stack.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$')",message="target.name must be NAME or NAMESPACE/NAME"
	Name string `json:"name,omitempty"`
	// Namespace for objects that name none; default the Stack's own.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="target.namespace must be a valid namespace name"
	Namespace string `json:"namespace,omitempty"`
	// CreateNamespace creates the target namespace when it is not there. It is
	// never pruned.
	//
	// +optional
	CreateNamespace bool `json:"createNamespace,omitempty"`
}

// DirectoryRender chooses files.
type DirectoryRender struct {
	// Recurse into sub-directories.
	//
	// +kubebuilder:default=true
	// +optional
	Recurse *bool `json:"recurse,omitempty"`
	// Include are globs with ** relative to the path; default every .yaml, .yml
	// and .json file.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Include []string `json:"include,omitempty"`
	// Exclude wins over Include.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Exclude []string `json:"exclude,omitempty"`
}

// KustomizeRender adds to the kustomization in the path.
type KustomizeRender struct {
	// +optional
	// +kubebuilder:validation:MaxLength=200
	NamePrefix string `json:"namePrefix,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=200
	NameSuffix string `json:"nameSuffix,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxItems=200
	// +listType=map
	// +listMapKey=name
	Images []Image `json:"images,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxItems=200
	// +listType=atomic
	Patches []Patch `json:"patches,omitempty"`
	// Components are paths relative to the Stack's path.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Components []string `json:"components,omitempty"`
	// +optional
	IgnoreMissingComponents bool `json:"ignoreMissingComponents,omitempty"`
}

// Image replaces an image by name.
//
// +kubebuilder:validation:XValidation:rule="has(self.newName) || has(self.newTag) || has(self.digest)",message="an image needs newName, newTag or digest"
type Image struct {
	// +required
	Name string `json:"name"`
	// +optional
	NewName string `json:"newName,omitempty"`
	// +optional
	NewTag string `json:"newTag,omitempty"`
	// +optional
	Digest string `json:"digest,omitempty"`
}

// Patch is a strategic-merge or JSON 6902 patch.
type Patch struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	Patch string `json:"patch"`
	// +optional
	Target *PatchSelector `json:"target,omitempty"`
}

// PatchSelector chooses the objects that a patch is for.
type PatchSelector struct {
	// +optional
	Group string `json:"group,omitempty"`
	// +optional
	Version string `json:"version,omitempty"`
	// +optional
	Kind string `json:"kind,omitempty"`
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
	// +optional
	AnnotationSelector string `json:"annotationSelector,omitempty"`
}

// HelmRender renders a chart.
type HelmRender struct {
	// Chart in a repository. Without it, the chart is the Stack's path.
	//
	// +optional
	Chart *Chart `json:"chart,omitempty"`
	// ReleaseName as charts see it; default the Stack's name.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=53
	ReleaseName string `json:"releaseName,omitempty"`
	// ValuesFiles are merged in order, later ones win. Globs with ** are allowed.
	// Relative to the Stack's path, "/…" from the root of the Source,
	// "$namespace/name/…" in another Source.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	ValuesFiles []string `json:"valuesFiles,omitempty"`
	// +optional
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`
	// ValuesFrom are merged after ValuesFiles.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	ValuesFrom []ValuesFrom `json:"valuesFrom,omitempty"`
	// Values are merged last.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Values *apiextensionsv1.JSON `json:"values,omitempty"`
	// +optional
	SkipCRDs bool `json:"skipCRDs,omitempty"`
	// +optional
	SkipSchemaValidation bool `json:"skipSchemaValidation,omitempty"`
}

// Chart names a chart in an HTTP repository or an OCI registry.
type Chart struct {
	// +required
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https?|oci)://[^ ]+$')",message="chart.repo must be https://…, http://… or oci://…"
	Repo string `json:"repo"`
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Version or semver range; default the newest.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Version string `json:"version,omitempty"`
	// SecretRef names a Secret with username and password, ca.crt, tls.crt and
	// tls.key, or .dockerconfigjson.
	//
	// +optional
	SecretRef *LocalRef `json:"secretRef,omitempty"`
}

// ValuesFrom names a key of a ConfigMap or Secret in the Stack's namespace.
type ValuesFrom struct {
	// +required
	// +kubebuilder:validation:Enum=ConfigMap;Secret
	Kind string `json:"kind"`
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +kubebuilder:default="values.yaml"
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
	// TargetPath sets one value instead of merging a document: a.b[0].c.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=250
	TargetPath string `json:"targetPath,omitempty"`
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// Substitute replaces variables in rendered objects.
type Substitute struct {
	// Vars win over From.
	//
	// +optional
	Vars map[string]string `json:"vars,omitempty"`
	// From are ConfigMaps and Secrets whose keys are variables; later ones win.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	From []SubstituteFrom `json:"from,omitempty"`
	// Strict fails on a variable that has neither value nor default.
	//
	// +kubebuilder:default=true
	// +optional
	Strict *bool `json:"strict,omitempty"`
}

// SubstituteFrom names a ConfigMap or Secret in the Stack's namespace.
type SubstituteFrom struct {
	// +required
	// +kubebuilder:validation:Enum=ConfigMap;Secret
	Kind string `json:"kind"`
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// Dependency names another Stack.
type Dependency struct {
	// Name of the Stack, in the same namespace, or NAMESPACE/NAME.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$')",message="dependsOn.name must be NAME or NAMESPACE/NAME"
	Name string `json:"name"`
}

// SyncMode says who starts an apply.
//
// +kubebuilder:validation:Enum=auto;manual
type SyncMode string

// ImmutablePolicy says what happens when a field changes that the API does not
// let change.
//
// +kubebuilder:validation:Enum=fail;replace
type ImmutablePolicy string

// DeletionPolicy says what becomes of a Stack's objects when it is deleted.
//
// +kubebuilder:validation:Enum=delete;orphan;wait
type DeletionPolicy string

// The values of the policies.
const (
	SyncAuto   SyncMode = "auto"
	SyncManual SyncMode = "manual"

	ImmutableFail    ImmutablePolicy = "fail"
	ImmutableReplace ImmutablePolicy = "replace"

	// DeletionDelete deletes the objects and does not wait until they are gone.
	DeletionDelete DeletionPolicy = "delete"
	// DeletionOrphan leaves the objects and takes the marks off.
	DeletionOrphan DeletionPolicy = "orphan"
	// DeletionWait deletes the objects and keeps the Stack until they are gone.
	DeletionWait DeletionPolicy = "wait"
)

// Sync says how changes are carried out.
type Sync struct {
	// Mode auto applies every new plan; manual plans only, until a pass is asked
	// for by the annotation lockstep.dev/reconcile-at.
	//
	// +kubebuilder:default=auto
	// +optional
	Mode SyncMode `json:"mode,omitempty"`
	// Prune deletes objects that left Git.
	//
	// +kubebuilder:default=true
	// +optional
	Prune *bool `json:"prune,omitempty"`
	// SelfHeal undoes changes that others make to fields that Git decides.
	//
	// +kubebuilder:default=true
	// +optional
	SelfHeal *bool `json:"selfHeal,omitempty"`
	// AllowEmpty lets a render without any object prune everything.
	//
	// +optional
	AllowEmpty bool `json:"allowEmpty,omitempty"`
	// Immutable says what happens when a field changes that cannot change in
	// place: fail, or replace (delete and create).
	//
	// +kubebuilder:default=fail
	// +optional
	Immutable ImmutablePolicy `json:"immutable,omitempty"`
	// Deletion says what becomes of the objects when the Stack is deleted.
	//
	// +kubebuilder:default=delete
	// +optional
	Deletion DeletionPolicy `json:"deletion,omitempty"`
	// Timeout after which objects that are not healthy count as failed.
	//
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="timeout must be between 10s and 24h"
	// +optional
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// RetryMax bounds the delay between two tries of a failed pass.
	//
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="retryMax must be between 1s and 24h"
	// +optional
	RetryMax metav1.Duration `json:"retryMax,omitzero"`
}

// IgnoreDifference names fields that Git does not decide. Empty selectors match
// everything.
//
// +kubebuilder:validation:XValidation:rule="has(self.jsonPointers) || has(self.jqPaths) || has(self.managers)",message="set jsonPointers, jqPaths or managers"
type IgnoreDifference struct {
	// +optional
	Group string `json:"group,omitempty"`
	// +optional
	Kind string `json:"kind,omitempty"`
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// JSONPointers as in RFC 6901: /spec/replicas.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:Pattern=`^/`
	// +listType=atomic
	JSONPointers []string `json:"jsonPointers,omitempty"`
	// JQPaths are jq path expressions: .spec.containers[] | select(.name == "x").image
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	JQPaths []string `json:"jqPaths,omitempty"`
	// Managers are field managers whose changes are left alone.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Managers []string `json:"managers,omitempty"`
}

// StackStatus is small on purpose: lists of objects are never in it. It is
// written once per pass, when it changed.
type StackStatus struct {
	// ObservedGeneration is the spec that this status speaks of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Revision is the newest commit that changed this Stack. It is up to date at
	// the Source's newest commit when its Key is what that commit's would be.
	//
	// +optional
	Revision string `json:"revision,omitempty"`
	// Key is the content key of what is applied.
	//
	// +optional
	Key string `json:"key,omitempty"`
	// Renderer that was used: directory, kustomize or helm.
	//
	// +optional
	Renderer string `json:"renderer,omitempty"`
	// Objects is how many the Stack holds.
	//
	// +optional
	Objects int32 `json:"objects,omitempty"`
	// Health of the worst object.
	//
	// +optional
	Health *StackHealth `json:"health,omitempty"`
	// Plan that is held or under way; absent when there is nothing to do.
	//
	// +optional
	Plan *PlanSummary `json:"plan,omitempty"`
	// Release counts the plans that were carried out.
	//
	// +optional
	Release int64 `json:"release,omitempty"`
	// History holds the newest releases, newest first.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=10
	// +listType=atomic
	History []Release `json:"history,omitempty"`
	// LastHandledReconcileAt echoes the annotation lockstep.dev/reconcile-at.
	//
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// StackHealth is the verdict over all objects.
type StackHealth struct {
	// Status is Healthy, Progressing, Degraded, Suspended, Missing or Terminating.
	Status string `json:"status"`
	// +optional
	Message string `json:"message,omitempty"`
}

// PlanSummary counts a plan's steps.
type PlanSummary struct {
	Digest string `json:"digest"`
	// Summary as people read it: "1 to create, 2 to change".
	Summary string `json:"summary"`
	// +optional
	Held string `json:"held,omitempty"`
}

// Release is the record of one plan carried out.
type Release struct {
	ID int64 `json:"id"`
	// Revision that was applied.
	Revision string `json:"revision"`
	// Subject of that commit.
	//
	// +optional
	Subject string `json:"subject,omitempty"`
	// +optional
	Author string `json:"author,omitempty"`
	// Digest of the plan.
	Digest string `json:"digest"`
	// Summary of what was done: "1 created, 2 changed".
	Summary string `json:"summary"`
	// Cause is commit, spec, drift, retry or request.
	Cause string `json:"cause"`
	// Outcome is Progressing, Succeeded, Failed or Superseded.
	Outcome string `json:"outcome"`
	// +optional
	Message   string      `json:"message,omitempty"`
	StartedAt metav1.Time `json:"startedAt"`
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}
