package signin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Event is a line of the audit: somebody signed in or did not, signed out, made or
// ended a token. It never has a secret.
type Event struct {
	Kind EventKind
	// Person is who did it; where nobody is known, what they claimed to be is not.
	Person lockstep.Person
	// Method is how: a provider's name, "link", "token", "device", a trust's name.
	Method  string
	Outcome string // "Succeeded", or the kind of the fault
	Reason  string
	Address string
	Agent   string
	Token   *TokenEvent
	// Of is whose session was ended, when it is somebody else's.
	Of string
}

// TokenEvent is what an Event says about a token.
type TokenEvent struct {
	ID, Name string
	Scopes   []string
	Expires  time.Time
}

// EventKind is the kind of an Event.
type EventKind string

// The kinds of events.
const (
	EventLogin  EventKind = "login"
	EventLogout EventKind = "logout"
	EventToken  EventKind = "token"
)

const succeeded = "Succeeded"

// meters counts.
type meters struct {
	attempts *prometheus.CounterVec
	checks   *prometheus.CounterVec
	up       *prometheus.GaugeVec
}

func newMeters(reg prometheus.Registerer) *meters {
	m := &meters{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_signin_attempts_total",
			Help: "Attempts to sign in, by method (a provider, link, exchange, bearer, session) and result: succeeded, refused, limited or unavailable.",
		}, []string{"method", "result"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_signin_checks_total",
			Help: "Times that a provider was asked whether a login still holds, by result: same, changed, ended or unavailable.",
		}, []string{"provider", "result"}),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lockstep_signin_provider_up",
			Help: "1 when the provider answered the last time that it was asked, else 0.",
		}, []string{"provider"}),
	}
	if reg != nil {
		reg.MustRegister(m.attempts, m.checks, m.up)
	}
	return m
}
