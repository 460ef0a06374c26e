package credentials

import (
	"context"
	"time"
)

// Late is a Keeper whose place may not be there yet, or not just now: each call asks
// for it, and fails with why there is none.
type Late func() (Keeper, error)

var _ Keeper = Late(nil)

// AddLogin is of Keeper.
func (late Late) AddLogin(ctx context.Context, l Login) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.AddLogin(ctx, l)
}

// AnyLogin is of Keeper.
func (late Late) AnyLogin(ctx context.Context) (bool, error) {
	keep, err := late()
	if err != nil {
		return false, err
	}
	return keep.AnyLogin(ctx)
}

// DueLogins is of Keeper.
func (late Late) DueLogins(ctx context.Context, now, before time.Time, limit int) ([]Login, error) {
	keep, err := late()
	if err != nil {
		return nil, err
	}
	return keep.DueLogins(ctx, now, before, limit)
}

// ChangeLogin is of Keeper.
func (late Late) ChangeLogin(ctx context.Context, l Login, since time.Time) (bool, error) {
	keep, err := late()
	if err != nil {
		return false, err
	}
	return keep.ChangeLogin(ctx, l, since)
}

// EndLogins is of Keeper.
func (late Late) EndLogins(ctx context.Context, w Whose) (int, error) {
	keep, err := late()
	if err != nil {
		return 0, err
	}
	return keep.EndLogins(ctx, w)
}

// AddSession is of Keeper.
func (late Late) AddSession(ctx context.Context, s Session) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.AddSession(ctx, s)
}

// SessionOf is of Keeper.
func (late Late) SessionOf(ctx context.Context, hash string, now time.Time) (Session, Login, error) {
	keep, err := late()
	if err != nil {
		return Session{}, Login{}, err
	}
	return keep.SessionOf(ctx, hash, now)
}

// Rotate is of Keeper.
func (late Late) Rotate(ctx context.Context, id, from, to string, now, grace time.Time) (bool, error) {
	keep, err := late()
	if err != nil {
		return false, err
	}
	return keep.Rotate(ctx, id, from, to, now, grace)
}

// Sessions is of Keeper.
func (late Late) Sessions(ctx context.Context, person string, now time.Time) ([]Session, error) {
	keep, err := late()
	if err != nil {
		return nil, err
	}
	return keep.Sessions(ctx, person, now)
}

// EndSession is of Keeper.
func (late Late) EndSession(ctx context.Context, id string) (bool, error) {
	keep, err := late()
	if err != nil {
		return false, err
	}
	return keep.EndSession(ctx, id)
}

// EndIdle is of Keeper.
func (late Late) EndIdle(ctx context.Context, k Kind, since time.Time) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.EndIdle(ctx, k, since)
}

// AddToken is of Keeper.
func (late Late) AddToken(ctx context.Context, t Token) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.AddToken(ctx, t)
}

// TokenOf is of Keeper.
func (late Late) TokenOf(ctx context.Context, hash string, now time.Time) (Token, error) {
	keep, err := late()
	if err != nil {
		return Token{}, err
	}
	return keep.TokenOf(ctx, hash, now)
}

// Tokens is of Keeper.
func (late Late) Tokens(ctx context.Context, person string, now time.Time) ([]Token, error) {
	keep, err := late()
	if err != nil {
		return nil, err
	}
	return keep.Tokens(ctx, person, now)
}

// EndToken is of Keeper.
func (late Late) EndToken(ctx context.Context, id string) (bool, error) {
	keep, err := late()
	if err != nil {
		return false, err
	}
	return keep.EndToken(ctx, id)
}

// EndTokens is of Keeper.
func (late Late) EndTokens(ctx context.Context, person string) (int, error) {
	keep, err := late()
	if err != nil {
		return 0, err
	}
	return keep.EndTokens(ctx, person)
}

// Saw is of Keeper.
func (late Late) Saw(ctx context.Context, sessions, tokens map[string]time.Time) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.Saw(ctx, sessions, tokens)
}

// Put is of Keeper.
func (late Late) Put(ctx context.Context, o Once) (bool, error) {
	keep, err := late()
	if err != nil {
		return false, err
	}
	return keep.Put(ctx, o)
}

// Peek is of Keeper.
func (late Late) Peek(ctx context.Context, key string, now time.Time) (Once, bool, error) {
	keep, err := late()
	if err != nil {
		return Once{}, false, err
	}
	return keep.Peek(ctx, key, now)
}

// Take is of Keeper.
func (late Late) Take(ctx context.Context, key string, now time.Time) (Once, bool, error) {
	keep, err := late()
	if err != nil {
		return Once{}, false, err
	}
	return keep.Take(ctx, key, now)
}

// Sweep is of Keeper.
func (late Late) Sweep(ctx context.Context, now time.Time) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.Sweep(ctx, now)
}

// EndMade is of Keeper.
func (late Late) EndMade(ctx context.Context, maker string) (int, error) {
	keep, err := late()
	if err != nil {
		return 0, err
	}
	return keep.EndMade(ctx, maker)
}

// Vouch is of Keeper.
func (late Late) Vouch(ctx context.Context, v Voucher) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.Vouch(ctx, v)
}

// Doubt is of Keeper.
func (late Late) Doubt(ctx context.Context, person string, until time.Time) error {
	keep, err := late()
	if err != nil {
		return err
	}
	return keep.Doubt(ctx, person, until)
}

// VoucherOf is of Keeper.
func (late Late) VoucherOf(ctx context.Context, person string) (Voucher, bool, error) {
	keep, err := late()
	if err != nil {
		return Voucher{}, false, err
	}
	return keep.VoucherOf(ctx, person)
}
