package signin

import (
	"context"
	"net/http"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// Names of cookies. Over https they are prefixed, so that no page of a neighbouring
// host can set one.
const (
	sessionCookie = "lockstep-session"
	wayCookie     = "lockstep-way-"
	hostPrefix    = "__Host-"
)

// rotateGrace is how long the secret before is still taken: requests that were on
// their way, and pages that load in parallel.
const rotateGrace = time.Minute

// found is somebody who proved who they are, just now.
type found struct {
	Person                 lockstep.Person
	Provider, Subject, Sid string
	Grant                  *granted // nil where nobody can be asked again
}

// open begins a session in the browser that asks. Its secret is new whatever the
// browser brought: one that somebody planted there is worth nothing.
func (s *Service) open(w http.ResponseWriter, r *http.Request, from origin, f found) error {
	login, err := s.login(r.Context(), f)
	if err != nil {
		return err
	}
	if old, _, ok := s.sessionIn(r); ok {
		_, _ = s.Keep.EndSession(r.Context(), old.ID) // it is left alone otherwise, and expires
	}
	secret, now := opaque(), s.Now()
	session := credentials.Session{
		ID: newID(), Login: login.ID, Kind: credentials.Browser, Client: from.Agent, Address: from.Address,
		Hash: hashOf(secret), Created: now, Rotated: now, Seen: now,
	}
	if err := s.Keep.AddSession(r.Context(), session); err != nil {
		return unkept(err)
	}
	s.setCookie(w, r, sessionCookie, secret, login.Expires.Sub(now))
	return nil
}

// login keeps the proof that sessions are begun with.
func (s *Service) login(ctx context.Context, f found) (credentials.Login, error) {
	set, err := s.current()
	if err != nil {
		return credentials.Login{}, err
	}
	now := s.Now()
	l := credentials.Login{
		ID: newID(), Provider: f.Provider, Subject: f.Subject, Sid: f.Sid, Person: f.Person,
		Created: now, Checked: now, Expires: now.Add(set.Sessions.Unchecked.Duration),
	}
	if f.Grant != nil {
		// As long as the longest of the sessions that may live on it.
		l.Expires = now.Add(max(set.Sessions.Absolute.Duration, set.Sessions.CLI.Duration))
		if l.Sealed, err = s.seal.seal(grantPurpose, f.Grant); err != nil {
			return l, err
		}
	}
	if err := s.vouch(ctx, set, l.Provider, l.Person); err != nil {
		return l, unkept(err)
	}
	return l, unkept(s.Keep.AddLogin(ctx, l))
}

// unkept words that what must be kept cannot be.
func unkept(err error) error {
	if err == nil {
		return nil
	}
	return fault.Unavailable("sessions cannot be kept just now").Because(err).WithHint("is the store up? lockstep doctor")
}

// sessionIn returns the session of a request's cookie.
func (s *Service) sessionIn(r *http.Request) (credentials.Session, credentials.Login, bool) {
	cookie, err := r.Cookie(s.cookieName(r, sessionCookie))
	if err != nil || len(cookie.Value) > 100 {
		return credentials.Session{}, credentials.Login{}, false
	}
	session, login, err := s.lookSession(r.Context(), hashOf(cookie.Value))
	return session, login, err == nil
}

// lookSession finds a session that still lives.
func (s *Service) lookSession(ctx context.Context, hash string) (credentials.Session, credentials.Login, error) {
	now := s.Now()
	session, login, err := s.cache.session(hash, now, func() (credentials.Session, credentials.Login, error) {
		return s.Keep.SessionOf(ctx, hash, now)
	})
	if err != nil {
		return session, login, err
	}
	set, err := s.current()
	if err != nil {
		return session, login, err
	}
	idle, absolute := set.Sessions.Idle.Duration, set.Sessions.Absolute.Duration
	if session.Kind == credentials.CLI {
		idle, absolute = set.Sessions.CLIIdle.Duration, set.Sessions.CLI.Duration
	}
	if s.seen.last(session.ID, session.Seen).Add(idle).Before(now) || session.Created.Add(absolute).Before(now) || login.Expires.Before(now) {
		return session, login, fault.NotFound("the session has expired")
	}
	return session, login, nil
}

// rotate gives a browser a new secret when it is time. It does so on the answer to
// any request; of several at once, one does.
func (s *Service) rotate(w http.ResponseWriter, r *http.Request, session credentials.Session, login credentials.Login) {
	set, err := s.current()
	if err != nil || s.Now().Sub(session.Rotated) < set.Sessions.Rotate.Duration {
		return
	}
	cookie, err := r.Cookie(s.cookieName(r, sessionCookie))
	if err != nil || hashOf(cookie.Value) != session.Hash {
		return // it already has the one before: the new one is on its way
	}
	secret, now := opaque(), s.Now()
	changed, err := s.Keep.Rotate(r.Context(), session.ID, session.Hash, hashOf(secret), now, now.Add(rotateGrace))
	s.cache.forgetSession(session.Hash)
	if err != nil || !changed {
		return
	}
	s.setCookie(w, r, sessionCookie, secret, login.Expires.Sub(now))
}

func (s *Service) cookieName(r *http.Request, name string) string {
	if s.Front.secure(r) {
		return hostPrefix + name
	}
	return name
}

func (s *Service) setCookie(w http.ResponseWriter, r *http.Request, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(r, name), Value: value, Path: "/", MaxAge: int(age.Seconds()),
		Secure: s.Front.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (s *Service) dropCookie(w http.ResponseWriter, r *http.Request, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(r, name), Path: "/", MaxAge: -1,
		Secure: s.Front.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// once keeps something that may be used one time; false when it is there already.
func (s *Service) once(ctx context.Context, kind, secret string, payload []byte, until time.Time) (bool, error) {
	first, err := s.Keep.Put(ctx, credentials.Once{Key: kind + ":" + hashOf(secret), Payload: payload, Expires: until})
	return first, unkept(err)
}

// take returns what was kept, to one caller.
func (s *Service) take(ctx context.Context, kind, secret string) ([]byte, bool, error) {
	o, ok, err := s.Keep.Take(ctx, kind+":"+hashOf(secret), s.Now())
	return o.Payload, ok, unkept(err)
}
