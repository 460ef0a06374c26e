package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Terraform says how a root module is planned and applied.
type Terraform struct {
	// Tool is the binary that does it: tofu or terraform. Lockstep brings neither.
	//
	// +kubebuilder:default=tofu
	// +kubebuilder:validation:Enum=tofu;terraform
	// +optional
	Tool string `json:"tool,omitempty"`
	// Version of the tool, exact or a range: 1.12.6, "~> 1.12". Without it, whatever
	// is found first.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Version string `json:"version,omitempty"`
	// SHA256 that the binary must have, in hex.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	SHA256 string `json:"sha256,omitempty"`
	// Workspace that is selected, and made if it is not there; "" is default.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=90
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_.-]*$`
	Workspace string `json:"workspace,omitempty"`
	// Include are files and directories besides the Stack's path that the module
	// reads, such as what templatefile() names outside of it: relative to the path,
	// or "/…" from the root of the Source. Local modules are found by themselves.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Include []string `json:"include,omitempty"`
	// VarFiles are read in order, later ones win. Relative to the path, or "/…" from
	// the root of the Source.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	VarFiles []string `json:"varFiles,omitempty"`
	// VarsFrom are ConfigMaps and Secrets whose keys are variables; later ones win,
	// and all win over VarFiles. A value that is a JSON list or object is passed as
	// such, every other one as a string.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	VarsFrom []SubstituteFrom `json:"varsFrom,omitempty"`
	// Vars are variables with values of any type. They win over VarsFrom.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Vars *apiextensionsv1.JSON `json:"vars,omitempty"`
	// EnvFrom are Secrets and ConfigMaps whose keys become the tool's environment:
	// credentials of providers. Nothing of the server's own environment is passed on.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	EnvFrom []SubstituteFrom `json:"envFrom,omitempty"`
	// Env are more variables of the environment, and win over EnvFrom.
	//
	// +optional
	Env map[string]string `json:"env,omitempty"`
	// Targets limits everything to these addresses and what they depend on.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	Targets []string `json:"targets,omitempty"`
	// Parallelism is how many resources the tool works on at once; 0 leaves it to the
	// tool.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=256
	Parallelism int32 `json:"parallelism,omitempty"`
	// LockTimeout is how long to wait for the state's lock.
	//
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('1h')",message="lockTimeout must be between 0s and 1h"
	// +optional
	LockTimeout metav1.Duration `json:"lockTimeout,omitzero"`
	// Timeout of one run of the tool, after which it is asked to stop and waited for.
	//
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="timeout must be between 10s and 24h"
	// +optional
	Timeout metav1.Duration `json:"timeout,omitzero"`
	// State says where the state is kept: own leaves it to the backend that the module
	// configures, lockstep keeps it, and auto is own for a module that configures a
	// backend and lockstep for one that does not.
	//
	// +kubebuilder:default=auto
	// +kubebuilder:validation:Enum=auto;own;lockstep
	// +optional
	State string `json:"state,omitempty"`
	// BackendConfigFrom are Secrets and ConfigMaps whose keys are settings of the
	// module's own backend.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=20
	// +listType=atomic
	BackendConfigFrom []SubstituteFrom `json:"backendConfigFrom,omitempty"`
	// LocalExec lets the module run commands of its own choosing beside the tool, by
	// provisioners and the data source external. They see the tool's environment.
	//
	// +optional
	LocalExec bool `json:"localExec,omitempty"`
	// Drift says how often the world is compared with the state, and what of it is
	// undone without a person.
	//
	// +kubebuilder:default={}
	// +optional
	Drift TerraformDrift `json:"drift,omitzero"`
	// DestroyOnDeletion destroys everything in the state when the Stack is deleted,
	// after a plan that is approved like any other. Without it, it all stays.
	//
	// +optional
	DestroyOnDeletion bool `json:"destroyOnDeletion,omitempty"`
}

// TerraformDrift is about changes that others make.
type TerraformDrift struct {
	// Interval between two looks, with some jitter; 0s never looks.
	//
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:XValidation:rule="duration(self) == duration('0s') || duration(self) >= duration('10s')",message="interval must be 0s or at least 10s"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`
	// Heal names the classes of changes that undo drift without a person. A plan of
	// which a part is of another class is held as a proposal. Without any, every one
	// is.
	//
	// +optional
	// +listType=set
	Heal []ChangeClass `json:"heal,omitempty"`
}

// ChangeClass is a kind of change to one resource.
//
// +kubebuilder:validation:Enum=create;update;replace;delete;forget
type ChangeClass string

// ApprovalMode says which plans a person has to approve.
//
// +kubebuilder:validation:Enum=always;destructive;never
type ApprovalMode string

// The modes.
const (
	ApprovalAlways      ApprovalMode = "always"
	ApprovalDestructive ApprovalMode = "destructive"
	ApprovalNever       ApprovalMode = "never"
)

// Approval is what a person said to one plan.
type Approval struct {
	// Plan is the digest of the plan: sha256:….
	//
	// +required
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	Plan string `json:"plan"`
	// Rejected: it must not be carried out.
	//
	// +optional
	Rejected bool `json:"rejected,omitempty"`
	// AcceptLoss are the addresses whose data may be lost, each written out.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=1024
	// +listType=atomic
	AcceptLoss []string `json:"acceptLoss,omitempty"`
	// Reason says why. A plan that may lose data needs one.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// By is who said so.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by,omitempty"`
	// At is when.
	//
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// Input is an output of another Stack that this one uses.
type Input struct {
	// From is the Stack, in the same namespace, or NAMESPACE/NAME. It is depended on
	// as by dependsOn.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$')",message="inputs.from must be NAME or NAMESPACE/NAME"
	From string `json:"from"`
	// Output is its name there.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Output string `json:"output"`
	// As is its name here: a variable of the module, a path in the values of a chart
	// (global.vpcId), or a variable that is substituted in every object. Default the
	// output's name.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	As string `json:"as,omitempty"`
}

// TerraformStatus is what is known of a root module.
type TerraformStatus struct {
	// Tool and version that made the newest plan: "tofu 1.12.6".
	//
	// +optional
	Tool string `json:"tool,omitempty"`
	// Lineage and Serial name the version of the state that was seen last.
	//
	// +optional
	Lineage string `json:"lineage,omitempty"`
	// +optional
	Serial int64 `json:"serial,omitempty"`
	// Outputs are the names of what the module hands on; values are in the Secret
	// lockstep-outputs-NAME.
	//
	// +optional
	// +listType=set
	Outputs []string `json:"outputs,omitempty"`
	// DriftCheckedAt is when the world was last compared with the state.
	//
	// +optional
	DriftCheckedAt *metav1.Time `json:"driftCheckedAt,omitempty"`
	// Run of the tool that is under way; absent without one.
	//
	// +optional
	Run *TerraformRun `json:"run,omitempty"`
}

// TerraformRun is one run of the tool.
type TerraformRun struct {
	// ID of the run.
	ID string `json:"id"`
	// Intent is plan, apply, destroy or drift.
	Intent string `json:"intent"`
	// Holder is the replica that looks after it.
	//
	// +optional
	Holder string `json:"holder,omitempty"`
	// StartedAt is when it was begun.
	StartedAt metav1.Time `json:"startedAt"`
}
