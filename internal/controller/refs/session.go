package refs

import (
	"context"
	"slices"
)

// Session is one pass's reading on behalf of one user. What the pass no longer
// reads, the user no longer hears of.
type Session struct {
	store *Store
	user  User
	read  []Ref
}

// Begin starts a pass.
func (s *Store) Begin(user User) *Session { return &Session{store: s, user: user} }

// Secret returns the data of a Secret.
func (s *Session) Secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	return s.get(ctx, Ref{Kind: "Secret", Namespace: namespace, Name: name})
}

// ConfigMap returns the data of a ConfigMap.
func (s *Session) ConfigMap(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	return s.get(ctx, Ref{Kind: "ConfigMap", Namespace: namespace, Name: name})
}

// End releases what the user named before and did not read in this pass.
func (s *Session) End() { s.store.Release(s.user, s.read...) }

func (s *Session) get(ctx context.Context, ref Ref) (map[string][]byte, error) {
	if !slices.Contains(s.read, ref) {
		s.read = append(s.read, ref)
	}
	return s.store.Get(ctx, s.user, ref)
}
