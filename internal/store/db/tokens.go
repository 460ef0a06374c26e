package db

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

func (k keeper) AddToken(ctx context.Context, t credentials.Token) error {
	detail, err := personText(t.Person)
	if err != nil {
		return err
	}
	return k.Change(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO signin_tokens (id, name, hash, person, detail, maker, created, expires, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			t.ID, clean(t.Name), t.Hash, clean(t.Person.Name), detail, clean(t.By), when(t.Created), when(t.Expires), when(t.Used))
		return err
	})
}

const tokenColumns = `id, name, hash, detail, maker, created, expires, used`

type tokenScan struct {
	t                      credentials.Token
	detail                 string
	created, expires, used int64
}

func (s *tokenScan) into() []any {
	return []any{&s.t.ID, &s.t.Name, &s.t.Hash, &s.detail, &s.t.By, &s.created, &s.expires, &s.used}
}

func (s *tokenScan) token() (credentials.Token, error) {
	var err error
	s.t.Person, err = personOf(s.detail)
	s.t.Created, s.t.Expires, s.t.Used = at(s.created), at(s.expires), at(s.used)
	return s.t, err
}

func (k keeper) TokenOf(ctx context.Context, hash string, now time.Time) (credentials.Token, error) {
	var s tokenScan
	err := k.Row(ctx, `SELECT `+tokenColumns+` FROM signin_tokens WHERE hash = ? AND expires > ?`, []any{hash, when(now)}, s.into()...)
	if errors.Is(err, sql.ErrNoRows) {
		return credentials.Token{}, fault.NotFound("there is no such token")
	}
	if err != nil {
		return credentials.Token{}, k.failed(err)
	}
	return s.token()
}

func (k keeper) Tokens(ctx context.Context, person string, now time.Time) ([]credentials.Token, error) {
	var out []credentials.Token
	err := k.Rows(ctx, func(r *sql.Rows) error {
		var s tokenScan
		if err := r.Scan(s.into()...); err != nil {
			return err
		}
		t, err := s.token()
		out = append(out, t)
		return err
	}, `SELECT `+tokenColumns+` FROM signin_tokens WHERE expires > ? AND (? = '' OR person = ? OR maker = ?) ORDER BY created DESC, id`, when(now), person, person, person)
	return out, err
}

func (k keeper) EndToken(ctx context.Context, id string) (bool, error) {
	return k.one(ctx, `DELETE FROM signin_tokens WHERE id = ?`, id)
}

func (k keeper) EndTokens(ctx context.Context, person string) (n int, err error) {
	err = k.Change(ctx, func(tx Tx) error {
		r, err := tx.Exec(ctx, `DELETE FROM signin_tokens WHERE person = ?`, person)
		if err != nil {
			return err
		}
		ended, err := r.RowsAffected()
		n = int(ended)
		return err
	})
	return n, err
}

func (k keeper) Saw(ctx context.Context, sessions, tokens map[string]time.Time) error {
	return k.Change(ctx, func(tx Tx) error {
		for id, seen := range sessions {
			if _, err := tx.Exec(ctx, `UPDATE signin_sessions SET seen = ? WHERE id = ? AND seen < ?`, when(seen), id, when(seen)); err != nil {
				return err
			}
		}
		for id, used := range tokens {
			if _, err := tx.Exec(ctx, `UPDATE signin_tokens SET used = ? WHERE id = ? AND used < ?`, when(used), id, when(used)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (k keeper) Put(ctx context.Context, o credentials.Once) (bool, error) {
	return k.one(ctx, `INSERT INTO signin_once (name, payload, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		o.Key, base64.StdEncoding.EncodeToString(o.Payload), when(o.Expires))
}

func (k keeper) Peek(ctx context.Context, key string, now time.Time) (credentials.Once, bool, error) {
	var payload string
	var expires int64
	err := k.Row(ctx, `SELECT payload, expires FROM signin_once WHERE name = ? AND expires > ?`, []any{key, when(now)}, &payload, &expires)
	return onceOf(key, payload, expires, k.absent(err))
}

func (k keeper) Take(ctx context.Context, key string, now time.Time) (credentials.Once, bool, error) {
	var payload string
	var expires int64
	err := k.Change(ctx, func(tx Tx) error {
		return absent(tx.QueryRow(ctx, `DELETE FROM signin_once WHERE name = ? RETURNING payload, expires`, key).Scan(&payload, &expires))
	})
	if expires <= when(now) {
		expires = 0
	}
	return onceOf(key, payload, expires, err)
}

func absent(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (k keeper) absent(err error) error { return k.failed(absent(err)) }

// onceOf returns what was read; expires is 0 where nothing was.
func onceOf(key, payload string, expires int64, err error) (credentials.Once, bool, error) {
	if err != nil || expires == 0 {
		return credentials.Once{}, false, err
	}
	raw, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		return credentials.Once{}, false, fault.Internal(err)
	}
	return credentials.Once{Key: key, Payload: raw, Expires: at(expires)}, true, nil
}

func (k keeper) Sweep(ctx context.Context, now time.Time) error {
	return k.Change(ctx, func(tx Tx) error {
		for _, query := range []string{
			`DELETE FROM signin_sessions WHERE login IN (SELECT id FROM signin_logins WHERE expires <= ?)`,
			`DELETE FROM signin_logins WHERE expires <= ?`,
			`DELETE FROM signin_tokens WHERE expires <= ?`,
			`DELETE FROM signin_once WHERE expires <= ?`,
			`DELETE FROM signin_vouchers WHERE believed <= ? AND NOT EXISTS (SELECT 1 FROM signin_tokens WHERE signin_tokens.person = signin_vouchers.person)`,
		} {
			if _, err := tx.Exec(ctx, query, when(now)); err != nil {
				return err
			}
		}
		return nil
	})
}
