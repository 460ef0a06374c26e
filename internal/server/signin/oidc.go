package signin

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// way is what is remembered of a person who was sent to a provider, sealed in a
// cookie of theirs: whoever comes back in another browser was sent by somebody else.
type way struct {
	Provider, State, Nonce, Verifier, Return string
	Back                                     string
	Until                                    time.Time
}

const (
	wayTime    = 10 * time.Minute
	wayPurpose = "way"
)

// granted is what is kept of what a provider gave.
type granted struct {
	Refresh string `json:"r,omitempty"`
	ID      string `json:"i,omitempty"`
}

const grantPurpose = "grant"

// begin sends a browser to a provider.
func (s *Service) begin(w http.ResponseWriter, r *http.Request) {
	from, name := s.origin(r), r.URL.Query().Get("provider")
	to, err := s.depart(w, r, from, name)
	if err != nil {
		s.page(w, r, pageOf(s.attempt(r.Context(), from, s.known(name), lockstep.Person{}, err)))
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// known returns a provider's name as a label of metrics: what strangers write is
// not.
func (s *Service) known(name string) string {
	if set, err := s.current(); err == nil && set.providers[name] != nil {
		return name
	}
	return "unknown"
}

func (s *Service) depart(w http.ResponseWriter, r *http.Request, from origin, name string) (string, error) {
	if err := errors.Join(s.limits.try(from.Address, s.Now()), s.Front.fit(r)); err != nil {
		return "", err
	}
	set, err := s.current()
	if err != nil {
		return "", err
	}
	p := set.providers[name]
	if p == nil {
		return "", fault.NotFound("there is no identity provider %q", name)
	}
	back := s.Front.base(r) + "/auth/callback/" + p.Name
	client, _, _, err := p.client(r.Context(), back)
	if err == nil {
		err = p.answers(r.Context())
	}
	s.provided(p.Name, err)
	if err != nil {
		return "", err
	}
	on := way{
		Provider: p.Name, State: opaque(), Nonce: opaque(), Verifier: oauth2.GenerateVerifier(), Back: back,
		Return: local(r.URL.Query().Get("return")), Until: s.Now().Add(wayTime),
	}
	sealed, err := s.seal.sealText(wayPurpose, on)
	if err != nil {
		return "", err
	}
	s.setCookie(w, r, wayCookie+on.State[:8], sealed, wayTime)
	opts := []oauth2.AuthCodeOption{oidc.Nonce(on.Nonce), oauth2.S256ChallengeOption(on.Verifier)}
	for key, value := range p.Parameters {
		opts = append(opts, oauth2.SetAuthURLParam(key, value))
	}
	return client.AuthCodeURL(on.State, opts...), nil
}

// arrive is where the provider sends a browser back to.
func (s *Service) arrive(w http.ResponseWriter, r *http.Request) {
	from, name := s.origin(r), r.PathValue("provider")
	on, p, err := s.arrived(w, r, from, name)
	if s.attempt(r.Context(), from, s.known(name), p, err) != nil {
		s.page(w, r, pageOf(err))
		return
	}
	http.Redirect(w, r, on.Return, http.StatusSeeOther)
}

func (s *Service) arrived(w http.ResponseWriter, r *http.Request, from origin, name string) (way, lockstep.Person, error) {
	var nobody lockstep.Person
	if err := errors.Join(s.limits.try(from.Address, s.Now()), s.Front.fit(r)); err != nil {
		return way{}, nobody, err
	}
	on, err := s.recall(w, r, name)
	if err != nil {
		return on, nobody, err
	}
	if said := r.URL.Query().Get("error"); said != "" {
		return on, nobody, fault.Unauthenticated("the identity provider refused: %q", cut(said)).WithHint("%s", cut(r.URL.Query().Get("error_description")))
	}
	set, err := s.current()
	if err != nil {
		return on, nobody, err
	}
	p := set.providers[on.Provider]
	if p == nil {
		return on, nobody, fault.NotFound("there is no identity provider %q", on.Provider)
	}
	found, err := s.redeem(r.Context(), p, on, r.URL.Query().Get("code"))
	s.provided(p.Name, err)
	if err != nil {
		return on, nobody, err
	}
	return on, found.Person, s.open(w, r, from, found)
}

// recall returns where a browser that comes back was sent from. Its state is good
// for one return.
func (s *Service) recall(w http.ResponseWriter, r *http.Request, name string) (way, error) {
	state := r.URL.Query().Get("state")
	stray := fault.Unauthenticated("this is not the way on which the sign-in began").
		WithHint("it may have begun in another browser or have taken too long: sign in again")
	if len(state) < 8 || len(state) > 100 {
		return way{}, stray
	}
	cookie, err := r.Cookie(s.cookieName(r, wayCookie+state[:8]))
	if err != nil {
		return way{}, stray
	}
	s.dropCookie(w, r, wayCookie+state[:8])
	var on way
	if err := s.seal.openText(wayPurpose, cookie.Value, &on); err != nil {
		return way{}, stray.Because(err)
	}
	if subtle.ConstantTimeCompare([]byte(state), []byte(on.State)) != 1 || on.Provider != name || !on.Until.After(s.Now()) {
		return way{}, stray
	}
	first, err := s.once(r.Context(), "state", state, nil, on.Until)
	if err != nil {
		return way{}, err
	}
	if !first {
		return way{}, stray
	}
	return on, nil
}

// redeem exchanges a code for what it stands for.
func (s *Service) redeem(ctx context.Context, p *provider, on way, code string) (found, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	client, known, ctx, err := p.client(ctx, on.Back)
	if err != nil {
		return found{}, err
	}
	got, err := client.Exchange(ctx, code, oauth2.VerifierOption(on.Verifier))
	switch {
	case unanswered(err):
		return found{}, silent(p, err)
	case err != nil:
		return found{}, fault.Unauthenticated("the identity provider did not take its own code back").Because(err).WithHint("sign in again")
	}
	raw, _ := got.Extra("id_token").(string)
	token, err := p.verify(ctx, known, raw)
	if err != nil {
		return found{}, err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(on.Nonce)) != 1 {
		return found{}, fault.Unauthenticated("the identity provider's token was made for another sign-in").WithHint("sign in again")
	}
	claims := claims{}
	if err := token.Claims(&claims); err != nil {
		return found{}, fault.Unauthenticated("the identity provider's token cannot be read").Because(err)
	}
	if err := s.complete(ctx, p, known, token, got, claims); err != nil {
		return found{}, err
	}
	person, err := p.person(claims)
	if err != nil {
		return found{}, err
	}
	out := found{Person: person, Provider: p.Name, Subject: token.Subject, Sid: claims.text("sid")}
	if got.RefreshToken != "" {
		out.Grant = &granted{Refresh: got.RefreshToken, ID: raw}
	}
	return out, nil
}

// complete asks the provider for what its token left out. Who the token is about
// is the token's to say.
func (s *Service) complete(ctx context.Context, p *provider, known *oidc.Provider, token *oidc.IDToken, got *oauth2.Token, c claims) error {
	if c.has(p.Claims.User) && c.has(p.Claims.Groups) || known.UserInfoEndpoint() == "" {
		return nil
	}
	more, err := p.info(ctx, known.UserInfoEndpoint(), got.AccessToken)
	if err != nil {
		return nil // what is missing is missed, where it is needed
	}
	if more.text("sub") != token.Subject {
		return fault.Unauthenticated("the identity provider speaks of two people at once")
	}
	for key, value := range more {
		if !c.has(key) {
			c[key] = value
		}
	}
	return nil
}

// verify checks signature, issuer, audience and time of a provider's token.
func (p *provider) verify(ctx context.Context, known *oidc.Provider, raw string) (*oidc.IDToken, error) {
	if raw == "" {
		return nil, fault.Unauthenticated("the identity provider gave no ID token").WithHint("is the scope openid allowed for this client?")
	}
	token, err := known.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, fault.Unauthenticated("the identity provider's token does not hold").Because(err).WithHint("sign in again; the server's log says what is wrong with it")
	}
	return token, nil
}

// maxInfo bounds what a provider may say about a person.
const maxInfo = 1 << 20

// info asks a provider about the person whose access token it is. No is a fault of
// kind Denied; a provider that does not answer is Unavailable.
func (p *provider) info(ctx context.Context, endpoint, access string) (claims, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, fault.Unavailable("the address %q cannot be asked", endpoint)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	resp, err := p.issuer.http.Do(r)
	if err != nil {
		return nil, silent(p, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return nil, silent(p, errors.New(resp.Status))
	case resp.StatusCode != http.StatusOK:
		return nil, fault.Denied("the identity provider no longer knows the person").Because(errors.New(resp.Status))
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != "application/json" {
		return claims{}, nil // signed answers are for those who registered for them
	}
	out := claims{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxInfo)).Decode(&out); err != nil {
		return nil, silent(p, err)
	}
	return out, nil
}

func silent(p *provider, err error) error {
	return fault.Unavailable("the identity provider %s does not answer", p.Title).Because(errors.New(withoutURL(err))).
		WithHint("try again in a while; who is signed in stays so")
}

// withoutURL returns what is wrong without the address that was asked, which may
// have a code in it.
func withoutURL(err error) string {
	text := err.Error()
	if i := strings.Index(text, "\": "); i >= 0 {
		return text[i+3:]
	}
	return text
}

func (s *Service) provided(name string, err error) {
	switch {
	case err == nil:
		s.meters.up.WithLabelValues(name).Set(1)
	case fault.KindOf(err) == fault.KindUnavailable:
		s.meters.up.WithLabelValues(name).Set(0)
	}
}

// cut bounds what a stranger wrote.
func cut(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.ToValidUTF8(s, "")
}
