package db

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// keeper is a credentials.Keeper on a database.
type keeper struct{ *DB }

// Credentials keeps what people and machines prove themselves with beside what
// happened.
func (d *DB) Credentials() credentials.Keeper { return keeper{d} }

// when is how a time is kept; zero stays zero.
func when(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// personText and personOf keep what no query asks for as one text.
func personText(p lockstep.Person) (string, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return "", fault.Internal(err)
	}
	return clean(string(raw)), nil
}

func personOf(text string) (lockstep.Person, error) {
	var p lockstep.Person
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fault.Internal(err)
	}
	return p, nil
}

// clean takes out what PostgreSQL refuses in a text. JSON has none; names might.
func clean(s string) string {
	b := []byte(s)
	out := b[:0]
	for _, c := range b {
		if c != 0 {
			out = append(out, c)
		}
	}
	return string(out)
}

// changed says whether a statement found something to change.
func changed(r sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

func (k keeper) AddLogin(ctx context.Context, l credentials.Login) error {
	detail, err := personText(l.Person)
	if err != nil {
		return err
	}
	return k.Change(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO signin_logins (id, provider, subject, sid, person, detail, sealed, created, checked, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			l.ID, clean(l.Provider), clean(l.Subject), clean(l.Sid), clean(l.Person.Name), detail, base64.StdEncoding.EncodeToString(l.Sealed), when(l.Created), when(l.Checked), when(l.Expires))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO signin_ever (one) VALUES (1) ON CONFLICT DO NOTHING`)
		return err
	})
}

func (k keeper) AnyLogin(ctx context.Context) (bool, error) {
	var n int
	err := k.Row(ctx, `SELECT COUNT(*) FROM signin_ever`, nil, &n)
	return n > 0, k.failed(err)
}

const loginColumns = `l.id, l.provider, l.subject, l.sid, l.detail, l.sealed, l.created, l.checked, l.expires`

// loginScan reads loginColumns.
type loginScan struct {
	l                         credentials.Login
	detail, sealed            string
	created, checked, expires int64
}

func (s *loginScan) into() []any {
	return []any{&s.l.ID, &s.l.Provider, &s.l.Subject, &s.l.Sid, &s.detail, &s.sealed, &s.created, &s.checked, &s.expires}
}

func (s *loginScan) login() (credentials.Login, error) {
	var err error
	if s.l.Person, err = personOf(s.detail); err != nil {
		return s.l, err
	}
	s.l.Created, s.l.Checked, s.l.Expires = at(s.created), at(s.checked), at(s.expires)
	if s.sealed == "" {
		return s.l, nil
	}
	if s.l.Sealed, err = base64.StdEncoding.DecodeString(s.sealed); err != nil {
		return s.l, fault.Internal(err)
	}
	return s.l, nil
}

func (k keeper) DueLogins(ctx context.Context, now, before time.Time, limit int) ([]credentials.Login, error) {
	var out []credentials.Login
	err := k.Rows(ctx, func(r *sql.Rows) error {
		var s loginScan
		if err := r.Scan(s.into()...); err != nil {
			return err
		}
		l, err := s.login()
		out = append(out, l)
		return err
	}, `SELECT `+loginColumns+` FROM signin_logins l WHERE l.sealed <> '' AND l.expires > ? AND l.checked < ? ORDER BY l.checked LIMIT ?`, when(now), when(before), limit)
	return out, err
}

func (k keeper) ChangeLogin(ctx context.Context, l credentials.Login, since time.Time) (bool, error) {
	detail, err := personText(l.Person)
	if err != nil {
		return false, err
	}
	return k.one(ctx, `UPDATE signin_logins SET person = ?, detail = ?, sealed = ?, checked = ? WHERE id = ? AND checked = ?`,
		clean(l.Person.Name), detail, base64.StdEncoding.EncodeToString(l.Sealed), when(l.Checked), l.ID, when(since))
}

// one runs a statement and says whether it changed anything.
func (k keeper) one(ctx context.Context, query string, args ...any) (ok bool, err error) {
	err = k.Change(ctx, func(tx Tx) error {
		ok, err = changed(tx.Exec(ctx, query, args...))
		return err
	})
	return ok && err == nil, err
}

func (k keeper) EndLogins(ctx context.Context, w credentials.Whose) (int, error) {
	where, args := `id = ?`, []any{w.ID}
	switch {
	case w.ID != "":
	case w.Person != "":
		where, args = `person = ?`, []any{w.Person}
	case w.Sid != "":
		where, args = `provider = ? AND sid = ?`, []any{w.Provider, w.Sid}
	default:
		where, args = `provider = ? AND subject = ?`, []any{w.Provider, w.Subject}
	}
	ended := 0
	err := k.Change(ctx, func(tx Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM signin_sessions WHERE login IN (SELECT id FROM signin_logins WHERE `+where+`)`, args...); err != nil {
			return err
		}
		r, err := tx.Exec(ctx, `DELETE FROM signin_logins WHERE `+where, args...)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		ended = int(n)
		return err
	})
	return ended, err
}

func (k keeper) AddSession(ctx context.Context, s credentials.Session) error {
	return k.Change(ctx, func(tx Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM signin_logins WHERE id = ?`, s.Login).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return fault.NotFound("the login of the session is gone")
		}
		_, err := tx.Exec(ctx, `INSERT INTO signin_sessions (id, login, kind, client, address, hash, hash_before, before_until, created, rotated, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			s.ID, s.Login, string(s.Kind), clean(s.Client), clean(s.Address), s.Hash, s.Before, when(s.BeforeUntil), when(s.Created), when(s.Rotated), when(s.Seen))
		return err
	})
}

const sessionColumns = `s.id, s.login, s.kind, s.client, s.address, s.hash, s.hash_before, s.before_until, s.created, s.rotated, s.seen`

type sessionScan struct {
	s                             credentials.Session
	kind                          string
	until, created, rotated, seen int64
}

func (s *sessionScan) into() []any {
	return []any{&s.s.ID, &s.s.Login, &s.kind, &s.s.Client, &s.s.Address, &s.s.Hash, &s.s.Before, &s.until, &s.created, &s.rotated, &s.seen}
}

func (s *sessionScan) session() credentials.Session {
	s.s.Kind, s.s.BeforeUntil = credentials.Kind(s.kind), at(s.until)
	s.s.Created, s.s.Rotated, s.s.Seen = at(s.created), at(s.rotated), at(s.seen)
	return s.s
}

func (k keeper) SessionOf(ctx context.Context, hash string, now time.Time) (credentials.Session, credentials.Login, error) {
	var s sessionScan
	var l loginScan
	err := k.Row(ctx, `SELECT `+sessionColumns+`, `+loginColumns+` FROM signin_sessions s JOIN signin_logins l ON l.id = s.login WHERE (s.hash = ? OR s.hash_before = ? AND s.before_until > ?) AND l.expires > ?`,
		[]any{hash, hash, when(now), when(now)}, append(s.into(), l.into()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return credentials.Session{}, credentials.Login{}, fault.NotFound("there is no such session")
	}
	if err != nil {
		return credentials.Session{}, credentials.Login{}, k.failed(err)
	}
	login, err := l.login()
	return s.session(), login, err
}

func (k keeper) Rotate(ctx context.Context, id, from, to string, now, grace time.Time) (bool, error) {
	return k.one(ctx, `UPDATE signin_sessions SET hash = ?, hash_before = ?, before_until = ?, rotated = ? WHERE id = ? AND hash = ?`,
		to, from, when(grace), when(now), id, from)
}

func (k keeper) Sessions(ctx context.Context, person string, now time.Time) ([]credentials.Session, error) {
	var out []credentials.Session
	err := k.Rows(ctx, func(r *sql.Rows) error {
		var s sessionScan
		if err := r.Scan(s.into()...); err != nil {
			return err
		}
		out = append(out, s.session())
		return nil
	}, `SELECT `+sessionColumns+` FROM signin_sessions s JOIN signin_logins l ON l.id = s.login WHERE l.person = ? AND l.expires > ? ORDER BY s.created DESC, s.id`, person, when(now))
	return out, err
}

// unused are logins that no session is left on. One that has none yet is younger
// than a minute.
const unused = `DELETE FROM signin_logins WHERE created < ? AND NOT EXISTS (SELECT 1 FROM signin_sessions s WHERE s.login = signin_logins.id)`

func (k keeper) EndSession(ctx context.Context, id string) (bool, error) {
	found := false
	err := k.Change(ctx, func(tx Tx) error {
		var login string
		err := tx.QueryRow(ctx, `SELECT login FROM signin_sessions WHERE id = ?`, id).Scan(&login)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if found, err = changed(tx.Exec(ctx, `DELETE FROM signin_sessions WHERE id = ?`, id)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM signin_logins WHERE id = ? AND NOT EXISTS (SELECT 1 FROM signin_sessions s WHERE s.login = signin_logins.id)`, login)
		return err
	})
	return found && err == nil, err
}

func (k keeper) EndIdle(ctx context.Context, kind credentials.Kind, since time.Time) error {
	return k.Change(ctx, func(tx Tx) error {
		found, err := changed(tx.Exec(ctx, `DELETE FROM signin_sessions WHERE kind = ? AND seen < ?`, string(kind), when(since)))
		if err != nil || !found {
			return err
		}
		_, err = tx.Exec(ctx, unused, when(since))
		return err
	})
}
