package signin

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// proof is what a request proved itself with, for those operations that are about
// it; at most one is set.
type proof struct {
	session *credentials.Session
	login   *credentials.Login
	token   *credentials.Token
	origin  origin
	request *http.Request
	writer  http.ResponseWriter
}

type proofKey struct{}

func proofOf(ctx context.Context) proof {
	p, _ := ctx.Value(proofKey{}).(proof)
	return p
}

// Wrap puts who asks into the context of each request. One that proves nothing goes
// on as nobody's: what it asks for decides whether that is enough. One that brings a
// token that does not hold is refused, or a CI job would be told that it may not,
// when what it has is an expired token.
func (s *Service) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by := proof{origin: s.origin(r), request: r, writer: w}
		var person lockstep.Person
		secret, bearer := bearerIn(r)
		var err error
		if bearer {
			person, err = s.bearer(r.Context(), secret, &by)
		} else {
			person, err = s.cookie(w, r, &by)
		}
		if err != nil {
			Problem(w, err)
			return
		}
		ctx := context.WithValue(r.Context(), proofKey{}, by)
		if person.Name != "" {
			ctx = access.With(ctx, person)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bearerIn returns the token of a request. Only a header has one: addresses end up
// in logs and histories.
func bearerIn(r *http.Request) (string, bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return "", false
	}
	return strings.TrimSpace(secret), true
}

func (s *Service) bearer(ctx context.Context, secret string, by *proof) (lockstep.Person, error) {
	p, err := s.bearerPerson(ctx, secret, by)
	if err == nil {
		return p, nil
	}
	result := "refused"
	if limit := s.limits.try(by.origin.Address, s.Now()); limit != nil {
		err, result = limit, "limited"
	}
	s.meters.attempts.WithLabelValues("bearer", result).Inc()
	return p, err
}

func (s *Service) bearerPerson(ctx context.Context, secret string, by *proof) (lockstep.Person, error) {
	c, err := classOf(secret)
	if err != nil {
		return lockstep.Person{}, err
	}
	hash := hashOf(secret)
	if c == classSession {
		session, login, err := s.lookSession(ctx, hash)
		if err != nil {
			return lockstep.Person{}, gone(err, "the sign-in of this CLI has expired or was ended")
		}
		by.session, by.login = &session, &login
		s.seen.session(session.ID, s.Now())
		return login.Person, nil
	}
	now := s.Now()
	token, err := s.tokenOf(ctx, hash, now)
	if err != nil {
		return lockstep.Person{}, gone(err, "the token has expired or was revoked")
	}
	by.token = &token
	s.seen.token(token.ID, now)
	return token.Person, nil
}

// gone words that something is not there (any more), and lets through that the store
// does not answer.
func gone(err error, what string) error {
	if fault.KindOf(err) == fault.KindUnauthenticated {
		return err
	}
	if fault.KindOf(err) != fault.KindNotFound {
		return unkept(err)
	}
	return fault.Unauthenticated("%s", what).WithHint("lockstep login")
}

// cookie finds the session of a browser.
func (s *Service) cookie(w http.ResponseWriter, r *http.Request, by *proof) (lockstep.Person, error) {
	cookie, err := r.Cookie(s.cookieName(r, sessionCookie))
	if err != nil || cookie.Value == "" {
		return lockstep.Person{}, nil
	}
	if len(cookie.Value) > 100 {
		s.dropCookie(w, r, sessionCookie)
		return lockstep.Person{}, nil
	}
	session, login, err := s.lookSession(r.Context(), hashOf(cookie.Value))
	switch {
	case err != nil && fault.KindOf(err) == fault.KindNotFound:
		s.dropCookie(w, r, sessionCookie)
		return lockstep.Person{}, nil
	case err != nil:
		return lockstep.Person{}, unkept(err)
	case session.Kind != credentials.Browser:
		return lockstep.Person{}, nil // the secret of a CLI is no cookie
	}
	// The cookie is sent by whatever page makes the browser ask: a page of another
	// site must not change anything with it.
	if err := s.csrf.Check(r); err != nil {
		return lockstep.Person{}, fault.Denied("the request comes from a page of another site").Because(err)
	}
	by.session, by.login = &session, &login
	s.seen.session(session.ID, s.Now())
	s.rotate(w, r, session, login)
	return login.Person, nil
}

// Problem answers with an error as RFC 9457 has it.
func Problem(w http.ResponseWriter, err error) {
	f := fault.As(err)
	status := f.Kind.Consequence().Status
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the peer may be gone
		"type": "about:blank", "title": f.Kind.String(), "status": status, "detail": f.What, "hint": f.Hint,
	})
}
