package kubernetes

import (
	"hash/maphash"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// view is everything that is known to be live, from watches and from answers to
// our own writes, whichever is the later.
type view struct {
	digester diff.Digester
	rules    unitRules
	sets     fieldSets
	// worried is told of every object whose pods may have to be asked, and of those
	// that need not be any more; nil tells nobody. It must not block.
	worried func(*record)

	mu      sync.Mutex
	objects map[lockstep.Key]*record
	units   map[lockstep.Unit]map[lockstep.Key]*record
	writes  map[lockstep.Key]*pending
	moved   chan struct{} // closed and replaced at every change
}

// pending is a write of ours that is on its way. The watch often brings its
// effect before the API's answer; nobody is told until both are known.
type pending struct {
	before *record
	answer *record // what the API answered; nil while it has not
	moved  bool
	// absent is the latest version at which the object was not there, "" while none is
	// known: its end may be seen before the answer that says how it began.
	absent string
}

// wasAbsent notes that the object was not there at version rv.
func (p *pending) wasAbsent(rv string) {
	if p.absent == "" || newer(rv, p.absent) {
		p.absent = rv
	}
}

// outlived says whether the object was gone again after r.
func (p *pending) outlived(r *record) bool { return p.absent != "" && !newer(r.rv, p.absent) }

func newView(d diff.Digester) *view {
	return &view{
		digester: d,
		objects:  map[lockstep.Key]*record{},
		units:    map[lockstep.Unit]map[lockstep.Key]*record{},
		writes:   map[lockstep.Key]*pending{},
		moved:    make(chan struct{}),
	}
}

// get returns what is known of key, nil for nothing.
func (v *view) get(key lockstep.Key) *record {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.objects[key]
}

// next returns a channel that is closed by the next change, and what is known
// of key now.
func (v *view) next(key lockstep.Key) (*record, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.objects[key], v.moved
}

// ofUnit returns the unit's records, in no order.
func (v *view) ofUnit(u lockstep.Unit) []*record {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]*record, 0, len(v.units[u]))
	for _, r := range v.units[u] {
		out = append(out, r)
	}
	return out
}

// seen takes in what a watch brought.
func (v *view) seen(tree map[string]any) []driver.Change {
	r := v.record(tree)
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.objects[r.key]
	if old != nil && !newer(r.rv, old.rv) {
		return nil
	}
	v.inherit(r, old, tree)
	return v.put(r, old)
}

// inherit gives r what an event cannot say: what our last apply left, and, for
// a mark that was torn off, whose it was.
func (v *view) inherit(r, old *record, tree map[string]any) {
	if old == nil || old.uid != r.uid {
		return
	}
	if r.unit == (lockstep.Unit{}) {
		r.unit = old.unit
	}
	r.withBase(old.baseOf(r), tree, v.digester)
}

// answered takes in the API's answer to our own apply: whatever is ours in it
// is what we asked for. It returns false when a watch has brought a later state
// in which a field of ours is not ours any more, so that somebody has to look.
func (v *view) answered(tree map[string]any) bool {
	r := v.record(tree)
	r.base = r.owned
	v.mu.Lock()
	defer v.mu.Unlock()
	old, p := v.objects[r.key], v.writes[r.key]
	if p != nil {
		p.answer = r
	}
	switch {
	case old == nil && p != nil && p.outlived(r):
		p.moved = true
		return true
	case old == nil || !newer(old.rv, r.rv):
		v.put(r, old)
		return true
	case old.uid != r.uid || old.digest != r.digest:
		return true // somebody else has applied since, and the watch has brought that
	}
	late := *old
	late.base, late.drift, late.judgedFor, late.blind = r.base, nil, "", false
	if !late.keeps(r.base) {
		return false
	}
	v.put(&late, old)
	return true
}

// looked takes in an object that was read to learn more about it, to be judged by
// what was known of it. One that is not known any more was deleted meanwhile.
func (v *view) looked(tree map[string]any, was *record) []driver.Change {
	r := v.record(tree)
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.objects[r.key]
	if old == nil || old.uid != r.uid || newer(old.rv, r.rv) {
		return nil
	}
	r.withBase(was.baseOf(r), tree, v.digester)
	return v.put(r, old)
}

// judge stores a verdict about a record that has no base. It returns false when
// the record has changed meanwhile: the verdict is then about the past.
func (v *view) judge(old *record, change func(*record)) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.objects[old.key] != old {
		return false
	}
	r := *old
	change(&r)
	v.put(&r, old)
	return true
}

// listed takes in a whole list: what it does not have and is not later than it
// is gone. inScope says which records the list speaks for.
func (v *view) listed(items []*record, rv string, inScope func(*record) bool) []driver.Change {
	have := make(map[lockstep.Key]bool, len(items))
	var out []driver.Change
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range items {
		have[r.key] = true
		old := v.objects[r.key]
		if old != nil && !newer(r.rv, old.rv) {
			continue
		}
		if old != nil && old.uid == r.uid {
			r.carry(old.baseOf(r), v.digester)
			if r.unit == (lockstep.Unit{}) {
				r.unit = old.unit
			}
		}
		out = append(out, v.put(r, old)...)
	}
	for key, r := range v.objects {
		if !have[key] && inScope(r) && !newer(r.rv, rv) {
			out = append(out, v.drop(r)...)
		}
	}
	for key, p := range v.writes {
		if !have[key] && inScope(&record{key: key}) {
			p.wasAbsent(rv)
		}
	}
	return out
}

// gone takes in that the object with this uid does not exist, or does not carry
// our label, any more since resource version rv. An apply may have brought the
// label back after that.
func (v *view) gone(key lockstep.Key, uid, rv string) []driver.Change {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p := v.writes[key]; p != nil {
		p.wasAbsent(rv)
	}
	old := v.objects[key]
	if old == nil || old.uid != uid || newer(old.rv, rv) {
		return nil
	}
	return v.drop(old)
}

// put stores r; v.mu is held.
func (v *view) put(r, old *record) []driver.Change {
	r.noticed(old)
	if old != nil {
		v.unindex(old)
	}
	r.remember(old)
	v.tell(r, old)
	v.objects[r.key] = r
	if r.unit != (lockstep.Unit{}) {
		if v.units[r.unit] == nil {
			v.units[r.unit] = map[lockstep.Key]*record{}
		}
		v.units[r.unit][r.key] = r
	}
	if old != nil && old.same(r) {
		return nil
	}
	v.wake()
	return v.hold(r.key, changes(r, old))
}

// hold keeps news about an object that is being written for endWrite.
func (v *view) hold(key lockstep.Key, news []driver.Change) []driver.Change {
	p := v.writes[key]
	if p == nil {
		return news
	}
	p.moved = true
	return nil
}

// beginWrite is called before an object is written to; the caller holds its
// lock in keyLocks.
func (v *view) beginWrite(key lockstep.Key) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.writes[key] = &pending{before: v.objects[key]}
}

// writing says whether a write to the object is on its way.
func (v *view) writing(key lockstep.Key) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.writes[key] != nil
}

// endWrite returns what happened to the object meanwhile, apart from what the
// write itself did.
func (v *view) endWrite(key lockstep.Key, result lockstep.Result) []driver.Change {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.writes[key]
	delete(v.writes, key)
	expected := p.before
	if p.answer != nil {
		expected = p.answer
	}
	now := v.objects[key]
	removed := p.answer == nil && result != lockstep.Failed
	switch {
	case !p.moved || removed:
		return nil
	case now == nil && expected == nil:
		return nil
	case now == nil:
		return changes(expected, nil)
	case expected != nil && now.same(expected):
		return nil
	}
	return changes(now, expected)
}

func (v *view) drop(old *record) []driver.Change {
	v.unindex(old)
	delete(v.objects, old.key)
	v.wake()
	return v.hold(old.key, changes(old, nil))
}

func (v *view) unindex(r *record) {
	keys := v.units[r.unit]
	delete(keys, r.key)
	if len(keys) == 0 {
		delete(v.units, r.unit)
	}
}

func (v *view) wake() {
	close(v.moved)
	v.moved = make(chan struct{})
}

// changes names the units that a change concerns: two when the mark moved.
func changes(r, old *record) []driver.Change {
	var out []driver.Change
	if r.unit != (lockstep.Unit{}) {
		out = append(out, driver.Change{Unit: r.unit, Key: r.key, Drift: old != nil && r.alike(old)})
	}
	if old != nil && old.unit != r.unit && old.unit != (lockstep.Unit{}) {
		out = append(out, driver.Change{Unit: old.unit, Key: old.key})
	}
	return out
}

// keyLocks makes writes to one object wait for each other: two units that want
// the same new object must not both find it unclaimed.
type keyLocks struct {
	seed  maphash.Seed
	once  sync.Once
	slots [256]sync.Mutex
}

func (k *keyLocks) lock(key lockstep.Key) (unlock func()) {
	k.once.Do(func() { k.seed = maphash.MakeSeed() })
	m := &k.slots[maphash.Comparable(k.seed, key)%uint64(len(k.slots))]
	m.Lock()
	return m.Unlock
}
