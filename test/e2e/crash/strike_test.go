package crash

import (
	"net/http"
	"sync"

	"github.com/lockstep-dev/lockstep/test/faulty"
)

// moment is when, around a request, the power goes.
type moment string

const (
	// beforeIt: the API never hears of the request.
	beforeIt moment = "before"
	// afterIt: the API has done what was asked, and nobody hears of it.
	afterIt moment = "after"
)

// strike kills at one request that changes something.
type strike struct {
	kill func()

	mu    sync.Mutex
	when  moment
	left  int    // requests until the kill; 0: none is planned
	fatal string // the request that it came to
}

// arm plans a kill at the k-th request from now on.
func (s *strike) arm(when moment, k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.when, s.left, s.fatal = when, k, ""
}

// disarm ends the plan and returns the request that it came to, "" for none.
func (s *strike) disarm() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = 0
	return s.fatal
}

// decide counts r and strikes if it is the one.
func (s *strike) decide(r *http.Request) faulty.Act {
	if !faulty.Changes(r) {
		return faulty.Act{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		return faulty.Act{}
	}
	if s.left--; s.left > 0 {
		return faulty.Act{}
	}
	s.fatal = r.Method + " " + r.URL.Path
	if s.when == beforeIt {
		return faulty.Act{Before: s.kill, LoseRequest: true}
	}
	return faulty.Act{After: s.kill, LoseAnswer: true}
}
