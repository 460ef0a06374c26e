package store

import (
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Order is the direction in which entries are read.
type Order bool

// The orders.
const (
	NewestFirst Order = false
	OldestFirst Order = true
)

// maxLimit bounds a page, defaultLimit is its size where nobody says.
const (
	maxLimit     = 1000
	defaultLimit = 50
)

// Limit returns n as the size of a page.
func Limit(n int) int {
	if n <= 0 {
		return defaultLimit
	}
	return min(n, maxLimit)
}

// Filter chooses entries. What is zero chooses all.
type Filter struct {
	Unit    lockstep.Unit // or all of a namespace, without Name
	Kinds   []Kind
	Person  string // name, or a part of the display name
	Verb    string
	Outcome string
	Since   time.Time // inclusive
	Until   time.Time // exclusive
	Text    string    // in reason, verb, outcome, unit or person
	Request string
	// Namespaces are where entries may be about; nil is everywhere, none is nowhere.
	Namespaces []string
	// Hidden are Stacks whose entries are left out: somebody may not see them.
	Hidden []lockstep.Unit
}

// Query is a Filter with the part of the answer that is wanted.
type Query struct {
	Filter
	Order Order
	// After is the sequence number after which the page begins, in Order; 0 begins
	// at the end that Order names.
	After int64
	Limit int
}

// Page is a part of the entries that a Query chooses.
type Page struct {
	Entries []Entry
	// Next is what After has to be for the next page; 0 if there is none.
	Next int64
}

// ReleaseQuery asks for releases of a Stack, newest first.
type ReleaseQuery struct {
	Unit lockstep.Unit
	// Causes chooses by cause, Outcomes by outcome; nil is all.
	Causes   []string
	Outcomes []Outcome
	Revision string // only those of this commit; "" is all
	Number   int64  // only the one with this number; 0 is all
	UID      string // only those of this Stack of that name; "" is of all that had it
	// Before is the position before which the page begins; 0 for the newest.
	Before int64
	Limit  int
}

// ReleasePage is a part of a Stack's releases, without their objects.
type ReleasePage struct {
	Releases []Release
	// Next is what Before has to be for the next page; 0 if there is none.
	Next  int64
	Total int64
}

// Window is a span of time, its end excluded.
type Window struct{ From, To time.Time }

// Insight is how delivery did in a Window. Releases that only undid drift are not
// counted.
type Insight struct {
	Window    Window
	Releases  int64 // ended in the window, superseded ones left out
	Failed    int64
	LeadP50   time.Duration // from commit to healthy, of those that succeeded
	LeadP90   time.Duration
	Leads     int64 // how many of them say when they were committed
	Heals     int64
	Changed   int64 // Stacks that had a release
	PerDay    float64
	Truncated bool // lead times are of the newest ones only
}

// FailureRate is the part of the releases that failed, 0 to 1.
func (i Insight) FailureRate() float64 {
	if i.Releases == 0 {
		return 0
	}
	return float64(i.Failed) / float64(i.Releases)
}

// Counts is how much is kept.
type Counts struct {
	Entries  map[Kind]int64
	Releases int64
	Oldest   time.Time // of the entries; zero if there are none
}
