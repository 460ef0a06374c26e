package credentials

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Memory keeps everything for as long as the process lives: for tests, and for a
// server that has no store.
type Memory struct {
	mu       sync.Mutex
	any      bool
	logins   map[string]Login
	sessions map[string]Session
	tokens   map[string]Token
	once     map[string]Once
	vouchers map[string]Voucher
}

// NewMemory returns an empty one.
func NewMemory() *Memory {
	return &Memory{logins: map[string]Login{}, sessions: map[string]Session{}, tokens: map[string]Token{}, once: map[string]Once{}, vouchers: map[string]Voucher{}}
}

var _ Keeper = (*Memory)(nil)

// AddLogin is of Keeper, as are all that follow.
func (m *Memory) AddLogin(_ context.Context, l Login) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logins[l.ID], m.any = l, true
	return nil
}

// AnyLogin says whether anybody has ever signed in.
func (m *Memory) AnyLogin(context.Context) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.any, nil
}

// DueLogins returns those that are to be checked.
func (m *Memory) DueLogins(_ context.Context, now, before time.Time, limit int) ([]Login, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Login
	for _, l := range m.logins {
		if l.Sealed != nil && l.Expires.After(now) && l.Checked.Before(before) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Login) int { return a.Checked.Compare(b.Checked) })
	return out[:min(limit, len(out))], nil
}

// ChangeLogin writes what a check found.
func (m *Memory) ChangeLogin(_ context.Context, l Login, since time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.logins[l.ID]
	if !ok || !old.Checked.Equal(since) {
		return false, nil
	}
	old.Person, old.Sealed, old.Checked = l.Person, l.Sealed, l.Checked
	m.logins[l.ID] = old
	return true, nil
}

// EndLogins ends logins with their sessions.
func (m *Memory) EndLogins(_ context.Context, w Whose) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ended := 0
	for id, l := range m.logins {
		if w.chooses(l) {
			m.endLogin(id)
			ended++
		}
	}
	return ended, nil
}

func (w Whose) chooses(l Login) bool {
	switch {
	case w.ID != "":
		return l.ID == w.ID
	case w.Person != "":
		return l.Person.Name == w.Person
	case w.Sid != "":
		return l.Provider == w.Provider && l.Sid == w.Sid
	case w.Subject != "":
		return l.Provider == w.Provider && l.Subject == w.Subject
	}
	return false
}

func (m *Memory) endLogin(id string) {
	delete(m.logins, id)
	for sid, s := range m.sessions {
		if s.Login == id {
			delete(m.sessions, sid)
		}
	}
}

// AddSession adds one.
func (m *Memory) AddSession(_ context.Context, s Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.logins[s.Login]; !ok {
		return fault.NotFound("the login of the session is gone")
	}
	m.sessions[s.ID] = s
	return nil
}

// SessionOf finds one by its hash.
func (m *Memory) SessionOf(_ context.Context, hash string, now time.Time) (Session, Login, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		l := m.logins[s.Login]
		if l.Expires.After(now) && (s.Hash == hash || s.Before == hash && s.BeforeUntil.After(now)) {
			return s, l, nil
		}
	}
	return Session{}, Login{}, noSession()
}

func noSession() error { return fault.NotFound("there is no such session") }

// Rotate replaces a hash.
func (m *Memory) Rotate(_ context.Context, id, from, to string, now, grace time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[id]
	if !ok || s.Hash != from {
		return false, nil
	}
	s.Hash, s.Before, s.BeforeUntil, s.Rotated = to, from, grace, now
	m.sessions[id] = s
	return true, nil
}

// Sessions lists those of a person.
func (m *Memory) Sessions(_ context.Context, person string, now time.Time) ([]Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Session
	for _, s := range m.sessions {
		if l := m.logins[s.Login]; l.Person.Name == person && l.Expires.After(now) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Session) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// EndSession ends one.
func (m *Memory) EndSession(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[id]
	if !ok {
		return false, nil
	}
	delete(m.sessions, id)
	m.endUnused(s.Login)
	return true, nil
}

func (m *Memory) endUnused(login string) {
	for _, s := range m.sessions {
		if s.Login == login {
			return
		}
	}
	delete(m.logins, login)
}

// EndIdle ends those that nobody used.
func (m *Memory) EndIdle(_ context.Context, k Kind, since time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, s := range m.sessions {
		if s.Kind == k && s.Seen.Before(since) {
			delete(m.sessions, id)
			m.endUnused(s.Login)
		}
	}
	return nil
}

// AddToken adds one.
func (m *Memory) AddToken(_ context.Context, t Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens[t.ID] = t
	return nil
}

// TokenOf finds one by its hash.
func (m *Memory) TokenOf(_ context.Context, hash string, now time.Time) (Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tokens {
		if t.Hash == hash && t.Expires.After(now) {
			return t, nil
		}
	}
	return Token{}, noToken()
}

func noToken() error { return fault.NotFound("there is no such token") }

// Tokens lists them.
func (m *Memory) Tokens(_ context.Context, person string, now time.Time) ([]Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Token
	for _, t := range m.tokens {
		if t.Expires.After(now) && (person == "" || t.By == person || t.Person.Name == person) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Token) int { return b.Created.Compare(a.Created) })
	return out, nil
}

// EndToken ends one.
func (m *Memory) EndToken(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.tokens[id]
	delete(m.tokens, id)
	return ok, nil
}

// EndTokens ends those that are a person.
func (m *Memory) EndTokens(_ context.Context, person string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.tokens)
	maps.DeleteFunc(m.tokens, func(_ string, t Token) bool { return t.Person.Name == person })
	return before - len(m.tokens), nil
}

// EndMade ends those that a person made for others.
func (m *Memory) EndMade(_ context.Context, maker string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.tokens)
	maps.DeleteFunc(m.tokens, func(_ string, t Token) bool { return t.By == maker && t.Person.Name != maker })
	return before - len(m.tokens), nil
}

// Vouch keeps v.
func (m *Memory) Vouch(_ context.Context, v Voucher) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.vouchers[v.Person.Name] = v
	return nil
}

// Doubt shortens what is believed.
func (m *Memory) Doubt(_ context.Context, person string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.vouchers[person]; ok && v.Until.After(until) {
		v.Until = until
		m.vouchers[person] = v
	}
	return nil
}

// VoucherOf returns what is known.
func (m *Memory) VoucherOf(_ context.Context, person string) (Voucher, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.vouchers[person]
	return v, ok, nil
}

// Saw writes when they were used.
func (m *Memory) Saw(_ context.Context, sessions, tokens map[string]time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, at := range sessions {
		if s, ok := m.sessions[id]; ok {
			s.Seen = at
			m.sessions[id] = s
		}
	}
	for id, at := range tokens {
		if t, ok := m.tokens[id]; ok {
			t.Used = at
			m.tokens[id] = t
		}
	}
	return nil
}

// Put keeps o.
func (m *Memory) Put(_ context.Context, o Once) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.once[o.Key]; there {
		return false, nil
	}
	m.once[o.Key] = o
	return true, nil
}

// Peek looks.
func (m *Memory) Peek(_ context.Context, key string, now time.Time) (Once, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.once[key]
	if !ok || !o.Expires.After(now) {
		return Once{}, false, nil
	}
	return o, true, nil
}

// Take takes.
func (m *Memory) Take(ctx context.Context, key string, now time.Time) (Once, bool, error) {
	o, ok, err := m.Peek(ctx, key, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, still := m.once[key]; !still {
		return Once{}, false, err
	}
	delete(m.once, key)
	return o, ok, err
}

// Sweep deletes what has expired.
func (m *Memory) Sweep(_ context.Context, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, l := range m.logins {
		if !l.Expires.After(now) {
			m.endLogin(id)
		}
	}
	for id, t := range m.tokens {
		if !t.Expires.After(now) {
			delete(m.tokens, id)
		}
	}
	for key, o := range m.once {
		if !o.Expires.After(now) {
			delete(m.once, key)
		}
	}
	has := map[string]bool{}
	for _, t := range m.tokens {
		has[t.Person.Name] = true
	}
	maps.DeleteFunc(m.vouchers, func(name string, v Voucher) bool { return !v.Until.After(now) && !has[name] })
	return nil
}
