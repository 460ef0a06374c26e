package fleet

import (
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// News returns a channel that is closed when any Source has something new.
func (f *Fleet) News() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.news == nil {
		f.news = make(chan struct{})
	}
	return f.news
}

// announce is called with the lock.
func (f *Fleet) announce() {
	if f.news != nil {
		close(f.news)
		f.news = nil
	}
}

// Overtaken says whether a render of u that began at commit, and has read reads so
// far, would by now read something else. A commit that touches nothing of what was
// read overtakes nobody, however many of them there are.
func (f *Fleet) Overtaken(u lockstep.Unit, commit string, reads render.Reads) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.units[u]
	if x == nil || len(x.links.Sources) == 0 {
		return false
	}
	return !f.untouched(&unit{links: x.links, memo: &Memo{Commit: commit, Reads: reads}}, nil)
}
