package statehttp

import (
	"context"
	"net/http"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// People says what people may do with states, and keeps what they did.
type People interface {
	// Who proves who sends a request that has the token as a bearer: it puts the
	// person into the context, or answers itself.
	Who(next http.Handler) http.Handler
	// Person returns who that is.
	Person(ctx context.Context) (lockstep.Person, bool)
	// MayRead and MayWrite ask the access rules.
	MayRead(ctx context.Context, p lockstep.Person, u lockstep.Unit) error
	MayWrite(ctx context.Context, p lockstep.Person, u lockstep.Unit) error
	// Record keeps what somebody did, or was refused.
	Record(r *http.Request, p lockstep.Person, u lockstep.Unit, verb, reason string, err error)
}

// ForPeople is the handler for people and CI jobs: a token of Lockstep as the
// password of basic authentication, as the tools send it, or as a bearer.
func (s *Server) ForPeople() http.Handler {
	routes := s.routes(func(r *http.Request, _ state.Key) (caller, error) {
		p, ok := s.people.Person(r.Context())
		if !ok {
			return nil, fault.Unauthenticated("nobody is signed in").
				WithHint("send a token as the password: TF_HTTP_USERNAME=token TF_HTTP_PASSWORD=…")
		}
		return &personCaller{s.people, p}, nil
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.people == nil {
			s.refuse(w, fault.Denied("states are not told to people here"))
			return
		}
		if _, token, ok := r.BasicAuth(); ok {
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+token)
		}
		// A cookie is no credential here: a page of another site must not get at it,
		// nor a browser show a state.
		if scheme, _, ok := strings.Cut(r.Header.Get("Authorization"), " "); !ok || !strings.EqualFold(scheme, "bearer") {
			s.refuse(w, fault.Unauthenticated("nobody is signed in").
				WithHint("send a token as the password: TF_HTTP_USERNAME=token TF_HTTP_PASSWORD=…"))
			return
		}
		s.people.Who(routes).ServeHTTP(w, r)
	})
}

type personCaller struct {
	people People
	p      lockstep.Person
}

func (c *personCaller) actor() state.Actor { return state.Actor{Person: c.p.Name} }

func (c *personCaller) trusted() bool { return true }

func (c *personCaller) may(ctx context.Context, k state.Key, w what, _ string) error {
	if w == doRead {
		return c.people.MayRead(ctx, c.p, k.Unit)
	}
	return c.people.MayWrite(ctx, c.p, k.Unit)
}

func (c *personCaller) done(r *http.Request, k state.Key, w what, reason string, err error) {
	c.people.Record(r, c.p, k.Unit, string(w), reason, err)
}
