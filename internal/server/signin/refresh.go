package signin

import (
	"context"
	"maps"
	"time"

	"golang.org/x/oauth2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// checkTick is how often it is looked for logins that are due, checkBatch how many
// are asked about at a time.
const (
	checkTick  = 5 * time.Second
	checkBatch = 20
)

// checkLogins asks providers about the logins that they were not asked about for a
// while. Of several replicas one asks: whoever moves the time of the check.
func (s *Service) checkLogins(ctx context.Context) {
	set, err := s.current()
	if err != nil || len(set.providers) == 0 {
		return
	}
	now := s.Now()
	due, err := s.Keep.DueLogins(ctx, now, now.Add(-set.Sessions.Check.Duration), checkBatch)
	if err != nil {
		return // the sweep says that the store is gone
	}
	for _, l := range due {
		mine := l
		mine.Checked = now
		if ok, err := s.Keep.ChangeLogin(ctx, mine, l.Checked); err != nil || !ok {
			continue
		}
		s.checkLogin(ctx, set, mine)
	}
}

// checkLogin asks about one, and ends or changes it by what the provider says. One
// that does not answer changes nothing: it is asked again, and the login expires by
// itself at last.
func (s *Service) checkLogin(ctx context.Context, set *settings, l credentials.Login) {
	p := set.providers[l.Provider]
	if p == nil {
		// Taken out of the configuration: nobody stands by it any more.
		s.endLogin(ctx, set, l, fault.Denied("the identity provider was removed from the configuration"))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	next, err := s.ask(ctx, p, l)
	s.provided(p.Name, err)
	result := "same"
	switch {
	case err != nil && fault.KindOf(err) == fault.KindUnavailable:
		result = "unavailable"
		s.Log.Warn("an identity provider does not say whether a login holds; the session goes on until it expires", "provider", p.Name, "error", err.Error(), "cause", causeOf(fault.As(err)))
	case err != nil:
		result = "ended"
		s.endLogin(ctx, set, l, err)
	default:
		if err := s.vouch(ctx, set, l.Provider, next.Person); err != nil {
			s.Log.Warn("what an identity provider says is not kept for tokens", "provider", p.Name, "error", err.Error())
		}
		if !next.Person.Equal(l.Person) {
			result = "changed"
			s.cache.forget()
		}
		if _, err := s.Keep.ChangeLogin(ctx, next, l.Checked); err != nil {
			// The provider may have replaced the grant, and the new one is lost: at the
			// next check the person has to sign in again.
			s.Log.Error("what an identity provider said is not kept", "provider", p.Name, "error", err.Error())
		}
	}
	s.meters.checks.WithLabelValues(p.Name, result).Inc()
}

// ask has the provider renew its grant, and returns who it says that this is now.
func (s *Service) ask(ctx context.Context, p *provider, l credentials.Login) (credentials.Login, error) {
	var grant granted
	if err := s.seal.open(grantPurpose, l.Sealed, &grant); err != nil {
		return l, err
	}
	client, known, ctx, err := p.client(ctx, "")
	if err != nil {
		return l, unavailable(err)
	}
	got, err := client.TokenSource(ctx, &oauth2.Token{RefreshToken: grant.Refresh, Expiry: time.Unix(1, 0)}).Token()
	switch {
	case err != nil && unanswered(err):
		return l, silent(p, err)
	case err != nil:
		return l, fault.Denied("the identity provider no longer stands by the login").Because(unrenewed{err})
	}
	c := claims{}
	if raw, ok := got.Extra("id_token").(string); ok && raw != "" {
		token, err := p.verify(ctx, known, raw)
		if err != nil {
			return l, err
		}
		if token.Subject != l.Subject {
			return l, fault.Denied("the identity provider speaks of somebody else")
		}
		if err := token.Claims(&c); err != nil {
			return l, fault.Denied("the identity provider's token cannot be read").Because(err)
		}
		grant.ID = raw
	}
	// Also where the token says it all: some providers renew without a look at
	// whether the account is still open, and look here.
	if known.UserInfoEndpoint() != "" {
		info, err := p.info(ctx, known.UserInfoEndpoint(), got.AccessToken)
		if err != nil {
			return l, err
		}
		if info.text("sub") != l.Subject {
			return l, fault.Denied("the identity provider speaks of somebody else")
		}
		maps.Copy(c, info)
	}
	if l.Person, err = s.renewed(p, l.Person, c); err != nil {
		return l, err
	}
	if got.RefreshToken != "" {
		grant.Refresh = got.RefreshToken
	}
	l.Sealed, err = s.seal.seal(grantPurpose, grant)
	return l, err
}

// renewed returns the person as the claims have it. The name stays: sessions and
// records go by it, and who is called otherwise now signs in again.
func (s *Service) renewed(p *provider, was lockstep.Person, c claims) (lockstep.Person, error) {
	if len(c) == 0 {
		return was, nil
	}
	now, err := p.person(c)
	if err != nil {
		return was, err
	}
	if now.Name != was.Name {
		return was, fault.Denied("the person is called otherwise now")
	}
	return now, nil
}

// unavailable makes of trouble on our side what changes nothing.
func unavailable(err error) error {
	return fault.Unavailable("%s", fault.As(err).What).Because(err)
}

// endLogin ends a login because its provider does not stand by it, and the person's
// tokens by and by.
func (s *Service) endLogin(ctx context.Context, set *settings, l credentials.Login, why error) {
	if err := s.doubt(ctx, set, l.Person, why); err != nil {
		s.Log.Error("tokens of a login that no longer holds cannot be ended", "error", err.Error())
	}
	if _, err := s.Keep.EndLogins(ctx, credentials.Whose{ID: l.ID}); err != nil {
		s.Log.Error("a login that no longer holds cannot be ended", "error", err.Error())
		return
	}
	s.cache.forget()
	text := fault.As(why).What
	s.Record(ctx, Event{Kind: EventLogout, Person: lockstep.Itself(), Method: l.Provider, Outcome: succeeded, Reason: text, Of: l.Person.Name})
	s.Log.Info("a login was ended", "provider", l.Provider, "person", l.Person.Name, "why", text)
}
