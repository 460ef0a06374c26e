package observe

import (
	"sync"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Causes remembers what brought the newest commit of each Source, so that the
// passes which it wakes can say what woke them. A nil Causes remembers nothing.
type Causes struct {
	mu      sync.Mutex
	brought map[lockstep.Unit]brought
	asked   map[lockstep.Unit]Cause
}

type brought struct {
	commit string
	by     Cause
}

// NewCauses returns a memory that is shared by those who fetch and those who are
// woken.
func NewCauses() *Causes {
	return &Causes{brought: map[lockstep.Unit]brought{}, asked: map[lockstep.Unit]Cause{}}
}

// Brought records that by is the fetch that found commit. A fetch that finds what
// the one before did brought nothing.
func (c *Causes) Brought(src lockstep.Unit, commit string, by Cause) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.brought[src].commit != commit {
		c.brought[src] = brought{commit: commit, by: by}
	}
}

// Of is the fetch that brought commit, if it is the newest of src.
func (c *Causes) Of(src lockstep.Unit, commit string) Cause {
	if c == nil {
		return Cause{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.brought[src]; b.commit == commit {
		return b.by
	}
	return Cause{}
}

// Asked records that by asks for src to be fetched. Of several who ask before it
// happens the last one is remembered.
func (c *Causes) Asked(src lockstep.Unit, by Cause) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[src] = by
}

// Take returns who asked for src last, once.
func (c *Causes) Take(src lockstep.Unit) Cause {
	if c == nil {
		return Cause{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	by := c.asked[src]
	delete(c.asked, src)
	return by
}

// Forget drops what is remembered of a Source that was deleted.
func (c *Causes) Forget(src lockstep.Unit) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.brought, src)
	delete(c.asked, src)
}
