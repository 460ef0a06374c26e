package signin

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// How often an address may try: as fast as a person with a bad memory, and a burst
// for an office behind one address.
const (
	tryEvery = 2 * time.Second
	tryBurst = 60
	// maxKnown bounds what is remembered of addresses.
	maxKnown = 10_000
)

// limits is how often each address tried.
type limits struct {
	mu    sync.Mutex
	known map[string]*rate.Limiter
}

// try counts an attempt and refuses one too many.
func (l *limits) try(address string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim := l.known[address]
	if lim == nil {
		if l.known == nil || len(l.known) >= maxKnown {
			// Whoever has this many addresses is not held up by a memory of them.
			l.known = map[string]*rate.Limiter{}
		}
		lim = rate.NewLimiter(rate.Every(tryEvery), tryBurst)
		l.known[address] = lim
	}
	if lim.AllowN(now, 1) {
		return nil
	}
	return fault.TooMany("too many attempts to sign in from %s", address).WithHint("try again in a few seconds")
}
