package server

import (
	"context"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// warm begins the watches of what was ever applied to the local cluster while the
// Sources are still being fetched: after a restart both take their time, and
// everybody needs both. What cannot be had is told to those who ask for it.
func (s *server) warm(ctx context.Context) {
	select {
	case <-s.mgr.Elected():
	case <-ctx.Done():
		return
	}
	local := lockstep.TargetRef{}
	kinds, err := s.inventory.Kinds(ctx, local)
	if err != nil || len(kinds) == 0 {
		return
	}
	if d, err := s.connections.Driver(ctx, local); err == nil {
		_, _ = d.Observe(ctx, driver.Query{Others: kinds}) // nobody asked yet
	}
}
