package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DriftMode says what becomes of drift.
//
// +kubebuilder:validation:Enum=heal;report;ignore
type DriftMode string

// The drift modes.
const (
	// DriftHeal undoes drift.
	DriftHeal DriftMode = "heal"
	// DriftReport shows drift and leaves it.
	DriftReport DriftMode = "report"
	// DriftIgnore does not look at drift. It is not called off, because YAML reads that
	// word as false.
	DriftIgnore DriftMode = "ignore"
)

// StackDrift is drift in numbers, with the first of it. lockstep drift asks the
// Target for all of it.
type StackDrift struct {
	// Objects that drifted.
	//
	// +optional
	Objects int32 `json:"objects,omitempty"`
	// Fields that drifted; an object that is gone counts as one.
	//
	// +optional
	Fields int32 `json:"fields,omitempty"`
	// Since is when the oldest of it was first seen.
	//
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// LeftAlone is how many objects an annotation on them takes out of Lockstep's
	// hands, lockstep.dev/reconcile: disabled for instance.
	//
	// +optional
	LeftAlone int32 `json:"leftAlone,omitempty"`
	// Records are the first of the drifted fields, in order of object and field.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=10
	// +listType=atomic
	Records []DriftRecord `json:"records,omitempty"`
}

// DriftRecord is one field that somebody else has changed.
type DriftRecord struct {
	// Object as Kind.group/namespace/name.
	Object string `json:"object"`
	// Field is its path; absent where the whole object is gone.
	//
	// +optional
	Field string `json:"field,omitempty"`
	// Git is the value that Git decides, as JSON, masked where secret and cut where
	// long.
	//
	// +optional
	Git string `json:"git,omitempty"`
	// Live is the value on the Target in the same form; absent where the field is
	// gone.
	//
	// +optional
	Live string `json:"live,omitempty"`
	// Manager is the field manager that owns the live value, if one does.
	//
	// +optional
	Manager string `json:"manager,omitempty"`
	// Operation is how the manager set it: Apply or Update; Delete where the object
	// is gone.
	//
	// +optional
	Operation string `json:"operation,omitempty"`
	// Subresource through which the manager set it: scale, for instance.
	//
	// +optional
	Subresource string `json:"subresource,omitempty"`
	// FirstSeen is when it was first seen, also by a server before this one.
	FirstSeen metav1.Time `json:"firstSeen"`
	// State is reported; waiting, if it is healed later because it came back; or
	// resting, if it came back so often that it is left for a while.
	State string `json:"state"`
	// Until is when a waiting or resting field is healed again.
	//
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	// Healed is how often it was healed and came back.
	//
	// +optional
	Healed int32 `json:"healed,omitempty"`
	// Next says in words what happens next, and how to end it.
	Next string `json:"next"`
}
