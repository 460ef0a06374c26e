package server

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// keptPlan returns the plan of a module that waits for a person.
type keptPlan = func(context.Context, lockstep.Unit) (shelf.Plan, bool, error)

// newLooker makes what answers people who look at one Stack.
func (s *server) newLooker(render stack.Renderer, mirrors source.Opener, kept keptPlan) *live.Looker {
	var looks atomic.Int64 // each look has its own name, so that one's end is not another's
	return &live.Looker{
		Stacks: s.mgr.GetClient(), Driver: s.connections.Driver, Memo: s.fleet.Memo, Render: render,
		Key: s.key, AllowRemote: s.opts.AllowRemoteBases, Mirrors: mirrors, Kept: kept,
		Lookup: func(u lockstep.Unit) (stack.Lookup, func()) {
			user := refs.User{Kind: "Look " + strconv.FormatInt(looks.Add(1), 10), Namespace: u.Namespace, Name: u.Name}
			return finder{s.refs.Begin(user), s}, func() { s.refs.Release(user) }
		},
	}
}

// finder finds what a Stack names for somebody who looks at it: what is known
// already, and no pass is waited for.
type finder struct {
	*refs.Session
	server *server
}

// Snapshot returns a Source's newest snapshot, or the one of a commit.
func (f finder) Snapshot(_ context.Context, src lockstep.Unit, commit string) (source.Snapshot, error) {
	return f.server.fleet.Snapshot(src, commit)
}

// Driver returns the connection to a Target.
func (f finder) Driver(ctx context.Context, ref lockstep.TargetRef) (driver.Driver, error) {
	return f.server.connections.Driver(ctx, ref)
}
