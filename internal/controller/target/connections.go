package target

import (
	"context"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Connections holds one driver per Target. It is safe for concurrent use.
type Connections struct {
	local driver.Driver
	here  *Pulse // of local; may be nil

	mu  sync.Mutex
	all map[lockstep.TargetRef]connection
}

type connection struct {
	driver  driver.Driver // nil: err says why
	err     error
	line    *line  // of the driver
	pulse   *Pulse // outlives the driver: when the API answered last is of use when it does not any more
	version string // fingerprint of the spec and credentials it was made from
}

// NewConnections starts with the cluster that holds the Stacks, whose requests go
// through here; nil where nobody wants to know.
func NewConnections(local driver.Driver, here *Pulse) *Connections {
	return &Connections{local: local, here: here, all: map[lockstep.TargetRef]connection{}}
}

// Driver returns the driver of ref. A Target that was not looked at yet is
// KindWaiting; one that cannot work is its fault.
func (c *Connections) Driver(_ context.Context, ref lockstep.TargetRef) (driver.Driver, error) {
	if ref.IsLocal() {
		return c.local, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, ok := c.all[ref]
	switch {
	case !ok:
		return nil, fault.NotFound("target %q does not exist", ref).
			WithHint("create it, or correct spec.target.name")
	case conn.driver == nil:
		inner := fault.As(conn.err)
		return nil, fault.New(inner.Kind, "target %q is not ready: %s", ref, inner.What).
			WithHint("%s", inner.Hint).Because(conn.err)
	case conn.line != nil && conn.line.doubted():
		// Nobody waits for it, and nobody's status says so: the probe wakes them.
		return nil, fault.Waiting("target %q is being asked whether it still answers", ref)
	}
	return conn.driver, nil
}

// pulse returns the Pulse of ref, the one there is.
func (c *Connections) pulse(ref lockstep.TargetRef) *Pulse {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.all[ref].pulse; p != nil {
		return p
	}
	return &Pulse{}
}

// same says whether ref is connected with this fingerprint.
func (c *Connections) same(ref lockstep.TargetRef, version string) (connection, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.all[ref]
	return conn, conn.driver != nil && conn.version == version
}

// failed records that ref cannot be connected, and says whether that is news.
func (c *Connections) failed(ref lockstep.TargetRef, err error) (news bool) {
	c.mu.Lock()
	old, known := c.all[ref]
	c.mu.Unlock()
	c.put(ref, connection{err: err, pulse: old.pulse})
	return !known || old.err == nil || old.err.Error() != err.Error()
}

// put replaces what is known of ref and closes what it replaces.
func (c *Connections) put(ref lockstep.TargetRef, next connection) {
	c.mu.Lock()
	old := c.all[ref]
	c.all[ref] = next
	c.mu.Unlock()
	if old.driver != nil && old.driver != next.driver {
		old.close()
	}
}

func (c *Connections) remove(ref lockstep.TargetRef) {
	c.mu.Lock()
	old := c.all[ref]
	delete(c.all, ref)
	c.mu.Unlock()
	if old.driver != nil {
		old.close()
	}
}

func (c connection) close() {
	if c.line != nil {
		c.line.close()
	}
	c.driver.Close()
}

// Close ends every connection.
func (c *Connections) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		if conn.driver != nil {
			conn.close()
		}
	}
	c.local.Close()
}
