package signin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// Admins is the group of those who may do everything: whoever came by the local
// administrator's link, and whom a provider's groups are bound to by a Role.
const Admins = "lockstep:admins"

// Offer is a provider that a person may choose.
type Offer struct{ Name, Title string }

// Offers returns the providers, in the order of the configuration, and whether the
// link of the local administrator is taken.
func (s *Service) Offers() (offers []Offer, link bool) {
	set, err := s.current()
	if err != nil {
		return nil, s.Links != nil
	}
	for _, p := range set.Providers() {
		offers = append(offers, Offer{p.Name, p.Title})
	}
	return offers, s.Links != nil
}

// Providers returns them in the order of the configuration.
func (s *settings) Providers() []Provider { return s.Config.Providers }

// Own is a session as its person sees it.
type Own struct {
	credentials.Session
	// Present says that it is the one that asks.
	Present bool
}

// OwnSessions returns the sessions of who asks.
func (s *Service) OwnSessions(ctx context.Context) ([]Own, error) {
	p, err := whoAsks(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.Keep.Sessions(ctx, p.Name, s.Now())
	if err != nil {
		return nil, unkept(err)
	}
	by := proofOf(ctx)
	out := make([]Own, 0, len(list))
	for _, session := range list {
		session.Seen = s.seen.last(session.ID, session.Seen)
		session.Hash, session.Before = "", ""
		out = append(out, Own{session, by.session != nil && by.session.ID == session.ID})
	}
	return out, nil
}

// EndSession ends a session of who asks.
func (s *Service) EndSession(ctx context.Context, id string) error {
	p, err := whoAsks(ctx)
	if err != nil {
		return err
	}
	if err := interactive(ctx); err != nil {
		return err
	}
	own, err := s.OwnSessions(ctx)
	if err != nil {
		return err
	}
	// What is somebody else's is as if it were not there.
	if !slices.ContainsFunc(own, func(o Own) bool { return o.ID == id }) {
		return fault.NotFound("you have no session %q", cut(id))
	}
	if _, err := s.Keep.EndSession(ctx, id); err != nil {
		return unkept(err)
	}
	s.cache.forget()
	s.loggedOut(ctx, p, "")
	return nil
}

// EndAll ends every session and every token of a person: one's own, or anybody's for
// an administrator. It returns how many logins and tokens those were.
func (s *Service) EndAll(ctx context.Context, person string) (int, error) {
	p, err := whoAsks(ctx)
	if err != nil {
		return 0, err
	}
	if err := interactive(ctx); err != nil {
		return 0, err
	}
	if person == "" {
		person = p.Name
	}
	if person != p.Name && !slices.Contains(p.Groups, Admins) {
		return 0, fault.Denied("only %s may end the sessions of others", Admins)
	}
	n, err := s.Keep.EndLogins(ctx, credentials.Whose{Person: person})
	if err != nil {
		return 0, unkept(err)
	}
	tokens, err := s.Keep.EndTokens(ctx, person)
	s.cache.forget()
	s.loggedOut(ctx, p, person)
	return n + tokens, unkept(err)
}

func (s *Service) loggedOut(ctx context.Context, p lockstep.Person, of string) {
	by := proofOf(ctx).origin
	if of == p.Name {
		of = ""
	}
	s.Record(ctx, Event{Kind: EventLogout, Person: p, Outcome: succeeded, Address: by.Address, Agent: by.Agent, Of: of})
}

// interactive wants a person: a token must not make others, or end the sessions of
// those who could end it.
func interactive(ctx context.Context) error {
	if proofOf(ctx).session == nil {
		return fault.Denied("a token cannot do this").WithHint("sign in as a person: lockstep login")
	}
	return nil
}

// Logout ends the session that asks and returns where the provider wants to hear of
// it, "" where it does not.
func (s *Service) Logout(ctx context.Context) (next string, cookies []*http.Cookie, err error) {
	by := proofOf(ctx)
	p, err := whoAsks(ctx)
	if err != nil {
		return "", nil, err
	}
	if by.session == nil {
		return "", nil, interactive(ctx)
	}
	if _, err := s.Keep.EndSession(ctx, by.session.ID); err != nil {
		return "", nil, unkept(err)
	}
	s.cache.forget()
	s.loggedOut(ctx, p, "")
	if by.session.Kind != credentials.Browser || by.request == nil {
		return "", nil, nil
	}
	gone := &http.Cookie{
		Name: s.cookieName(by.request, sessionCookie), Path: "/", MaxAge: -1,
		Secure: s.Front.secure(by.request), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	return s.endSessionURL(ctx, by), []*http.Cookie{gone}, nil
}

// NewToken is a token that somebody wants.
type NewToken struct {
	Name   string
	Scopes []string
	For    time.Duration
	// Machine is the name that the token acts as; "" for the person who makes it.
	Machine string
	Groups  []string
}

// defaultFor is how long a token lives that nobody said anything about.
const defaultFor = 90 * 24 * time.Hour

// machinePrefix begins the names of machines, so that none is called as a person is.
const machinePrefix = "machine:"

// MakeToken makes one. Its secret is returned once and never again.
func (s *Service) MakeToken(ctx context.Context, want NewToken) (credentials.Token, string, error) {
	p, err := whoAsks(ctx)
	if err != nil {
		return credentials.Token{}, "", err
	}
	t, err := s.token(ctx, p, want)
	if err != nil {
		return t, "", err
	}
	secret := mint(classToken)
	t.Hash = hashOf(secret)
	if err := s.Keep.AddToken(ctx, t); err != nil {
		return t, "", unkept(err)
	}
	s.recordToken(ctx, p, t, "create")
	t.Hash = ""
	return t, secret, nil
}

func (s *Service) token(ctx context.Context, p lockstep.Person, want NewToken) (credentials.Token, error) {
	if err := interactive(ctx); err != nil {
		return credentials.Token{}, err
	}
	set, err := s.current()
	if err != nil {
		return credentials.Token{}, err
	}
	if want.For == 0 {
		want.For = min(defaultFor, set.Tokens.Longest.Duration)
	}
	switch name := strings.TrimSpace(want.Name); {
	case name == "" || name != printable(name):
		return credentials.Token{}, fault.Invalid("a token needs a name of one line and at most 80 characters").WithHint("what it is for: --name deploy-bot")
	case want.For < time.Minute || want.For > set.Tokens.Longest.Duration:
		return credentials.Token{}, fault.Invalid("a token lives from a minute to %s, and %s is asked for", set.Tokens.Longest.Duration, want.For).WithHint("--for 720h")
	}
	for _, scope := range want.Scopes {
		if err := checkScope(scope); err != nil {
			return credentials.Token{}, err
		}
	}
	now := s.Now()
	t := credentials.Token{ID: newID(), Name: want.Name, By: p.Name, Created: now, Expires: now.Add(want.For)}
	t.Person = lockstep.Person{Name: p.Name, Groups: p.Groups, Display: p.Display + " (" + want.Name + ")", Via: lockstep.ProofToken, Scopes: want.Scopes}
	if len(want.Scopes) == 0 {
		t.Person.Scopes = nil
	}
	if want.Machine == "" {
		if len(want.Groups) > 0 {
			return t, fault.Invalid("groups are of a machine").WithHint("name it: --machine NAME")
		}
		return t, nil
	}
	if !slices.Contains(p.Groups, Admins) {
		return t, fault.Denied("only %s may make tokens of machines", Admins).WithHint("without --machine the token acts as you")
	}
	t.Person.Name, t.Person.Groups, t.Person.Display = machinePrefix+want.Machine, want.Groups, want.Machine
	for _, name := range append([]string{t.Person.Name}, want.Groups...) {
		if err := nameAllowed(name); err != nil && name != Admins {
			return t, err
		}
	}
	return t, nil
}

// ListTokens returns those of who asks; of everybody for an administrator who asks
// for all.
func (s *Service) ListTokens(ctx context.Context, all bool) ([]credentials.Token, error) {
	p, err := whoAsks(ctx)
	if err != nil {
		return nil, err
	}
	of := p.Name
	if all {
		if !slices.Contains(p.Groups, Admins) {
			return nil, fault.Denied("only %s may list the tokens of others", Admins)
		}
		of = ""
	}
	list, err := s.Keep.Tokens(ctx, of, s.Now())
	for i := range list {
		list[i].Hash = ""
	}
	return list, unkept(err)
}

// EndToken revokes one's own token, or anybody's for an administrator.
func (s *Service) EndToken(ctx context.Context, id string) error {
	p, err := whoAsks(ctx)
	if err != nil {
		return err
	}
	// A token may end itself: a job that is over cleans up.
	by := proofOf(ctx)
	if by.token == nil || by.token.ID != id {
		if err := interactive(ctx); err != nil {
			return err
		}
	}
	list, err := s.ListTokens(ctx, slices.Contains(p.Groups, Admins))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(t credentials.Token) bool { return t.ID == id })
	if i < 0 {
		return fault.NotFound("you have no token %q", cut(id))
	}
	if _, err := s.Keep.EndToken(ctx, id); err != nil {
		return unkept(err)
	}
	s.cache.forget()
	s.recordToken(ctx, p, list[i], "revoke")
	return nil
}

func (s *Service) recordToken(ctx context.Context, p lockstep.Person, t credentials.Token, verb string) {
	by := proofOf(ctx).origin
	s.Record(ctx, Event{
		Kind: EventToken, Person: p, Method: verb, Outcome: succeeded, Address: by.Address, Agent: by.Agent,
		Token: &TokenEvent{ID: t.ID, Name: t.Name, Scopes: t.Person.Scopes, Expires: t.Expires},
	})
}
