package server

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// digestKey returns the key that makes digests of Secrets useless to whoever
// reads them without it, and makes it on first use. Losing it costs one apply of
// each Secret.
func digestKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == 32 {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Invalid("the digest key %q cannot be read", path).Because(err)
	}
	key = make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fault.Internal(err)
	}
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fault.Invalid("the digest key %q cannot be written", path).Because(err)
	}
	return key, nil
}
