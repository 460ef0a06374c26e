//go:build !unix

package member

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked")

// lockFile cannot lock here: two servers on one data directory find out by their
// Leases, of which the second takes the first's over.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
