package cluster

import (
	"fmt"
	"os"

	"github.com/lockstep-dev/lockstep/devcluster/internal/place"
)

// Wipe removes everything a stopped cluster stored. Files it did not write stay.
func Wipe(path string) error {
	dir, err := place.Open(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(string(dir)); os.IsNotExist(err) {
		return nil
	}
	if !dir.Exists() {
		return fmt.Errorf("%s holds no cluster; nothing was removed", dir)
	}
	lock, err := dir.Lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }()
	return dir.Wipe()
}
