package lockstep

import "time"

// DriftState says what happens to a drifted field next.
type DriftState string

// The states of drift.
const (
	DriftHealing   DriftState = "healing"   // undone at once
	DriftWaiting   DriftState = "waiting"   // undone later: it keeps coming back
	DriftResting   DriftState = "resting"   // left for a while: two managers fight over it
	DriftHeld      DriftState = "held"      // undone once the plan's gate opens
	DriftReported  DriftState = "reported"  // left until Git changes the object
	DriftProtected DriftState = "protected" // an annotation keeps the object from being healed
	DriftIgnored   DriftState = "ignored"   // the field is nobody's business
)

// Drift is one field of ours that somebody else has changed on the Target, as
// people and programs are told of it. Values are JSON text, masked where secret.
type Drift struct {
	Object Key
	// Field is "" where the whole object is gone.
	Field string
	Git   string // the value that Git decides
	Live  string // "" where the field is gone
	// Manager owns the live value, when known, and set it by Operation, "Apply" or
	// "Update", through Subresource.
	Manager, Operation, Subresource string
	FirstSeen                       time.Time
	State                           DriftState
	// Until is when a waiting or resting field is healed next.
	Until time.Time
	// Healed counts how often it was healed and came back.
	Healed int
	// Next says in words what happens next: "reported only".
	Next string
}
