// Package follow looks at one Stack until something is true of it.
//
// It reads first and watches from there, so what is true already is seen at
// once, and nothing that happens between the two is missed.
package follow

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Look is shown a Stack each time it changes, and nil once it is gone. It
// returns true when it has seen enough.
type Look func(s *v1alpha1.Stack) (enough bool, err error)

// pause between two watches, when the server ends one.
const pause = time.Second

// Stack shows u to look until look has seen enough or ctx ends.
func Stack(ctx context.Context, c api.Kinds, u lockstep.Unit, look Look) error {
	for {
		enough, err := once(ctx, c, u, look)
		if enough || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func once(ctx context.Context, c api.Kinds, u lockstep.Unit, look Look) (bool, error) {
	s, err := c.Stack(ctx, u)
	if errors.Is(err, fault.KindNotFound) {
		enough, lookErr := look(nil)
		if enough || lookErr != nil {
			return enough, lookErr
		}
		return false, err
	}
	if err != nil {
		return false, err
	}
	if enough, err := look(s); enough || err != nil {
		return enough, err
	}
	w, err := c.WatchStacks(ctx, u.Namespace, u.Name, s.ResourceVersion)
	if err != nil {
		return false, err
	}
	defer w.Stop()
	return events(ctx, w, look)
}

func events(ctx context.Context, w watch.Interface, look Look) (bool, error) {
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case e, open := <-w.ResultChan():
			if !open {
				return false, nil
			}
			enough, err := event(e, look)
			if enough || err != nil {
				return enough, err
			}
		}
	}
}

func event(e watch.Event, look Look) (bool, error) {
	s, ok := e.Object.(*v1alpha1.Stack)
	switch {
	case e.Type == watch.Deleted:
		return look(nil)
	case ok && (e.Type == watch.Added || e.Type == watch.Modified):
		return look(s)
	}
	// A bookmark, or an error: the next read starts afresh.
	return false, nil
}
