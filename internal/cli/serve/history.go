package serve

import (
	"os"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// storeVariable says where the history is kept, where no flag does.
const storeVariable = "LOCKSTEP_STORE"

// history finds out where the history is kept: the flag wins, then the file, then
// the environment.
func (o *options) history(getenv func(string) string) error {
	if o.Store != "" && o.StoreFile != "" {
		return fault.Usage("both --store and --store-file are given").WithHint("give one of them")
	}
	if o.StoreFile != "" {
		text, err := os.ReadFile(o.StoreFile)
		if err != nil {
			return fault.Usage("--store-file %q cannot be read", o.StoreFile).Because(err)
		}
		if o.Store = strings.TrimSpace(string(text)); o.Store == "" {
			return fault.Usage("--store-file %q is empty", o.StoreFile)
		}
		return nil
	}
	if o.Store == "" {
		o.Store = getenv(storeVariable)
	}
	return nil
}
