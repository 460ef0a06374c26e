// Package live answers what somebody wants to know who looks at one Stack: its
// objects and what the cluster made of them, what differs from Git and who did
// that, manifests, events, logs; and it carries out what people may do to an object.
//
// All of it is read when somebody looks and kept for two seconds, so that ten who
// look at one Stack cost one read. Reads go through the Target's connection, and
// only objects of the Stack, and those that they own, are read. The values of
// Secrets are masked before anything leaves this package.
//
// Whether the person may look is not decided here: package httpapi asks before.
//
// Start at [Looker]. resources.go lists, object.go tells all of one object,
// difference.go compares with Git, desired.go renders, events.go and logs.go
// stream, action.go acts. rollback.go says what going back does, revert.go what it
// does in Git, and write.go does that. waiting.go tells the plan that waits for a person.
package live

import (
	"context"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	shelfctl "github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Looker answers about Stacks. Its fields are set before it is used.
type Looker struct {
	// Stacks reads Stacks and Sources from memory.
	Stacks client.Reader
	// Driver returns the connection to a Target.
	Driver func(context.Context, lockstep.TargetRef) (driver.Driver, error)
	// Memo returns what a Stack last came to, if that still holds.
	Memo func(u lockstep.Unit, generation int64) (fleet.Memo, bool)
	// Mirrors opens repositories, for what is done in Git; nil for none.
	Mirrors source.Opener
	// Lookup finds what a Stack names; done is called when it was rendered.
	Lookup func(u lockstep.Unit) (l stack.Lookup, done func())
	Render stack.Renderer
	// Key is the installation's key for digests of secrets.
	Key         []byte
	AllowRemote bool
	// Kept returns the plan of a module that waits for a person; nil where none are kept.
	Kept func(context.Context, lockstep.Unit) (shelfctl.Plan, bool, error)

	snapshots shelf[*snapshot]
	rendered  shelf[*Desired]
	compared  shelf[*comparison]
	news      shelf[[]ClusterEvent]
}

// target is what is needed of a connection beyond what passes need.
type target interface {
	driver.Driver
	Look(ctx context.Context, key lockstep.Key, version string) (map[string]any, error)
	List(ctx context.Context, q kubernetes.ListQuery) (items []map[string]any, more bool, err error)
	Log(ctx context.Context, q kubernetes.LogQuery) (io.ReadCloser, error)
	Touch(ctx context.Context, as driver.Actor, t kubernetes.Touch) (map[string]any, error)
	RiskFacts(ctx context.Context, changes []risk.Change) risk.Facts
}

// Fresh is for how long a read serves others.
const Fresh = 2 * time.Second

func (l *Looker) digester() diff.Digester { return diff.Digester{Key: l.Key} }

// stack returns the Stack and its Target's connection.
func (l *Looker) stack(ctx context.Context, u lockstep.Unit) (*v1alpha1.Stack, error) {
	s := &v1alpha1.Stack{}
	err := l.Stacks.Get(ctx, types.NamespacedName{Namespace: u.Namespace, Name: u.Name}, s)
	if apierrors.IsNotFound(err) {
		return nil, fault.NotFound("stack %q does not exist", u)
	}
	if err != nil {
		return nil, fault.Internal(err)
	}
	s, _ = stack.InForce(s, time.Now())
	return s, nil
}

func (l *Looker) target(ctx context.Context, s *v1alpha1.Stack) (target, error) {
	d, err := l.Driver(ctx, stack.TargetOf(s))
	if err != nil {
		return nil, settle(err)
	}
	t, ok := d.(target)
	if !ok {
		return nil, fault.Invalid("target %q has no objects to look at", stack.TargetOf(s))
	}
	return t, nil
}

// settle words an error for somebody who does not wait: what has yet to come is
// not there.
func settle(err error) error {
	f := fault.As(err)
	if f.Kind != fault.KindWaiting {
		return f
	}
	return fault.Unavailable("%s", f.What).Because(err).WithHint("it is being looked at; try again in a moment")
}

// Paused says whether a Stack is left as it is now.
func Paused(s *v1alpha1.Stack) bool { return s.Spec.Pause.At(time.Now()) != nil }
