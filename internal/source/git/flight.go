package git

import (
	"context"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/observe"
)

// flights makes callers who want the same thing at the same time share one
// answer.
//
// A call that has begun to ask the remote is not joined: what its server said
// may be older than the push that the caller has just heard of. Such a caller
// shares the next flight with all others who came meanwhile, so a storm of
// callers costs two fetches and everyone's answer is fresh.
type flights struct {
	life    context.Context // ends every flight
	mu      sync.Mutex
	waiting map[string]*flight // not yet asking
}

type flight struct {
	done   chan struct{}
	cancel context.CancelFunc
	users  int
	value  fetched
	err    error
}

// do runs f, or joins a flight that will. turn is waited for before f starts;
// until then others may join. f ends when nobody waits for it any more.
func (fs *flights) do(ctx context.Context, key string, timeout time.Duration, turn func(context.Context) error, f func(context.Context) (fetched, error)) (fetched, error) {
	if err := ctx.Err(); err != nil {
		return fetched{}, err
	}
	fs.mu.Lock()
	if fs.waiting == nil {
		fs.waiting = map[string]*flight{}
	}
	fl := fs.waiting[key]
	if fl == nil {
		// Detached: the caller who happens to come first must not take the others
		// down with it.
		own, cancel := context.WithTimeout(observe.Lasting(fs.life, ctx), timeout)
		fl = &flight{done: make(chan struct{}), cancel: cancel}
		fs.waiting[key] = fl
		go fs.fly(own, key, fl, turn, f)
	}
	fl.users++
	fs.mu.Unlock()

	select {
	case <-fl.done:
		return fl.value, fl.err
	case <-ctx.Done():
		fs.mu.Lock()
		defer fs.mu.Unlock()
		if fl.users--; fl.users == 0 {
			fl.cancel()
			fs.board(key, fl)
		}
		return fetched{}, ctx.Err()
	}
}

func (fs *flights) fly(ctx context.Context, key string, fl *flight, turn func(context.Context) error, f func(context.Context) (fetched, error)) {
	defer fl.cancel()
	defer close(fl.done)
	err := turn(ctx)
	fs.mu.Lock()
	fs.board(key, fl)
	fs.mu.Unlock()
	if err != nil {
		fl.err = err
		return
	}
	fl.value, fl.err = f(ctx)
}

// board closes the doors: nobody joins fl from now on.
func (fs *flights) board(key string, fl *flight) {
	if fs.waiting[key] == fl {
		delete(fs.waiting, key)
	}
}
