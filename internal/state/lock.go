package state

import (
	"context"
	"errors"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Held is the cause of an error that somebody else has the lock.
type Held struct{ Lock Lock }

// Error says who.
func (h *Held) Error() string { return h.Lock.Holder() + " has the lock" }

func held(k Key, l Lock) error {
	return fault.Conflict("the state is locked by %s since %s", l.Holder(), l.Since.UTC().Format(time.RFC3339)).At("stack %s", k).Because(&Held{l}).
		WithHint("it is let go when that ends; if nobody has it any more: lockstep unlock %s --id %s", k.Unit, short(l.ID))
}

// maxText bounds each text of a lock that a tool sends.
const maxText = 1 << 10

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}

// Lock takes the lock of a state. A lock whose run is over is taken over; any other is
// an error that has a [Held]. The same lock once more is no error.
func (s *States) Lock(ctx context.Context, k Key, l Lock) error {
	if l.ID == "" || len(l.ID) > 200 {
		return fault.Usage("a lock needs an ID").At("stack %s", k)
	}
	l.Operation, l.Info, l.Who, l.Version, l.Path = clip(l.Operation), clip(l.Info), clip(l.Who), clip(l.Version), clip(l.Path)
	l.Since = s.o.Now().UTC().Truncate(time.Second)
	for range tries {
		h, m, err := s.head(ctx, k)
		if err != nil {
			return err
		}
		was := h.Lock
		if was != nil && was.ID == l.ID && was.Run == l.Run && was.Person == l.Person {
			return nil // its answer was lost
		}
		if was != nil && !s.Over(*was) {
			s.meters.conflicts.Inc()
			return held(k, *was)
		}
		h.Lock = &l
		_, err = s.o.Vault.Put(ctx, k, h, m)
		if errors.Is(err, ErrMoved) {
			continue
		}
		if err != nil {
			return err
		}
		if was != nil {
			s.released(k, *was, Actor{Run: l.Run, Person: l.Person})
		}
		s.meters.saw(k, true)
		return nil
	}
	return busy(k)
}

// Over says whether a lock is nobody's any more: that of a run that has ended. What a
// person has taken only a person takes off.
func (s *States) Over(l Lock) bool { return l.Run != "" && !s.o.Live(l.Run) }

func (s *States) released(k Key, l Lock, by Actor) {
	s.meters.released.Inc()
	s.o.Log.Warn("a lock was released whose run is over", "stack", k.String(), "run", l.Run, "operation", l.Operation, "since", l.Since, "by", by.name())
	s.o.Tell(Happening{Kind: Released, Key: k, Run: l.Run, Lock: l, By: by.name()})
}

// holds refuses who does not have the lock.
func holds(h Head, id string, by Actor) error {
	k := h.Key()
	l := h.Lock
	switch {
	case l == nil && id == "":
		return fault.Conflict("the state is not locked, and nobody writes it without its lock").At("stack %s", k).
			WithHint("leave locking on: no -lock=false")
	case l == nil:
		return fault.Conflict("the lock %q is not held any more", short(id)).At("stack %s", k).
			WithHint("somebody has taken it off; what was not written is in errored.tfstate")
	case l.ID != id || l.Run != by.Run || l.Run == "" && l.Person != by.Person:
		return held(k, *l)
	}
	return nil
}

// Has says whether the lock of a state is that of a run, under this ID where it is
// not "".
func (s *States) Has(ctx context.Context, k Key, run, id string) (bool, error) {
	h, err := s.Head(ctx, k)
	if err != nil {
		return false, err
	}
	return h.Lock != nil && h.Lock.Run == run && run != "" && (id == "" || h.Lock.ID == id), nil
}

// Unlock takes off the lock that somebody has. Once more is no error.
func (s *States) Unlock(ctx context.Context, k Key, id string, by Actor) error {
	return s.unlock(ctx, k, func(h Head) (stop bool, err error) {
		if h.Lock == nil && h.Unlocked == id && id != "" {
			return true, nil
		}
		return false, holds(h, id, by)
	})
}

// Break takes a lock off for a person who says that nobody has it any more. id is the
// lock that they looked at: another one is left alone.
func (s *States) Break(ctx context.Context, k Key, id string) (Lock, error) {
	var was Lock
	err := s.unlock(ctx, k, func(h Head) (stop bool, err error) {
		switch {
		case h.Lock == nil:
			return true, fault.NotFound("the state is not locked").At("stack %s", k)
		case h.Lock.ID != id:
			return true, held(k, *h.Lock)
		}
		was = *h.Lock
		return false, nil
	})
	return was, err
}

// Release takes off the lock of a run that is over, if it has it; for who knows that.
// It says whether there was one.
func (s *States) Release(ctx context.Context, k Key, run string, by Actor) (released bool, err error) {
	if run == "" {
		return false, nil
	}
	var was Lock
	err = s.unlock(ctx, k, func(h Head) (stop bool, err error) {
		if h.Lock == nil || h.Lock.Run != run {
			return true, nil
		}
		was, released = *h.Lock, true
		return false, nil
	})
	if err != nil || !released {
		return false, err
	}
	s.released(k, was, by)
	return true, nil
}

// unlock takes the lock off unless may says to stop.
func (s *States) unlock(ctx context.Context, k Key, may func(Head) (stop bool, err error)) error {
	for range tries {
		h, m, err := s.head(ctx, k)
		if err != nil {
			return err
		}
		if stop, err := may(h); stop || err != nil {
			return err
		}
		h.Unlocked, h.Lock = h.Lock.ID, nil
		_, err = s.o.Vault.Put(ctx, k, h, m)
		if errors.Is(err, ErrMoved) {
			continue
		}
		if err == nil {
			s.meters.saw(k, false)
		}
		return err
	}
	return busy(k)
}
