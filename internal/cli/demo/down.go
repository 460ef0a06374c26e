package demo

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// downTime is how long a running demo may take to stop.
const downTime = 45 * time.Second

// down stops the demo of a directory and deletes it. A directory without our
// mark is left alone.
func down(ctx context.Context, o *options) error {
	p, err := newPlace(o.Dir)
	if err != nil {
		return err
	}
	st, err := p.load()
	if err != nil {
		return err
	}
	unlock, err := p.lock()
	if errors.Is(err, fault.KindConflict) {
		unlock, err = o.stopRunning(ctx, p, st)
	}
	if err != nil {
		return err
	}
	defer unlock()
	s := &session{options: o, place: p, state: st}
	if program, err := s.devcluster(); err == nil {
		s.awaitOldCluster(ctx, program)
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return fault.Invalid("directory %q cannot be deleted", p.shown).Because(err).WithHint("is a shell or an editor in it?")
	}
	o.IO.Printf("Deleted %s.\n", p.shown)
	return nil
}

func (o *options) stopRunning(ctx context.Context, p place, st state) (unlock func(), err error) {
	if st.PID == 0 {
		return nil, fault.Conflict("the demo in %s is just starting", p.shown).WithHint("wait a moment and try again")
	}
	o.IO.Notef("stopping the demo, pid %d …", st.PID)
	process, err := os.FindProcess(st.PID)
	if err == nil {
		err = process.Signal(syscall.SIGTERM)
	}
	if err != nil {
		return nil, fault.Conflict("the demo in %s cannot be stopped", p.shown).Because(err).WithHint("end process %d by hand", st.PID)
	}
	for end := time.Now().Add(downTime); time.Now().Before(end); {
		if unlock, err := p.lock(); !errors.Is(err, fault.KindConflict) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil, fault.Timeout("the demo in %s did not stop within %s", p.shown, downTime).WithHint("end process %d by hand", st.PID)
}
