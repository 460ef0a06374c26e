// Package driver is the contract of everything that can be made to match a
// plan: a cluster today, a Terraform workspace tomorrow.
//
// drivertest holds every promise made here; a promise that it does not check is
// not a promise. The in-memory driver passes it first and serves as the Target
// in tests of everything above.
package driver

import (
	"context"

	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Driver makes one Target match plans. Any call may be repeated with the same
// arguments after a crash and must finish the work or find it done. All methods
// are safe for concurrent use.
type Driver interface {
	// Observe returns what is live of unit: every object of kinds (and of every
	// kind that the driver already watches) that carries the unit's mark, and
	// every desired object that carries another's. A missing object is an
	// answer, not an error; so is a kind that the Target does not serve. Observe
	// never writes.
	Observe(ctx context.Context, q Query) (lockstep.Live, error)

	// Apply carries out one step. An object that is there already is Unchanged.
	// On error the Outcome still says what was done. Err is always a fault.
	Apply(ctx context.Context, as Actor, step plan.Step) lockstep.Outcome

	// Capabilities says what the Target can do, for renderers that ask.
	Capabilities(ctx context.Context) (Capabilities, error)

	// Close stops every watch. Calls made afterwards fail.
	Close()
}

// Query is what Observe is asked.
type Query struct {
	Unit lockstep.Unit
	// Kinds are those that the unit has objects of, or is about to.
	Kinds []lockstep.GroupKind
	// Others are kinds that any unit of the Target ever had objects of. They are
	// looked at as Kinds are, but one that cannot be is no error: one unit's broken
	// kind must not hold up all others. Live.Unseen says so.
	Others []lockstep.GroupKind
	// Desired are the objects that a plan is about to be made for. Their kinds
	// are watched from now on, and drift is judged against them where the driver
	// has seen no apply of its own yet (after a restart).
	Desired []lockstep.Object
	// Health are the unit's own rules; nil for none. From now on its objects are
	// judged by them, and those that are judged already once more.
	Health *health.Rules
}

// Actor is on whose behalf an Apply is made.
type Actor struct {
	Unit lockstep.Unit
	// ServiceAccount to impersonate on the Target, in namespace
	// ServiceAccountNamespace; "" acts with the Target's own credential.
	ServiceAccount          string
	ServiceAccountNamespace string
}

// Capabilities is what a Target can do.
type Capabilities struct {
	KubeVersion string   // "v1.36.3"
	APIVersions []string // "apps/v1", "apps/v1/Deployment", sorted
	// Namespaced says of each served kind whether its objects live in a
	// namespace.
	Namespaced map[lockstep.GroupKind]bool
}

// Change tells a listener that something about a unit's live objects is new:
// content, health or existence.
type Change struct {
	Unit lockstep.Unit
	Key  lockstep.Key
	// Drift: nothing but fields of ours that others have, or had, changed.
	Drift bool
}
