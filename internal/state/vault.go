package state

import (
	"context"
	"errors"
	"time"
)

// Vault is where heads and sealed versions lie. It may be shared by processes that
// know nothing of one another; statetest holds every promise made here. All methods
// are safe for concurrent use, and an error is a fault.
type Vault interface {
	// Head returns the head of a state and the mark that it has; the zero Mark if
	// there is none. It is what was last put anywhere, not what this process saw.
	Head(ctx context.Context, k Key) (Head, Mark, error)
	// Put replaces the head that has mark m, or makes the first where m is zero. If
	// another one is there it changes nothing, and errors.Is says ErrMoved.
	Put(ctx context.Context, k Key, h Head, m Mark) (Mark, error)
	// Heads returns all heads, sorted by key. One that cannot be read is left out,
	// and told in the error beside the others.
	Heads(ctx context.Context) ([]Head, error)

	// Keep keeps a sealed version under an ID that was never used before, and says in
	// how many parts. What a failed Keep left is found by Parts.
	Keep(ctx context.Context, k Key, id string, sealed []byte) (parts int, err error)
	// Fetch returns what was kept; fault.KindNotFound if a part of it is missing.
	Fetch(ctx context.Context, k Key, id string, parts int) ([]byte, error)
	// Drop forgets a version; what is not there is no error.
	Drop(ctx context.Context, k Key, id string, parts int) error
	// Parts returns everything that was kept and not dropped, whoever's it is.
	Parts(ctx context.Context) ([]Part, error)
	// Orphaned says whether parts of k are there, for a state without a head.
	Orphaned(ctx context.Context, k Key) (bool, error)
}

// Mark is what a head has that another one had not: "" for no head.
type Mark string

// Part is one part of what was kept.
type Part struct {
	Owner string // Key.Hash of whose it is
	ID    string
	Index int
	Made  time.Time
}

// ErrMoved: somebody else has put another head since.
var ErrMoved = errors.New("another head is there")
