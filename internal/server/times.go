package server

import (
	"context"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// timesFor bounds how long the page of a Stack waits for its history: it is read
// without it, too.
const timesFor = 300 * time.Millisecond

// timesOf is when each step of a Stack's release was done, as far as the record
// knows: what is kept, and on top of it what waits to be written.
func (s *server) timesOf(ctx context.Context, u lockstep.Unit, uid string, number int64) (store.Times, bool) {
	ctx, cancel := context.WithTimeout(ctx, timesFor)
	defer cancel()
	waiting := s.history.Waiting(u, uid, number) // before the store: what is written meanwhile is in both
	var out store.Release
	if d, err := s.history.Store(); err == nil {
		page, err := d.Releases(ctx, store.ReleaseQuery{Unit: u, UID: uid, Number: number, Limit: 1})
		if err == nil && len(page.Releases) > 0 {
			out = page.Releases[0]
		}
	}
	for _, w := range waiting {
		out = w.Merge(out)
	}
	return out.Steps, out.Number > 0
}
