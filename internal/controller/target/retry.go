package target

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// retries are the pauses of a replica that connects to a Target and does not
// report on it.
type retries struct {
	mu sync.Mutex
	of map[lockstep.TargetRef]int
}

// retryMax is the longest pause between two looks at a Target that is down.
const retryMax = 5 * time.Minute

// after returns the pause after a look that ended in err: none where nothing or
// only an event helps.
func (r *retries) after(ref lockstep.TargetRef, err error) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.of, ref)
		return 0
	}
	var f *fault.Fault
	if errors.As(err, &f) && f.Kind.Consequence().Retry != fault.Backoff {
		return 0
	}
	if r.of == nil {
		r.of = map[lockstep.TargetRef]int{}
	}
	d := min(time.Second<<min(r.of[ref], 16), retryMax)
	r.of[ref]++
	return d + rand.N(d/5)
}
