package store

import (
	"context"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Record is what is kept together or not at all: an entry, and the release that it
// is about, if any.
type Record struct {
	Draft Draft
	// Release is merged into the row that there is (Release.Merge); nil for none.
	// The detail's digest of it is filled in when it is kept.
	Release *Release
}

// Store keeps records. Implementations are safe for concurrent use, also by
// several processes on one database.
type Store interface {
	// Append keeps records in order, all or none. Those whose ID is there already
	// are left out, so that it may be tried again. It returns the head of the chain.
	Append(ctx context.Context, records ...Record) (Head, error)
	// Head returns the end of the chain; the zero Head if it is empty.
	Head(ctx context.Context) (Head, error)
	// ChainName tells this chain from others, where heads of several are remembered.
	ChainName(ctx context.Context) (string, error)
	// Entries returns a page of what q chooses.
	Entries(ctx context.Context, q Query) (Page, error)
	// Entry returns one; fault.KindNotFound if it is not there.
	Entry(ctx context.Context, seq int64) (Entry, error)
	// Gaps returns what retention has removed, in order.
	Gaps(ctx context.Context) ([]Gap, error)

	// Releases returns a page of a Stack's releases, newest first.
	Releases(ctx context.Context, q ReleaseQuery) (ReleasePage, error)
	// Release returns one whole. Of several Stacks that had the name one after the
	// other it is that of the newest; number 0 is the newest release.
	Release(ctx context.Context, u lockstep.Unit, number int64) (Release, error)
	// EachRelease calls f for every release, whole, in the order in which they came.
	EachRelease(ctx context.Context, f func(Release) error) error
	// Insight returns how delivery did: of one Stack, of a namespace, or of all but
	// the hidden ones.
	Insight(ctx context.Context, f Filter) (Insight, error)
	// Counts returns how much is kept.
	Counts(ctx context.Context) (Counts, error)

	// Retain removes what is older than the policy says and appends the checkpoint
	// that keeps the chain verifiable. It removes a bounded part at a time. The newest
	// release of a Stack that was not deleted stays, however old it is: it is what is
	// live.
	Retain(ctx context.Context, p Policy, now time.Time) (Removal, error)
	// Place is where the records are, for people; without a password.
	Place() string
	Close() error
}

// Recorder takes records without ever waiting.
type Recorder interface {
	Record(Record)
}

// Nowhere is a Recorder that keeps nothing.
type Nowhere struct{}

// Record does nothing.
func (Nowhere) Record(Record) {}

// Removal is what one call of Retain removed.
type Removal struct {
	Entries, Releases int64
	More              bool // and there is more to remove
}

// Policy is for how long entries of each kind are kept, and releases by
// KindRelease; zero or absent is for ever.
type Policy map[Kind]time.Duration
