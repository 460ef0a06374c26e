package fault

import (
	"math"
	"net/http"
	"time"
)

// Kind is the class of a Fault.
type Kind uint8

// The kinds. What each leads to is in table below and nowhere else.
const (
	KindInternal Kind = iota
	KindInvalid
	KindNotFound
	KindDenied
	KindUnavailable
	KindConflict
	KindBlocked
	KindWaiting
	KindTimeout
	KindUsage
	KindUnauthenticated
	KindTooMany
	KindTooLarge
)

// KindNone is the kind of no error at all, and leads to nothing.
const KindNone Kind = math.MaxUint8

// Retry says when a controller tries again.
type Retry uint8

// The ways to try again.
const (
	Backoff Retry = iota // soon, then ever later
	OnEvent              // when something that could help has changed: a commit, a spec, a Secret, a dependency
)

// Consequence is what a Kind leads to.
type Consequence struct {
	Reason string // CamelCase, the reason of a condition or event
	Retry  Retry
	// First is the first delay of a Backoff.
	First  time.Duration
	Status int // HTTP
	Exit   int // CLI; the table in docs/guides/cli.md is checked against it
}

var table = [...]Consequence{
	KindInternal:    {Reason: "InternalError", Retry: Backoff, First: time.Second, Status: http.StatusInternalServerError, Exit: 1},
	KindInvalid:     {Reason: "Invalid", Retry: OnEvent, Status: http.StatusUnprocessableEntity, Exit: 1},
	KindNotFound:    {Reason: "NotFound", Retry: Backoff, First: 5 * time.Second, Status: http.StatusNotFound, Exit: 5},
	KindDenied:      {Reason: "Denied", Retry: Backoff, First: 5 * time.Second, Status: http.StatusForbidden, Exit: 4},
	KindUnavailable: {Reason: "Unavailable", Retry: Backoff, First: time.Second, Status: http.StatusServiceUnavailable, Exit: 1},
	KindConflict:    {Reason: "Conflict", Retry: Backoff, First: time.Second, Status: http.StatusConflict, Exit: 1},
	KindBlocked:     {Reason: "Blocked", Retry: OnEvent, Status: http.StatusConflict, Exit: 6},
	KindWaiting:     {Reason: "Waiting", Retry: OnEvent, Status: http.StatusAccepted, Exit: 8},
	KindTimeout:     {Reason: "Timeout", Retry: Backoff, First: 5 * time.Second, Status: http.StatusGatewayTimeout, Exit: 3},
	KindUsage:       {Reason: "Usage", Retry: OnEvent, Status: http.StatusBadRequest, Exit: 64},
	// Not Denied: what helps is to sign in, not to be given a role.
	KindUnauthenticated: {Reason: "Unauthenticated", Retry: OnEvent, Status: http.StatusUnauthorized, Exit: 4},
	KindTooMany:         {Reason: "TooManyRequests", Retry: Backoff, First: time.Second, Status: http.StatusTooManyRequests, Exit: 1},
	KindTooLarge:        {Reason: "TooLarge", Retry: OnEvent, Status: http.StatusRequestEntityTooLarge, Exit: 1},
}

// Consequence returns what k leads to.
func (k Kind) Consequence() Consequence {
	switch {
	case int(k) < len(table):
		return table[k]
	case k == KindNone:
		return Consequence{Reason: "None", Retry: OnEvent, Status: http.StatusOK}
	}
	return table[KindInternal]
}

// String returns the reason.
func (k Kind) String() string { return k.Consequence().Reason }

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return k.String() }
