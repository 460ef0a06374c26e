package lockstep

import "time"

// Live is what a Target holds of one unit, as plan and health need to know it:
// a projection, not whole objects.
type Live struct {
	// Objects are those that carry the unit's mark, and those among the asked-for
	// keys that carry another unit's.
	Objects []LiveObject
	// Missing kinds are asked-for kinds that the Target's API does not serve.
	MissingKinds []GroupKind
	// Unseen is why a kind could not be looked at that the unit may have objects
	// of, though nothing says that it has; nil when all could. A plan may be
	// carried out all the same, but the unit must not be forgotten.
	Unseen error
}

// LiveObject is the projection of one object on a Target.
type LiveObject struct {
	Key             Key
	Version         string // API version that the projection was read at
	UID             string
	ResourceVersion string
	// Unit is the unit whose mark the object carries; zero if none.
	Unit Unit
	// Managed is true when our field manager really applied the object. A mark
	// without it was copied by somebody, and such an object is never pruned.
	Managed bool
	// Digest is the Digest of the Desired object that was last applied, as
	// recorded on the object itself; "" if it never was.
	Digest string
	// Drift lists fields of ours that somebody else has since changed; empty
	// when live is what our last apply left. As in a plan, From is the live value
	// and To ours.
	Drift []FieldChange
	// Unproven: nobody has seen our last apply of it, nor compared it with what is
	// desired since it changed, so that an empty Drift means nothing. Only a plan
	// made with the desired objects tells.
	Unproven bool
	// DriftSeen is when the driver first saw the Drift that there is; zero where
	// there is none, or the driver cannot tell.
	DriftSeen time.Time
	// Owned is the tree of the fields that we own, with their live values;
	// metadata of the system is not in it. It may be nil when the driver did not
	// keep it.
	Owned map[string]any
	// Annotations that steer us (lockstep.dev/*) as found live.
	Annotations map[string]string
	Terminating bool
	Health      Health
	// Ending of an object that runs to an end: a Job, a Pod, a workflow.
	Ending Ending
}

// Ending says how an object that runs to an end did so.
type Ending uint8

// The endings.
const (
	StillRunning Ending = iota // also every object that does not run to an end
	Completed
	Broken
)

// FieldChange is one field that differs. Values are JSON text, masked where
// secret; "" means absent.
type FieldChange struct {
	Path    string `json:"path"` // spec.template.spec.containers[name=web].image
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Manager string `json:"manager,omitempty"` // who owns the live value, when known
	// Operation is how the manager set it, "Apply" or "Update", and Subresource
	// through what, "scale" for instance.
	Operation   string `json:"operation,omitempty"`
	Subresource string `json:"subresource,omitempty"`
}
