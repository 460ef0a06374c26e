//go:build unix

package demo

import (
	"errors"
	"os"
	"syscall"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// lock takes the directory for this process. The kernel lets go of it however
// the process ends.
func (p place) lock() (unlock func(), err error) {
	f, err := os.OpenFile(p.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Invalid("directory %q cannot be written to", p.shown).Because(err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, fault.Conflict("a demo is running in %s", p.shown)
	}
	if err != nil {
		_ = f.Close()
		return nil, fault.Internal(err)
	}
	return func() { _ = f.Close() }, nil
}
