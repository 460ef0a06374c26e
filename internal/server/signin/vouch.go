package signin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// vouch notes that a provider has just said who p is. Tokens of p go by it; whoever
// came by the local administrator's link has no provider, and only a token's own end.
func (s *Service) vouch(ctx context.Context, set *settings, provider string, p lockstep.Person) error {
	if set.providers[provider] == nil {
		return nil
	}
	return s.Keep.Vouch(ctx, credentials.Voucher{Person: p, Until: s.Now().Add(set.Tokens.Vouched.Duration)})
}

// unrenewed is the cause of a refusal to renew a grant.
type unrenewed struct{ error }

// doubt notes that a provider no longer stands by a login of p. Where it only does not
// renew it, that may be for its age: then p has some time to sign in again before
// tokens end.
func (s *Service) doubt(ctx context.Context, set *settings, p lockstep.Person, why error) error {
	until := s.Now()
	if errors.As(why, new(unrenewed)) {
		until = until.Add(set.Tokens.Doubted.Duration)
	}
	return s.Keep.Doubt(ctx, p.Name, until)
}

// tokenOf finds a token that still works, with the groups that its person still has.
func (s *Service) tokenOf(ctx context.Context, hash string, now time.Time) (credentials.Token, error) {
	return s.cache.token(hash, now, func() (credentials.Token, error) {
		t, err := s.Keep.TokenOf(ctx, hash, now)
		if err != nil {
			return t, err
		}
		v, known, err := s.Keep.VoucherOf(ctx, t.Person.Name)
		switch {
		case err != nil:
			return t, err
		case !known:
			return t, nil // a machine, a job, or the local administrator
		case !v.Until.After(now):
			return t, fault.Unauthenticated("the identity provider does not vouch for %s any more", t.Person.Name).
				WithHint("the token works again once %s signs in; a machine should have one of its own: lockstep token create --machine", t.Person.Name)
		}
		t.Person.Groups = slices.DeleteFunc(slices.Clone(t.Person.Groups), func(g string) bool { return !slices.Contains(v.Person.Groups, g) })
		return t, nil
	})
}

// EndTokensOf revokes all tokens that act as a person, and with made those that the
// person made for machines: whoever made one has seen its secret.
func (s *Service) EndTokensOf(ctx context.Context, person string, made bool) (int, error) {
	p, err := whoAsks(ctx)
	if err != nil {
		return 0, err
	}
	if err := interactive(ctx); err != nil {
		return 0, err
	}
	if person != p.Name && !slices.Contains(p.Groups, Admins) {
		return 0, fault.Denied("only %s may revoke the tokens of others", Admins)
	}
	list, err := s.Keep.Tokens(ctx, person, s.Now())
	if err != nil {
		return 0, unkept(err)
	}
	n, err := s.Keep.EndTokens(ctx, person)
	if err == nil && made {
		var others int
		others, err = s.Keep.EndMade(ctx, person)
		n += others
	}
	s.cache.forget()
	if err != nil {
		return n, unkept(err)
	}
	for _, t := range list {
		if t.Person.Name == person || made {
			s.recordToken(ctx, p, t, "revoke")
		}
	}
	return n, nil
}
