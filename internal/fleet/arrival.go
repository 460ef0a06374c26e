package fleet

import (
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// arrivals is how many commits of a Source are remembered with the time at which
// they came: a pass may still render one when the next is there.
const arrivals = 8

// arrival is a commit and when this process brought it.
type arrival struct {
	commit string
	at     time.Time
}

// Arrived notes that a fetch of src has just brought commit. known is the newest that
// was on record before. What a process finds on its first look may have been there for
// long, if it is on record already; then nobody knows when it came, and nothing is noted.
func (f *Fleet) Arrived(src lockstep.Unit, commit, known string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.origin(src)
	if o.snapshot != nil {
		known = o.snapshot.Revision().Commit
	}
	if commit == known || o.came(commit) >= 0 {
		return
	}
	if o.arrived = append(o.arrived, arrival{commit, at}); len(o.arrived) > arrivals {
		o.arrived = slices.Delete(o.arrived, 0, 1)
	}
}

// Fetched is when commit of src was brought here; zero where that is not known.
func (f *Fleet) Fetched(src lockstep.Unit, commit string) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.sources[src]
	if o == nil {
		return time.Time{}
	}
	if i := o.came(commit); i >= 0 {
		return o.arrived[i].at
	}
	return time.Time{}
}

func (o *origin) came(commit string) int {
	return slices.IndexFunc(o.arrived, func(a arrival) bool { return a.commit == commit })
}
