package live

import (
	"context"
	"sync"
	"time"
)

// mostKept bounds how many answers of one sort are kept.
const mostKept = 64

// shelf keeps answers for a short time and has those who ask for the same at
// once wait for one.
type shelf[T any] struct {
	mu   sync.Mutex
	kept map[string]*kept[T]
}

type kept[T any] struct {
	done  chan struct{}
	until time.Time // zero while it is being made
	value T
	err   error
}

// get returns what is kept under key, or what make comes to. make goes on when
// the one who asked first goes away: others may wait for it.
func (s *shelf[T]) get(ctx context.Context, key string, fresh time.Duration, make func(context.Context) (T, error)) (T, error) {
	k := s.find(ctx, key, fresh, make)
	select {
	case <-k.done:
		return k.value, k.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// longest bounds one read.
const longest = 40 * time.Second

func (s *shelf[T]) find(ctx context.Context, key string, fresh time.Duration, make func(context.Context) (T, error)) *kept[T] {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.kept[key]; k != nil && (k.until.IsZero() || now.Before(k.until)) {
		return k
	}
	s.sweep(now)
	k := &kept[T]{done: done()}
	s.kept[key] = k
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		k.value, k.err = make(ctx)
		s.mu.Lock()
		k.until = time.Now().Add(fresh)
		if k.err != nil {
			k.until = time.Now().Add(fresh / 4) // soon right again, but no stampede
		}
		s.mu.Unlock()
		close(k.done)
	}()
	return k
}

func done() chan struct{} { return make(chan struct{}) }

// sweep drops what is old, and, if that is not enough, anything that is made.
func (s *shelf[T]) sweep(now time.Time) {
	if s.kept == nil {
		s.kept = map[string]*kept[T]{}
	}
	for key, k := range s.kept {
		if !k.until.IsZero() && (now.After(k.until) || len(s.kept) >= mostKept) {
			delete(s.kept, key)
		}
	}
}

// forget drops what is kept under key.
func (s *shelf[T]) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.kept[key]; k != nil && !k.until.IsZero() {
		delete(s.kept, key)
	}
}
