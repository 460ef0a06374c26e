package kubernetes

import (
	"sync"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
)

// fieldSets remembers what field sets were read from their bytes: a fleet has
// few shapes, and a start asks about each object. The zero value is ready.
type fieldSets struct {
	mu    sync.Mutex
	known map[string]diff.FieldSet
}

// maxFieldSets bounds what is remembered, some kilobytes each.
const maxFieldSets = 128

// parse is [diff.ParseFieldSet].
func (f *fieldSets) parse(raw string) (diff.FieldSet, error) {
	f.mu.Lock()
	set, ok := f.known[raw]
	f.mu.Unlock()
	if ok {
		return set, nil
	}
	set, err := diff.ParseFieldSet([]byte(raw))
	if err != nil {
		return set, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known) >= maxFieldSets {
		f.known = make(map[string]diff.FieldSet, maxFieldSets)
	}
	f.known[raw] = set
	return set, nil
}
