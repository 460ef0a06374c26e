package shard

import (
	"maps"
	"slices"
	"time"
)

// Timing says how often a lease is renewed and when it runs out.
type Timing struct {
	// Renew is the time between renewals.
	Renew time.Duration
	// Deadline is how long after the last renewal that worked its member stops.
	Deadline time.Duration
	// Lease is how long after the last renewal that they saw the others let it be.
	// What lies between Deadline and Lease has to cover the difference between two
	// clocks' rates and the time that a request needs to arrive.
	Lease time.Duration
}

// Alone is for one member: nobody waits for it, so it is gentle with the API.
// Shared is for several: what a dead one leaves is taken over soon.
var (
	Alone  = Timing{Renew: 15 * time.Second, Deadline: 20 * time.Second, Lease: 25 * time.Second}
	Shared = Timing{Renew: 3 * time.Second, Deadline: 8 * time.Second, Lease: 12 * time.Second}
)

// Lease is what a member has published.
type Lease struct {
	ID ID
	// Version tells two states of a lease apart; a lease that is made anew has
	// another one, too.
	Version string
	View    View
	// For is how long it holds after it was seen.
	For time.Duration
}

// peer is another member's lease and when this state of it was seen first.
type peer struct {
	Lease
	since time.Duration
}

// Replica is one member's part. Times are what the member's own clock says, since
// whenever it likes. It is not safe for concurrent use.
type Replica struct {
	self  ID
	peers map[ID]peer

	// own is the view that was published and read back.
	own View
	// next is the view that is to replace it, nil for none; sent once it may have
	// been published. Until it is read back both count.
	next View
	sent bool
	// version is the answer to the last write, "" while one is under way or its
	// fate is unknown.
	version string
	mine    Lease // the own lease as it was seen last

	renewed time.Duration // when the last renewal that worked was sent
	timing  Timing        // what that renewal promised
	expires time.Duration // when this member stops unless it renews
	fenced  bool          // it has not renewed yet, or its lease was lost
}

// NewReplica returns the member self, before it has seen anything.
func NewReplica(self ID) *Replica {
	return &Replica{self: self, peers: map[ID]peer{}, fenced: true}
}

// Seen takes in a lease as it is now, this member's own included.
func (r *Replica) Seen(now time.Duration, l Lease) {
	if l.ID == r.self {
		r.mine = l
		r.readBack()
		return
	}
	if old, known := r.peers[l.ID]; known && old.Version == l.Version {
		return
	}
	r.peers[l.ID] = peer{Lease: l, since: now}
}

// readBack makes a published view count once everything that was published
// before it has been seen, too: leases are seen in the order of their writes.
func (r *Replica) readBack() {
	if !r.sent || r.version == "" || r.mine.Version != r.version {
		return
	}
	r.own, r.next, r.sent = r.next, nil, false
}

// Gone takes in that a lease is no more.
func (r *Replica) Gone(id ID) { delete(r.peers, id) }

// Lost stops this member for good: its lease is gone or somebody else's.
func (r *Replica) Lost() {
	r.fenced = true
	r.own, r.next, r.sent = nil, nil, false
}

// Members are all that have a lease, this member included.
func (r *Replica) Members() View {
	return NewView(append(slices.Collect(maps.Keys(r.peers)), r.self)...)
}

// Joined says whether a view of this member counts.
func (r *Replica) Joined() bool { return r.own != nil }

// Standing is a text that differs when what this member acts on may differ.
func (r *Replica) Standing() string {
	out := r.own.String() + ";" + r.next.String()
	for _, id := range slices.Sorted(maps.Keys(r.peers)) {
		out += ";" + string(id) + ":" + r.peers[id].View.String()
	}
	return out
}

// Others says whether there are other members.
func (r *Replica) Others() bool { return len(r.peers) > 0 }

// Valid says whether this member may act at all at now: it has promised to stop
// when it could not renew.
func (r *Replica) Valid(now time.Duration) bool {
	return !r.fenced && now < r.expires
}

// Expires is when Valid ends unless the lease is renewed.
func (r *Replica) Expires() time.Duration { return r.expires }

// Acts says whether this member, and no other, acts on it. It has to be Valid as
// well.
func (r *Replica) Acts(it Item) bool {
	if r.fenced || r.own.Winner(it) != r.self || r.next != nil && r.next.Winner(it) != r.self {
		return false
	}
	for id, p := range r.peers {
		if p.View.Winner(it) == id {
			return false
		}
	}
	return true
}

// Owner is who acts on it once all agree.
func (r *Replica) Owner(it Item) ID { return r.Members().Winner(it) }

// Leaves says whether the view that is to be published next gives it away.
func (r *Replica) Leaves(it Item) bool {
	return r.next != nil && r.next.Winner(it) != r.self
}

// Decision is what a member has to do.
type Decision struct {
	// Evict are leases that ran out. Each is to be deleted if it is still in the
	// state that is given: a renewal that this member has not seen yet saves it.
	Evict []Lease
	// Renew asks for a write of the own lease now, Publish for one as soon as
	// nothing goes on that the next view gives away. See [Replica.Write].
	Renew, Publish bool
	// Wake is when to decide again although nothing happened.
	Wake time.Duration
}

// Decide says what there is to do. It may be asked at any time and as often as
// one likes.
func (r *Replica) Decide(now time.Duration) Decision {
	if members := r.Members(); !r.sent {
		switch {
		case members.Equal(r.own):
			r.next = nil
		case !members.Equal(r.next):
			r.next = members
		}
	}
	var d Decision
	timing := r.wanted()
	d.Wake = r.renewed + timing.Renew
	if r.fenced {
		d.Wake = now
	}
	d.Publish = r.next != nil && !r.sent
	d.Renew = r.fenced || now >= d.Wake || r.sent && r.version == "" || r.timing != timing
	for _, id := range slices.Sorted(maps.Keys(r.peers)) {
		p := r.peers[id]
		if end := p.since + p.For; now >= end {
			d.Evict = append(d.Evict, p.Lease)
		} else {
			d.Wake = min(d.Wake, end)
		}
	}
	return d
}

func (r *Replica) wanted() Timing {
	if r.Others() {
		return Shared
	}
	return Alone
}

// Record is what to write into the own lease.
type Record struct {
	View   View
	Timing Timing
	sent   time.Duration
}

// Write begins a write of the own lease at now, whose answer goes to
// Wrote; without one it is to be written again. drained says that nothing goes on that the next view gives away; then
// the write publishes that view.
func (r *Replica) Write(now time.Duration, drained bool) Record {
	if r.next != nil && drained {
		r.sent = true
	}
	rec := Record{View: r.own, Timing: r.wanted(), sent: now}
	if r.sent {
		rec.View = r.next
	}
	r.version = ""
	// If the answer is lost the others may go by what was just promised.
	r.expires = min(r.expires, now+rec.Timing.Deadline)
	return rec
}

// Wrote ends a write that worked.
func (r *Replica) Wrote(rec Record, version string) {
	r.renewed, r.timing, r.fenced = rec.sent, rec.Timing, false
	r.expires = rec.sent + rec.Timing.Deadline
	r.version = version
	r.readBack() // the watch may have been faster than the answer
}
