package journal

import (
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Waiting returns what waits to be written about one release of a Stack, oldest
// first: whoever asks about a release at the moment at which it ends is not told half
// of it.
func (j *Journal) Waiting(u lockstep.Unit, uid string, number int64) (out []store.Release) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.queue {
		if x := r.Release; x != nil && x.Unit == u && x.UID == uid && x.Number == number {
			out = append(out, *x)
		}
	}
	return out
}
