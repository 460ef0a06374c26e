package statehttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// Options says what a Server works with. State.Vault and State.Key are needed.
type Options struct {
	// State is how states are kept. Its Live may be nil until [Server.Ask].
	State state.Options
	// Dir is where the port of the runs' listener is remembered, so that a server
	// that was started again is found where it was.
	Dir string
	// People says what people may do; nil lets nobody.
	People People
}

// Server serves states to runs and to people. It is safe for concurrent use.
type Server struct {
	states *state.States
	sign   signer
	tls    identity
	dir    string
	people People
	log    *slog.Logger
	now    func() time.Time

	bytes    *semaphore.Weighted
	failures *rate.Limiter

	mu      sync.Mutex
	live    func(run string) bool
	runs    map[string]*known
	address string
	open    func() error // listens, once
}

// known is what this process remembers of a run.
type known struct {
	over    time.Time // zero while it goes on
	trouble error
	seen    time.Time
}

const (
	// inMemory bounds the bytes of states that are in memory at once.
	inMemory = 512 << 20
	// remembered bounds how many runs are.
	remembered = 10_000
)

// New returns a Server. It asks nothing and does not listen: Run does.
func New(o Options) (*Server, error) {
	if o.State.Log == nil {
		o.State.Log = slog.New(slog.DiscardHandler)
	}
	if o.State.Now == nil {
		o.State.Now = time.Now
	}
	s := &Server{
		dir: o.Dir, people: o.People, log: o.State.Log, now: o.State.Now, live: o.State.Live, runs: map[string]*known{},
		bytes: semaphore.NewWeighted(inMemory), failures: rate.NewLimiter(5, 50),
	}
	var err error
	if s.sign, err = newSigner(o.State.Key); err != nil {
		return nil, err
	}
	if s.tls, err = identify(o.State.Key); err != nil {
		return nil, err
	}
	tell := o.State.Tell
	o.State.Live = s.alive
	o.State.Tell = func(h state.Happening) {
		s.heard(h)
		if tell != nil {
			tell(h)
		}
	}
	if s.states, err = state.New(o.State); err != nil {
		return nil, err
	}
	return s, nil
}

// States returns what is behind it.
func (s *Server) States() *state.States { return s.states }

// Ask has live asked whether a run may still be going, instead of taking it for that
// until it is revoked. It must say true from before a credential is minted, and while
// it does not know: a server that was started a moment ago.
func (s *Server) Ask(live func(run string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = live
}

// alive says whether a run may still be going.
func (s *Server) alive(run string) bool {
	s.mu.Lock()
	live := s.live
	k := s.runs[run]
	over := k != nil && !k.over.IsZero()
	s.mu.Unlock()
	if over {
		return false
	}
	return live == nil || live(run)
}

// Mint makes a credential for a run. The same grant may be minted again.
func (s *Server) Mint(g Grant) (driver.Backend, error) {
	if err := g.check(); err != nil {
		return driver.Backend{}, err
	}
	address, err := s.listening()
	if err != nil {
		return driver.Backend{}, err
	}
	s.mu.Lock()
	s.note(g.Run).over = time.Time{}
	s.mu.Unlock()
	k := g.key()
	user := g.user(s.now().Add(longestRun))
	b := driver.Backend{Address: "https://" + address + pathOf(k), User: user, Password: s.sign.password(user, k), CA: s.tls.ca}
	if g.Mode != Read {
		// Without them the tool does not lock.
		b.LockAddress, b.UnlockAddress = b.Address, b.Address
	}
	return b, nil
}

// Backend mints a credential for a run that writes the state of a unit's workspace, or
// only reads it.
func (s *Server) Backend(u lockstep.Unit, workspace, run string, writes bool) (driver.Backend, error) {
	g := Grant{Unit: u, Workspace: workspace, Run: run, Mode: Read}
	if writes {
		g.Mode = Apply
	}
	return s.Mint(g)
}

// Revoke ends the credentials of a run. It may still read, write and unlock a state
// that it has the lock of: what it has made is newer than what is kept.
func (s *Server) Revoke(run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(run).over = s.now()
}

// Release takes off the lock that a run has left behind. It is for who knows that no
// process of the run is there any more, and revokes its credentials as well.
func (s *Server) Release(ctx context.Context, u lockstep.Unit, workspace, run string) (released bool, err error) {
	s.Revoke(run)
	return s.states.Release(ctx, state.Of(u, workspace), run, state.Actor{})
}

// Trouble returns why the last write or lock of a run was refused, nil if none was:
// the tools print a number and no reason.
func (s *Server) Trouble(run string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.runs[run]; k != nil {
		return k.trouble
	}
	return nil
}

func (s *Server) heard(h state.Happening) {
	if h.Kind == state.Refused {
		s.troubled(h.Run, h.Err)
	}
}

func (s *Server) troubled(run string, err error) {
	if run == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(run).trouble = err
}

// note returns what is remembered of a run. The caller has the mutex.
func (s *Server) note(run string) *known {
	k := s.runs[run]
	if k == nil {
		if len(s.runs) >= remembered {
			s.forget()
		}
		k = &known{}
		s.runs[run] = k
	}
	k.seen = s.now()
	return k
}

// forget leaves out runs whose credentials have ended by themselves.
func (s *Server) forget() {
	old := s.now().Add(-longestRun - time.Hour)
	for run, k := range s.runs {
		if k.seen.Before(old) {
			delete(s.runs, run)
		}
	}
}

// ForRuns is the handler of the runs' own listener.
func (s *Server) ForRuns() http.Handler {
	return s.routes(func(r *http.Request, k state.Key) (caller, error) {
		user, password, ok := r.BasicAuth()
		if !ok {
			return nil, fault.Unauthenticated("the state is not told to nobody")
		}
		g, until, err := s.sign.read(user, password, k)
		if err != nil {
			if !s.failures.Allow() {
				return nil, fault.TooMany("too many credentials that do not hold")
			}
			s.log.Warn("a credential for a state does not hold", "stack", k.String(), "address", r.RemoteAddr)
			return nil, err
		}
		return &runCaller{s: s, grant: g, until: until}, nil
	})
}

// caller is who asks, and what they may.
type caller interface {
	actor() state.Actor
	// may refuses what is not allowed. id is the lock that is named.
	may(ctx context.Context, k state.Key, w what, id string) error
	// done has it recorded where that is wanted.
	done(r *http.Request, k state.Key, w what, reason string, err error)
	// trusted says whether force and older versions are for the caller to ask for.
	trusted() bool
}

// what somebody does with a state.
type what string

const (
	doRead   what = "state-pull"
	doWrite  what = "state-push"
	doLock   what = "state-lock"
	doUnlock what = "state-unlock"
	doDelete what = "state-delete"
)

type runCaller struct {
	s     *Server
	grant Grant
	until time.Time
}

func (c *runCaller) actor() state.Actor {
	return state.Actor{Run: c.grant.Run, Commit: c.grant.Commit}
}

func (c *runCaller) trusted() bool { return false }

func (c *runCaller) done(_ *http.Request, _ state.Key, w what, _ string, err error) {
	var h *state.Held
	if w == doWrite || w == doRead || err == nil || errors.As(err, &h) && w == doUnlock {
		return // heard of otherwise, or nothing
	}
	c.s.troubled(c.grant.Run, err)
}

func (c *runCaller) may(ctx context.Context, k state.Key, w what, id string) error {
	mode := c.grant.Mode
	if w == doDelete || w == doWrite && mode != Apply || w != doRead && mode == Read {
		return fault.Denied("a credential to %s may not be used for %s", mode, w).At("stack %s", k)
	}
	if c.s.now().Before(c.until) && c.s.alive(c.grant.Run) {
		return nil
	}
	over := fault.Denied("run %s is over", c.grant.Run).At("stack %s", k)
	if w == doLock {
		return over
	}
	// Who has the lock has made what is not written yet. Nobody else has written
	// since, nor can. The tools read before they write for the first time.
	has, err := c.s.states.Has(ctx, k, c.grant.Run, id)
	if err != nil {
		return err
	}
	if !has {
		return over
	}
	return nil
}
