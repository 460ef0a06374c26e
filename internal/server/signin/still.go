package signin

import (
	"context"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// Still returns who stands behind a request that has gone on for a while, by what it
// proved itself with when it began. It is Unauthenticated when that was ended or has
// expired since; a store that does not answer ends nothing.
func (s *Service) Still(ctx context.Context) (lockstep.Person, error) {
	p, _ := access.Who(ctx)
	by := proofOf(ctx)
	switch {
	case by.token != nil:
		t, err := s.tokenOf(ctx, by.token.Hash, s.Now())
		if err != nil {
			return p, ended(err, "the token has expired or was revoked")
		}
		return t.Person, nil
	case by.session != nil:
		_, login, err := s.lookSession(ctx, by.session.Hash)
		if err == nil {
			return login.Person, nil
		}
		if fault.KindOf(err) == fault.KindNotFound && s.livesOn(ctx, by.session.ID, p) {
			return p, nil
		}
		return p, ended(err, "the session has expired or was ended")
	}
	return p, nil
}

// livesOn says whether a session lives on under another secret.
func (s *Service) livesOn(ctx context.Context, id string, p lockstep.Person) bool {
	list, err := s.Keep.Sessions(ctx, p.Name, s.Now())
	return err == nil && slices.ContainsFunc(list, func(x credentials.Session) bool { return x.ID == id })
}

func ended(err error, what string) error {
	if fault.KindOf(err) == fault.KindUnauthenticated {
		return err
	}
	if fault.KindOf(err) != fault.KindNotFound {
		return nil
	}
	return fault.Unauthenticated("%s", what).WithHint("sign in again: lockstep login")
}
