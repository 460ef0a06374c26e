package store

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Entry is one thing that happened. Entries are numbered from 1 without gaps, but
// for what retention has removed.
type Entry struct {
	Seq int64
	// ID is given where the entry is made, so that appending it once more, because
	// nobody knows whether it was, does nothing.
	ID   string
	Time time.Time // whole microseconds, UTC
	Kind Kind
	// Person is who did it: Name, Display and Via are kept, groups and scopes not.
	Person lockstep.Person
	// Unit is the Stack that it is about; zero for none.
	Unit lockstep.Unit
	// Verb is what was done in one word ("apply", "approve", "POST"), Outcome how it
	// ended ("Succeeded", "denied", "409"), Reason why it was done or not, in the
	// words of whoever knows: a commit's subject, a person's reason, an error.
	Verb, Outcome, Reason string
	// Request is the id of the HTTP request or pass that led to it.
	Request string
	// Data is the JSON text of the kind's Detail, exactly as it was hashed.
	Data string
	// Prev and Hash are lower-case hex; Prev of the first entry is Origin.
	Prev, Hash string
}

// Kind is the kind of an Entry; it decides the type of its Data and how long it is
// kept.
type Kind string

// The kinds.
const (
	KindRelease  Kind = "release"
	KindDrift    Kind = "drift"
	KindHeal     Kind = "heal"
	KindApproval Kind = "approval"
	KindRollback Kind = "rollback"
	KindPause    Kind = "pause"
	KindLogin    Kind = "login"
	KindLogout   Kind = "logout"
	KindToken    Kind = "token"
	KindCall     Kind = "call"
	// KindRetention is the checkpoint that stands for what retention removed.
	KindRetention Kind = "retention"
	// KindGap says that entries were lost before they could be kept.
	KindGap Kind = "gap"
)

// Kinds returns all kinds, in the order in which people are shown them.
func Kinds() []Kind {
	return []Kind{KindRelease, KindDrift, KindHeal, KindApproval, KindRollback, KindPause, KindLogin, KindLogout, KindToken, KindCall, KindRetention, KindGap}
}

// Draft is an Entry before it has its place in the chain.
type Draft struct {
	ID      string    // "" for a new one
	Time    time.Time // zero for now
	Person  lockstep.Person
	Unit    lockstep.Unit
	Verb    string
	Outcome string
	Reason  string
	Request string
	// Detail is what the kind has beside; its type decides the kind.
	Detail Detail
}

// NewID returns an ID that nobody else has.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the program ends instead
	return hex.EncodeToString(b[:])
}

// maxText bounds each text of an entry, maxData its Data: the record is read by
// people, and a hostile name must not fill a disk.
const (
	maxText = 4 << 10
	maxData = 256 << 10
)

// Entry returns d as an Entry without a place. What a database cannot hold is
// taken out here, so that every database holds, and hashes, the same.
func (d Draft) Entry(now time.Time) (Entry, error) {
	if d.Detail == nil {
		return Entry{}, fault.Internal(errNoDetail)
	}
	data, err := json.Marshal(d.Detail)
	if err != nil {
		return Entry{}, fault.Internal(err)
	}
	if len(data) > maxData {
		return Entry{}, fault.TooLarge("the details of a %s entry have %d bytes, and %d are kept", d.Detail.Kind(), len(data), maxData)
	}
	if d.Time.IsZero() {
		d.Time = now
	}
	if d.ID == "" {
		d.ID = NewID()
	}
	p := lockstep.Person{Name: Clean(d.Person.Name), Display: Clean(d.Person.Display), Via: lockstep.Proof(Clean(string(d.Person.Via)))}
	return Entry{
		ID: Clean(d.ID), Time: d.Time.UTC().Truncate(time.Microsecond), Kind: d.Detail.Kind(), Person: p,
		Unit: lockstep.Unit{Namespace: Clean(d.Unit.Namespace), Name: Clean(d.Unit.Name)},
		Verb: Clean(d.Verb), Outcome: Clean(d.Outcome), Reason: Clean(d.Reason), Request: Clean(d.Request), Data: string(data),
	}, nil
}

// Clean returns s without what PostgreSQL refuses in a text, and not too long.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText-3], "") + "…"
}
