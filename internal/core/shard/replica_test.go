package shard

import (
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"testing"
	"time"
)

// The simulation runs several Replicas against one store of leases, with clocks
// that run at different rates, watches that lag, answers that are lost, members
// that are killed, paused and started anew, in an order that bytes choose. At
// every step it holds the one promise: no two members act on one item.

// drift is how far the rate of a clock may be off, and flight how long a request
// may take to land after the check that let it go. Both are what the decision
// record promises to bear.
const (
	drift  = 0.10
	flight = 700 * time.Millisecond
)

var simItems = func() []Item {
	var out []Item
	for i := range 12 {
		out = append(out, Item{Kind: "Stack", Namespace: "ns" + strconv.Itoa(i%3), Name: "s" + strconv.Itoa(i)})
	}
	return out
}()

type simLease struct {
	Lease
	revision int
}

type simEvent struct {
	id    ID
	gone  bool
	lease Lease
}

type simWorld struct {
	now      time.Duration // true time
	revision int
	leases   map[ID]simLease
	log      []simEvent
	members  []*simMember
	trouble  string
}

// simPass is a pass on an item. Its last write lands at the latest at lands.
type simPass struct {
	item  Item
	until time.Duration // true time
	lands time.Duration
}

type simMember struct {
	w      *simWorld
	id     ID
	rate   float64
	r      *Replica
	cursor int
	alive  bool
	paused time.Duration // until
	passes []simPass
	// held is what the lease said when this member wrote it last.
	held     string
	hasLease bool
}

func newSim(n int, rates func(i int) float64) *simWorld {
	w := &simWorld{leases: map[ID]simLease{}}
	for i := range n {
		m := &simMember{w: w, id: ID("m" + strconv.Itoa(i)), rate: rates(i)}
		w.members = append(w.members, m)
	}
	return w
}

func (m *simMember) clock() time.Duration { return time.Duration(float64(m.w.now) * m.rate) }

func (m *simMember) runs() bool { return m.alive && m.w.now >= m.paused }

func (m *simMember) start() {
	m.alive, m.r, m.passes, m.hasLease = true, NewReplica(m.id), nil, false
	m.cursor = len(m.w.log)
	// A list of what there is, as a watch begins.
	for id, l := range m.w.leases {
		if id == m.id {
			m.held, m.hasLease = l.Version, true // the same identity takes its lease over
			continue
		}
		m.r.Seen(m.clock(), l.Lease)
	}
}

// deliver brings the next n events of the watch.
func (m *simMember) deliver(n int) {
	for ; n > 0 && m.cursor < len(m.w.log); n-- {
		e := m.w.log[m.cursor]
		m.cursor++
		switch {
		case e.gone && e.id == m.id:
			if !m.inLeases() {
				m.exit()
				return
			}
		case e.gone:
			m.r.Gone(e.id)
		default:
			m.r.Seen(m.clock(), e.lease)
		}
	}
}

func (m *simMember) inLeases() bool { _, ok := m.w.leases[m.id]; return ok }

func (m *simMember) exit() { m.alive, m.passes = false, nil }

// turn lets m do what it has decided; lost says that the answer to its write
// does not arrive.
func (m *simMember) turn(lost bool) {
	d := m.r.Decide(m.clock())
	for _, e := range d.Evict {
		if l, ok := m.w.leases[e.ID]; ok && l.Version == e.Version {
			delete(m.w.leases, e.ID)
			m.w.revision++
			m.w.log = append(m.w.log, simEvent{id: e.ID, gone: true})
		}
	}
	drained := !slices.ContainsFunc(m.passes, func(p simPass) bool { return m.r.Leaves(p.item) })
	if d.Renew || d.Publish && drained {
		m.write(drained, lost)
	}
}

func (m *simMember) write(drained, lost bool) {
	rec := m.r.Write(m.clock(), drained)
	now, exists := m.w.leases[m.id]
	switch {
	case m.hasLease && (!exists || now.Version != m.held):
		if exists {
			m.held = now.Version // an earlier write of ours whose answer was lost
			return
		}
		m.r.Lost()
		m.exit()
		return
	case !m.hasLease && exists:
		m.exit()
		return
	}
	m.w.revision++
	l := Lease{ID: m.id, Version: strconv.Itoa(m.w.revision), View: rec.View, For: rec.Timing.Lease}
	m.w.leases[m.id] = simLease{Lease: l, revision: m.w.revision}
	m.w.log = append(m.w.log, simEvent{id: m.id, lease: l})
	m.hasLease = true
	if lost {
		return
	}
	m.held = l.Version
	m.r.Wrote(rec, l.Version)
}

// begin starts passes on everything that m may act on, as it believes.
func (m *simMember) begin(it Item, length time.Duration) {
	if !m.r.Valid(m.clock()) || !m.r.Acts(it) || slices.ContainsFunc(m.passes, func(p simPass) bool { return p.item == it }) {
		return
	}
	m.passes = append(m.passes, simPass{item: it, until: m.w.now + length})
}

// step lets d pass, in slices, and ends what ends meanwhile.
func (w *simWorld) step(d time.Duration) {
	for end := w.now + d; w.now < end; {
		w.now = min(end, w.now+50*time.Millisecond)
		for _, m := range w.members {
			if !m.runs() {
				continue
			}
			for i := range m.passes {
				if m.r.Valid(m.clock()) {
					m.passes[i].lands = w.now + flight
				}
			}
			m.passes = slices.DeleteFunc(m.passes, func(p simPass) bool { return w.now >= p.until })
		}
		w.check()
	}
}

// check is the promise.
func (w *simWorld) check() {
	acting := map[Item]ID{}
	for _, m := range w.members {
		for _, p := range m.passes {
			writes := m.runs() && m.r.Valid(m.clock())
			if !writes && p.lands <= w.now {
				continue
			}
			if other, twice := acting[p.item]; twice && w.trouble == "" {
				w.trouble = fmt.Sprintf("at %s both %s and %s act on %s", w.now, other, m.id, p.item.Name)
			}
			acting[p.item] = m.id
		}
	}
}

// play lets bytes choose what happens.
func (w *simWorld) play(data []byte) {
	for len(data) >= 2 && w.trouble == "" {
		op, arg := data[0], data[1]
		data = data[2:]
		m := w.members[int(arg)%len(w.members)]
		n := int(arg) / len(w.members)
		switch {
		case op < 20 && !m.alive:
			m.start()
		case op < 24 && m.alive:
			m.exit() // kill -9; requests that are on their way land
		case op < 28 && m.runs():
			m.paused = w.now + time.Duration(n)*time.Second/2
		case op < 70 && m.runs():
			m.deliver(1 + n%4)
		case op < 110 && m.runs():
			m.turn(n%8 == 0)
		case op < 120 && m.runs():
			m.begin(simItems[n%len(simItems)], time.Duration(n%20)*time.Second)
		case op < 200 && m.runs():
			for _, it := range simItems {
				m.begin(it, time.Duration(1+n%7)*time.Second)
			}
		case op < 240:
			w.step(time.Duration(arg) * 10 * time.Millisecond)
		default:
			w.step(time.Duration(arg) * 60 * time.Millisecond)
		}
		w.check()
	}
}

// settle lets everybody who is alive do all there is to do. The longest pause and
// the longest lease have to end in it.
func (w *simWorld) settle() {
	for range 2000 {
		for _, m := range w.members {
			if m.runs() {
				m.deliver(1 << 20)
			}
			if m.runs() {
				m.turn(false)
			}
		}
		w.step(50 * time.Millisecond)
	}
}

func simulate(t *testing.T, members int, fast bool, data []byte) {
	t.Helper()
	rates := func(i int) float64 {
		if (i%2 == 0) == fast {
			return 1 + drift/2
		}
		return 1 - drift/2
	}
	w := newSim(members, rates)
	w.play(data)
	if w.trouble != "" {
		t.Fatal(w.trouble)
	}
	w.settle()
	if w.trouble != "" {
		t.Fatalf("while it settled: %s", w.trouble)
	}
	alive := 0
	for _, m := range w.members {
		if m.runs() {
			alive++
		}
	}
	for _, it := range simItems {
		var by []ID
		for _, m := range w.members {
			if m.runs() && m.r.Valid(m.clock()) && m.r.Acts(it) {
				by = append(by, m.id)
			}
		}
		if want := min(alive, 1); len(by) != want {
			t.Fatalf("when all is quiet %s has %d owners of %d members: %v", it.Name, len(by), alive, by)
		}
	}
}

func TestNobodyActsTwice(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for seed := range rounds {
		rnd := rand.New(rand.NewSource(int64(seed)))
		data := make([]byte, 200+rnd.Intn(1200))
		_, _ = rnd.Read(data) // never fails
		simulate(t, 2+seed%4, seed%2 == 0, data)
	}
}

func FuzzNobodyActsTwice(f *testing.F) {
	for seed := range 8 {
		rnd := rand.New(rand.NewSource(int64(seed)))
		data := make([]byte, 600)
		_, _ = rnd.Read(data)
		f.Add(uint8(seed), data)
	}
	f.Fuzz(func(t *testing.T, how uint8, data []byte) {
		simulate(t, 2+int(how>>1)%4, how&1 == 0, data[:min(len(data), 4000)])
	})
}

// TestPromiseHoldsWithoutAnAnswer: a member that was alone promises a shorter
// lease, and the answer is lost. The others may have read it, and count by it.
func TestPromiseHoldsWithoutAnAnswer(t *testing.T) {
	r := NewReplica("a")
	r.Decide(0)
	r.Wrote(r.Write(0, true), "1")
	r.Seen(0, Lease{ID: "a", Version: "1", View: NewView("a")})
	r.Seen(time.Second, Lease{ID: "b", Version: "2", View: NewView("a", "b"), For: Shared.Lease})
	if d := r.Decide(time.Second); !d.Renew {
		t.Error("it does not renew more often although it is no longer alone")
	}
	r.Write(time.Second, true)
	if at := time.Second + Shared.Deadline; r.Valid(at) {
		t.Errorf("at %s it still acts; the others wait until %s", at, time.Second+Shared.Lease)
	}
}
