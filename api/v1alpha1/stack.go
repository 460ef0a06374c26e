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

	// Spec says what to keep live, where, and how.
	//
	// +required
	Spec StackSpec `json:"spec"`
	// Status is what the last pass found. Lockstep writes it.
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
// +kubebuilder:validation:XValidation:rule="[has(self.directory), has(self.kustomize), has(self.helm), has(self.terraform)].filter(x, x).size() <= 1",message="set at most one of directory, kustomize, helm and terraform"
type StackSpec struct {
	// Source names the directory that is rendered.
	//
	// +required
	Source StackSource `json:"source"`

	// Target names where the objects go. Without it, the namespace of the Stack on
	// the cluster that holds the Stack.
	//
	// +kubebuilder:default={}
	// +optional
	Target StackTarget `json:"target,omitzero"`

	// Directory renders plain YAML and JSON files. If none of directory, kustomize
	// and helm is set, the files in the path decide which of them it is.
	//
	// +optional
	Directory *DirectoryRender `json:"directory,omitempty"`
	// Kustomize builds the kustomization in the path, and may add to it.
	//
	// +optional
	Kustomize *KustomizeRender `json:"kustomize,omitempty"`
	// Helm renders the chart in the path, or one of a chart repository.
	//
	// +optional
	Helm *HelmRender `json:"helm,omitempty"`
	// Terraform plans and applies the root module in the path with OpenTofu or
	// Terraform, instead of objects on a cluster.
	//
	// +optional
	Terraform *Terraform `json:"terraform,omitempty"`

	// Labels are put on every object, not on pod templates or selectors.
	//
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are put on every object, not on pod templates.
	//
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// Substitute replaces ${VARIABLES} in every object after rendering.
	//
	// +optional
	Substitute *Substitute `json:"substitute,omitempty"`

	// DependsOn are Stacks that must be ready before anything is changed here, on
	// the same Target or another.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	DependsOn []Dependency `json:"dependsOn,omitempty"`

	// Inputs are outputs of other Stacks: they become variables of a module, values
	// of a chart, or are substituted as variables in every object.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Inputs []Input `json:"inputs,omitempty"`

	// Approved is the digest of a plan that may be carried out, for approvals in Git.
	// It opens that plan once, and none that may lose data.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^(sha256:[0-9a-f]{64})?$`
	Approved string `json:"approved,omitempty"`
	// Approval is what a person said to one plan: lockstep approve and reject write
	// it. It opens that plan once.
	//
	// +optional
	Approval *Approval `json:"approval,omitempty"`

	// Sync says how changes are carried out: who starts them, what is pruned, healed,
	// replaced and deleted.
	//
	// +kubebuilder:default={}
	// +optional
	Sync Sync `json:"sync,omitzero"`

	// Pause leaves everything as it is until it is taken back or runs out: nothing is
	// applied, pruned or healed. Deleting a paused Stack leaves its objects on the
	// Target.
	//
	// +optional
	Pause *Pause `json:"pause,omitempty"`

	// Hold keeps an earlier commit live while Git goes on, until it is taken back or
	// runs out.
	//
	// +optional
	Hold *Hold `json:"hold,omitempty"`

	// Interval between two checks when no event asks for one. A check that finds
	// nothing new costs no API call.
	//
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('168h')",message="interval must be between 10s and 168h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`

	// ServiceAccount on the Target that changes are made as, in the namespace that
	// has the name of the Stack's own. Without it the Target's own credential is
	// used.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServiceAccount string `json:"serviceAccount,omitempty"`

	// Health says how objects of some kinds are doing, where what comes with
	// Lockstep does not know or is not wanted. The first entry that has a verdict
	// decides.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Health []HealthRule `json:"health,omitempty"`

	// IgnoreDifferences names fields that Git does not decide: they are not applied
	// over what is live, and their change is no drift.
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
	// Path of the directory in the Source, relative to its root.
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
	// Include are globs relative to the path; only files that match one are read. *
	// matches in one directory, ** across them. Default every .yaml, .yml and .json
	// file.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Include []string `json:"include,omitempty"`
	// Exclude are globs of files and directories to leave out. It wins over Include.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Exclude []string `json:"exclude,omitempty"`
}

// KustomizeRender adds to the kustomization in the path.
type KustomizeRender struct {
	// NamePrefix is put before the name of every object, and references follow.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=200
	NamePrefix string `json:"namePrefix,omitempty"`
	// NameSuffix is put after the name of every object, and references follow.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=200
	NameSuffix string `json:"nameSuffix,omitempty"`
	// Images to replace, by name.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=200
	// +listType=map
	// +listMapKey=name
	Images []Image `json:"images,omitempty"`
	// Patches to apply on top of the kustomization, in order.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=200
	// +listType=atomic
	Patches []Patch `json:"patches,omitempty"`
	// Components to add: directories relative to the Stack's path.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Components []string `json:"components,omitempty"`
	// IgnoreMissingComponents passes over components whose directory does not exist.
	//
	// +optional
	IgnoreMissingComponents bool `json:"ignoreMissingComponents,omitempty"`
}

// Image replaces an image by name.
//
// +kubebuilder:validation:XValidation:rule="has(self.newName) || has(self.newTag) || has(self.digest)",message="an image needs newName, newTag or digest"
type Image struct {
	// Name of the image as the manifests have it, without tag: ghcr.io/acme/shop.
	//
	// +required
	Name string `json:"name"`
	// NewName replaces the name.
	//
	// +optional
	NewName string `json:"newName,omitempty"`
	// NewTag replaces the tag.
	//
	// +optional
	NewTag string `json:"newTag,omitempty"`
	// Digest replaces the tag by a digest: sha256:….
	//
	// +optional
	Digest string `json:"digest,omitempty"`
}

// Patch is a strategic-merge or JSON 6902 patch.
type Patch struct {
	// Patch is the text: YAML of a strategic-merge patch, or a list of JSON 6902
	// operations.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	Patch string `json:"patch"`
	// Target chooses the objects that are patched. A JSON 6902 patch needs it; a
	// strategic-merge patch without it goes by the names that it holds.
	//
	// +optional
	Target *PatchSelector `json:"target,omitempty"`
}

// PatchSelector chooses the objects that a patch is for.
type PatchSelector struct {
	// Group of the objects, as a regular expression; empty matches every group.
	//
	// +optional
	Group string `json:"group,omitempty"`
	// Version of the objects, as a regular expression; empty matches every version.
	//
	// +optional
	Version string `json:"version,omitempty"`
	// Kind of the objects, as a regular expression; empty matches every kind.
	//
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of the objects, as a regular expression; empty matches every name.
	//
	// +optional
	Name string `json:"name,omitempty"`
	// Namespace of the objects, as a regular expression; empty matches every one.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// LabelSelector chooses by labels, as kubectl -l does: app=web,tier!=cache.
	//
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
	// AnnotationSelector chooses by annotations, in the same form.
	//
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
	// IgnoreMissingValuesFiles passes over values files that do not exist and
	// patterns that match nothing.
	//
	// +optional
	IgnoreMissingValuesFiles bool `json:"ignoreMissingValuesFiles,omitempty"`
	// ValuesFrom are ConfigMaps and Secrets that are merged after ValuesFiles, in
	// order. A change of one is rendered at once.
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
	// SkipCRDs leaves out the chart's directory crds/.
	//
	// +optional
	SkipCRDs bool `json:"skipCRDs,omitempty"`
	// SkipSchemaValidation does not check values against values.schema.json.
	//
	// +optional
	SkipSchemaValidation bool `json:"skipSchemaValidation,omitempty"`
	// ReleaseRecord writes Helm's own record of each release to the Target, a Secret
	// in the target namespace, for helm list, history and get. It holds what the
	// chart renders and the values, secret ones as well.
	//
	// +optional
	ReleaseRecord bool `json:"releaseRecord,omitempty"`
}

// Chart names a chart in an HTTP repository or an OCI registry.
type Chart struct {
	// Repo is the address of the repository: https://host/path, http://host/path or
	// oci://host/path.
	//
	// +required
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https?|oci)://[^ ]+$')",message="chart.repo must be https://…, http://… or oci://…"
	Repo string `json:"repo"`
	// Name of the chart in the repository.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Version or range of versions: 1.2.3, ^1.2, ">=1.2.0 <2.0.0". Default the newest
	// that is no pre-release.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Version string `json:"version,omitempty"`
	// SecretRef names a Secret with username and password, ca.crt, or
	// .dockerconfigjson.
	//
	// +optional
	SecretRef *LocalRef `json:"secretRef,omitempty"`
}

// ValuesFrom names a key of a ConfigMap or Secret in the Stack's namespace.
type ValuesFrom struct {
	// Kind of the object: ConfigMap or Secret.
	//
	// +required
	// +kubebuilder:validation:Enum=ConfigMap;Secret
	Kind string `json:"kind"`
	// Name of the object.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Key that holds the values.
	//
	// +kubebuilder:default="values.yaml"
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
	// TargetPath sets one value instead of merging a document: a.b[0].c.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=250
	TargetPath string `json:"targetPath,omitempty"`
	// Optional passes over an object or key that does not exist.
	//
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// Substitute replaces variables in rendered objects.
type Substitute struct {
	// Vars are names and values. They win over From.
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
	// Kind of the object: ConfigMap or Secret.
	//
	// +required
	// +kubebuilder:validation:Enum=ConfigMap;Secret
	Kind string `json:"kind"`
	// Name of the object; each of its keys is a variable.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Optional passes over an object that does not exist.
	//
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
	// Mode auto carries out every new plan, also those that undo drift; manual plans
	// and holds until a pass is asked for by the annotation
	// lockstep.dev/reconcile-at.
	//
	// +kubebuilder:default=auto
	// +optional
	Mode SyncMode `json:"mode,omitempty"`
	// Approval says which plans a person has to approve: always, those that are
	// destructive, or never. On a cluster a plan is destructive that may lose data; a
	// module's is if it destroys or replaces anything. A plan that may lose data is
	// held in every mode.
	//
	// +kubebuilder:default=destructive
	// +optional
	Approval ApprovalMode `json:"approval,omitempty"`
	// ApprovalFor names the classes of changes that a person has to approve, in place
	// of Approval.
	//
	// +optional
	// +listType=set
	ApprovalFor []ChangeClass `json:"approvalFor,omitempty"`
	// ExcludeAuthor does not let the author of a commit approve what it leads to.
	//
	// +optional
	ExcludeAuthor bool `json:"excludeAuthor,omitempty"`
	// Prune deletes objects that left Git. An object with the annotation
	// lockstep.dev/prune: disabled stays.
	//
	// +kubebuilder:default=true
	// +optional
	Prune *bool `json:"prune,omitempty"`
	// Drift says what becomes of changes that others make to fields that Git
	// decides, and of objects that they delete: heal undoes them, report shows them
	// and leaves them until Git changes the object, ignore does not look at them.
	//
	// +kubebuilder:default=heal
	// +optional
	Drift DriftMode `json:"drift,omitempty"`
	// AllowEmpty lets a render without any object delete everything the Stack has.
	// Without it such a plan is held.
	//
	// +optional
	AllowEmpty bool `json:"allowEmpty,omitempty"`
	// Immutable says what happens when a field changes that cannot change in place:
	// fail, or replace (delete and create). Kinds whose deletion takes data with it
	// are never replaced.
	//
	// +kubebuilder:default=fail
	// +optional
	Immutable ImmutablePolicy `json:"immutable,omitempty"`
	// Deletion says what becomes of the objects when the Stack is deleted: delete
	// them, orphan them (leave them and take the marks off), or delete them and wait
	// until they are gone before the Stack goes.
	//
	// +kubebuilder:default=delete
	// +optional
	Deletion DeletionPolicy `json:"deletion,omitempty"`
	// Timeout from the begin of a release until its objects must be healthy; after
	// that the release counts as failed. Nothing is undone. Each wave and each hook of
	// a release has this long for itself.
	//
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="timeout must be between 10s and 24h"
	// +optional
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// Tests makes the test hooks part of each release: it succeeds only if they do.
	// Without it they run when lockstep test asks for them.
	//
	// +optional
	Tests bool `json:"tests,omitempty"`
	// RetryMax bounds the delay between two tries of a failed pass, which doubles
	// with each.
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
	// Group of the objects, such as apps; empty matches every group.
	//
	// +optional
	Group string `json:"group,omitempty"`
	// Kind of the objects; empty matches every kind.
	//
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of the object; empty matches every name.
	//
	// +optional
	Name string `json:"name,omitempty"`
	// Namespace of the objects; empty matches every namespace.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// JSONPointers as in RFC 6901: /spec/replicas. A slash in a name is written ~1.
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
