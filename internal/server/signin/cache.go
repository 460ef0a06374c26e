package signin

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// cacheTime is how long a session or token is believed without being looked up: a
// page is many requests. One that another replica ended lives so much longer.
const cacheTime = 3 * time.Second

// maxCached bounds the memory; beyond it all is looked up anew.
const maxCached = 10_000

// cache remembers what was looked up a moment ago, never what was not found.
type cache struct {
	mu       sync.Mutex
	sessions map[string]cachedSession
	tokens   map[string]cachedToken
}

type cachedSession struct {
	session credentials.Session
	login   credentials.Login
	until   time.Time
}

type cachedToken struct {
	token credentials.Token
	until time.Time
}

func (c *cache) session(hash string, now time.Time, look func() (credentials.Session, credentials.Login, error)) (credentials.Session, credentials.Login, error) {
	c.mu.Lock()
	got, ok := c.sessions[hash]
	c.mu.Unlock()
	if ok && got.until.After(now) {
		return got.session, got.login, nil
	}
	s, l, err := look()
	if err != nil {
		return s, l, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == nil || len(c.sessions) >= maxCached {
		c.sessions = map[string]cachedSession{}
	}
	c.sessions[hash] = cachedSession{s, l, now.Add(cacheTime)}
	return s, l, nil
}

func (c *cache) token(hash string, now time.Time, look func() (credentials.Token, error)) (credentials.Token, error) {
	c.mu.Lock()
	got, ok := c.tokens[hash]
	c.mu.Unlock()
	if ok && got.until.After(now) && got.token.Expires.After(now) {
		return got.token, nil
	}
	t, err := look()
	if err != nil {
		return t, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil || len(c.tokens) >= maxCached {
		c.tokens = map[string]cachedToken{}
	}
	c.tokens[hash] = cachedToken{t, now.Add(cacheTime)}
	return t, nil
}

func (c *cache) forgetSession(hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, hash)
}

// forget drops everything: something was ended here, and must be at once.
func (c *cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions, c.tokens = nil, nil
}

// seen is when sessions and tokens were last used. It is written once a minute, and
// no request waits for it.
type seen struct {
	mu               sync.Mutex
	sessions, tokens map[string]time.Time
	// recent outlives a write, so that who is cached is not thought to be idle.
	recent map[string]time.Time
}

func (s *seen) session(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions == nil {
		s.sessions = map[string]time.Time{}
	}
	s.sessions[id] = now
}

func (s *seen) token(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens == nil {
		s.tokens = map[string]time.Time{}
	}
	s.tokens[id] = now
}

// last returns when a session was last used, by what is known here or was written.
func (s *seen) last(id string, written time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range []map[string]time.Time{s.sessions, s.recent} {
		if at, ok := known[id]; ok && at.After(written) {
			written = at
		}
	}
	return written
}

func (s *seen) write(ctx context.Context, of *Service) {
	s.mu.Lock()
	sessions, tokens := s.sessions, s.tokens
	s.sessions, s.tokens, s.recent = nil, nil, sessions
	s.mu.Unlock()
	if len(sessions)+len(tokens) == 0 {
		return
	}
	if err := of.Keep.Saw(ctx, sessions, tokens); err != nil {
		of.Log.Warn("when sessions were last used is not written", "error", err.Error())
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sessions, s.tokens = merged(sessions, s.sessions), merged(tokens, s.tokens)
	}
}

func merged(old, newer map[string]time.Time) map[string]time.Time {
	out := maps.Clone(old)
	if out == nil {
		return newer
	}
	maps.Copy(out, newer)
	return out
}
