//go:build !unix

package demo

import (
	"errors"
	"os"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// lock takes the directory for this process by creating a file; after a crash it
// has to be removed by hand.
func (p place) lock() (unlock func(), err error) {
	name := p.path("lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fault.Conflict("a demo is running in %s", p.shown)
	}
	if err != nil {
		return nil, fault.Invalid("directory %q cannot be written to", p.shown).Because(err)
	}
	return func() { _ = f.Close(); _ = os.Remove(name) }, nil
}
