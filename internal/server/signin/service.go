package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// Options says what a Service works with. Keep and Key are needed.
type Options struct {
	Keep credentials.Keeper
	// Key is what all replicas have in common, and nobody else.
	Key []byte
	// Config returns the configuration as it is now; nil for none.
	Config func() (Source, error)
	// Lenient starts without a configuration that cannot be used, and says so.
	Lenient bool
	Front   Front
	// Links are the one-time links of the local administrator; nil for none.
	Links Links
	// Record takes the lines of the audit, and never waits; nil for none.
	Record     func(context.Context, Event)
	Registerer prometheus.Registerer
	Log        *slog.Logger
	Now        func() time.Time
}

// Links gives out and takes back the links that sign in without a provider.
type Links interface {
	// Redeem says whether a secret is that of the link that is out, and ends it.
	Redeem(ctx context.Context, secret string) (bool, error)
}

// Service is how people and machines prove who they are.
type Service struct {
	Options
	seal    *sealer
	meters  *meters
	limits  limits
	cache   cache
	seen    seen
	csrf    *http.CrossOriginProtection
	started time.Time

	mu       sync.Mutex
	looked   time.Time // when the configuration was last looked at
	settings *settings
	broken   error // what is wrong with the newest configuration
}

// New returns a Service. Run has to be called beside it.
func New(o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Record == nil {
		o.Record = func(context.Context, Event) {}
	}
	if o.Config == nil {
		o.Config = func() (Source, error) { return Source{}, nil }
	}
	seal, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Service{Options: o, seal: seal, meters: newMeters(o.Registerer), csrf: http.NewCrossOriginProtection(), started: o.Now()}
	if o.Front.External != "" {
		if err := s.csrf.AddTrustedOrigin(o.Front.External); err != nil {
			return nil, fault.Invalid("--external-url is %q", o.Front.External).Because(err)
		}
	}
	// A configuration that goes wrong later leaves the one before in force.
	if _, err := s.current(); err != nil && !o.Lenient {
		return nil, err
	}
	return s, nil
}

// Untouched says whether nobody could sign in but by a link, and nobody ever has.
func (s *Service) Untouched(ctx context.Context) bool {
	set, err := s.current()
	if err != nil || len(set.providers) > 0 {
		return false
	}
	ever, err := s.Keep.AnyLogin(ctx)
	return err == nil && !ever
}

// lookEvery is how often the configuration is looked at, when somebody signs in.
const lookEvery = 5 * time.Second

// current returns what the configuration says now, or said before it went wrong.
func (s *Service) current() (*settings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if s.settings != nil && now.Sub(s.looked) < lookEvery {
		return s.settings, nil
	}
	s.looked = now
	next, err := s.load()
	if err == nil {
		s.settings, s.broken = next, nil
		return next, nil
	}
	if s.settings == nil && !s.Lenient {
		return nil, err
	}
	if s.settings == nil {
		if s.settings, _ = s.settings.with(Source{}); s.settings == nil {
			return nil, err
		}
	}
	if s.broken == nil || s.broken.Error() != err.Error() {
		s.Log.Error("the sign-in configuration is not used, the one before is", "error", err.Error())
	}
	s.broken = err
	return s.settings, nil
}

func (s *Service) load() (*settings, error) {
	src, err := s.Config()
	if err != nil {
		return nil, err
	}
	return s.settings.with(src)
}

// attempt counts and records how an attempt to sign in ended, and returns err.
func (s *Service) attempt(ctx context.Context, r origin, method string, p lockstep.Person, err error) error {
	result, outcome, reason := "succeeded", succeeded, ""
	if err != nil {
		f := fault.As(err)
		result, outcome, reason = "refused", f.Kind.String(), f.What
		switch f.Kind {
		case fault.KindTooMany:
			result = "limited"
		case fault.KindUnavailable, fault.KindTimeout:
			result = "unavailable"
		}
		s.Log.Info("sign-in refused", "method", method, "address", r.Address, "error", f.Error(), "cause", causeOf(f))
	}
	s.meters.attempts.WithLabelValues(method, result).Inc()
	if result != "limited" { // else whoever is limited would fill the record
		s.Record(ctx, Event{Kind: EventLogin, Person: p, Method: method, Outcome: outcome, Reason: reason, Address: r.Address, Agent: r.Agent})
	}
	return err
}

// causeOf returns the text of a cause for the log. Causes are of libraries that
// check tokens, and say what is wrong with one without repeating it.
func causeOf(f *fault.Fault) string {
	if cause := errors.Unwrap(f); cause != nil {
		return cause.Error()
	}
	return ""
}

// origin is where a request comes from.
type origin struct{ Address, Agent string }

func (s *Service) origin(r *http.Request) origin {
	agent := r.UserAgent()
	if len(agent) > 200 {
		agent = agent[:200]
	}
	return origin{Address: s.Front.Address(r), Agent: agent}
}

// Run sweeps what has expired, writes what was last used, and asks providers
// whether logins still hold, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	minute, check := time.NewTicker(time.Minute), time.NewTicker(checkTick)
	defer minute.Stop()
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			s.seen.write(end, s)
			cancel()
			return
		case <-minute.C:
			s.seen.write(ctx, s)
			s.sweep(ctx)
		case <-check.C:
			s.checkLogins(ctx)
		}
	}
}

func (s *Service) sweep(ctx context.Context) {
	now := s.Now()
	set, err := s.current()
	if err != nil {
		return
	}
	err = errors.Join(
		s.Keep.Sweep(ctx, now),
		s.Keep.EndIdle(ctx, credentials.Browser, now.Add(-set.Sessions.Idle.Duration)),
		s.Keep.EndIdle(ctx, credentials.CLI, now.Add(-set.Sessions.CLIIdle.Duration)),
	)
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("expired sessions are not swept; they are refused all the same", "error", err.Error())
	}
}
