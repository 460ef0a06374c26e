package server

import (
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Announcements of one Source that are answered at once, and the pause between
// those that come after them.
const (
	burst  = 2
	refill = time.Second
)

// gather makes few looks of many announcements. A push is looked at when it is
// announced; of a storm, a job that pushes all day or a host that repeats itself,
// only every so often, and always once more after the last.
type gather struct {
	look func(lockstep.Unit)

	mu sync.Mutex
	of map[lockstep.Unit]*storm
}

type storm struct {
	left    int       // looks that need not wait
	at      time.Time // when left was true
	pending bool      // a look is to come
}

func newGather(look func(lockstep.Unit)) *gather {
	return &gather{look: look, of: map[lockstep.Unit]*storm{}}
}

// announced has u looked at, now or soon.
func (g *gather) announced(u lockstep.Unit) {
	if wait := g.wait(u, time.Now()); wait > 0 {
		time.AfterFunc(wait, func() { g.late(u) })
	} else if wait == 0 {
		g.look(u)
	}
}

// wait returns the pause before the look that an announcement asks for; it is
// negative if one is to come anyway.
func (g *gather) wait(u lockstep.Unit, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.of[u]
	if s == nil {
		s = &storm{left: burst, at: now}
		g.of[u] = s
	}
	if more := int(now.Sub(s.at) / refill); more > 0 {
		s.left, s.at = min(burst, s.left+more), s.at.Add(time.Duration(more)*refill)
	}
	switch {
	case s.pending:
		return -1
	case s.left > 0:
		s.left--
		return 0
	}
	s.pending = true
	return s.at.Add(refill).Sub(now)
}

func (g *gather) late(u lockstep.Unit) {
	g.mu.Lock()
	if s := g.of[u]; s != nil {
		s.pending = false
		s.at = time.Now()
	}
	g.mu.Unlock()
	g.look(u)
}
