package drift

import (
	"maps"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Wish is what Git and people ask for. Carrying the same one out again and again
// is a fight; a new one ends every fight.
type Wish struct {
	Key, Request string
	Generation   int64
}

// Ledger is what is remembered of one unit's drift between passes. The zero
// value is ready to use. It holds nothing for objects that are as they should be.
type Ledger struct {
	wish    Wish
	acted   bool // something was carried out for the wish
	entries map[lockstep.Key]*entry
	alone   []lockstep.Key
	// before is what a server before this one left in the status, by object.
	before map[string][]lockstep.Drift
}

// entry is one object that is, or was a short time ago, not as it is wanted.
type entry struct {
	// sign is that of the unmet object when the decision about it was made; until
	// is when the decision ends, zero for as long as the sign is the same.
	sign    string
	until   time.Time
	records []lockstep.Drift // what is to be told of it
	first   map[string]time.Time

	heals, others int // how often it was healed, or changed for another reason
	last          time.Time
	restored      bool            // until is what a server before this one left
	fought        map[string]bool // the fields that were healed
}

// Decision is what is to be done now.
type Decision struct {
	// Due is the part of the plan that is to be carried out.
	Due plan.Plan
	// Again is how long the first of the rest has to wait; 0 if nothing does.
	Again time.Duration
	// Detected is drift that was not there at the last look.
	Detected []lockstep.FieldChange
}

// Restore takes in what the status says, if that is about the wish that is
// pursued now. It does nothing once something was decided.
func (l *Ledger) Restore(records []lockstep.Drift) {
	if l.entries != nil || len(records) == 0 {
		return
	}
	l.before = map[string][]lockstep.Drift{}
	for _, r := range records {
		l.before[r.Object.String()] = append(l.before[r.Object.String()], r)
	}
}

// Begin starts a pass.
func (l *Ledger) Begin(w Wish) {
	if l.wish == w {
		return
	}
	l.wish, l.acted = w, false
	for _, e := range l.entries {
		e.sign, e.until, e.heals, e.others, e.fought = "", time.Time{}, 0, 0, nil
	}
}

// Asleep says whether everything that is unmet was decided to be left as it is,
// and that still holds. Then no plan has to be made. again is when that ends; 0
// if only a change ends it.
func (l *Ledger) Asleep(unmets []plan.Unmet, now time.Time) (again time.Duration, asleep bool) {
	for _, u := range unmets {
		e := l.entries[u.Key]
		if e == nil || e.sign != u.Sign || !e.until.IsZero() && !now.Before(e.until) {
			return 0, false
		}
		if !e.until.IsZero() {
			again = sooner(again, e.until.Sub(now))
		}
	}
	l.sweep(unmets, now)
	for _, u := range unmets {
		l.entries[u.Key].refresh(u.Drift)
	}
	return again, true
}

// refresh takes in values: which fields drifted is known already.
func (e *entry) refresh(drift []lockstep.FieldChange) {
	for i := range e.records {
		j := slices.IndexFunc(drift, func(c lockstep.FieldChange) bool { return c.Path == e.records[i].Field })
		if j >= 0 {
			e.records[i].Live = drift[j].From
		}
	}
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// Decide splits a plan, made from unmets, into what is due and what has to wait.
// limit bounds the pause between two heals of one object.
func (l *Ledger) Decide(p plan.Plan, unmets []plan.Unmet, limit time.Duration, now time.Time) Decision {
	l.sweep(unmets, now)
	l.alone = p.Alone
	d := Decision{}
	steps := map[lockstep.Key]plan.Step{}
	for _, s := range p.Steps() {
		steps[s.Key] = s
	}
	reported := map[lockstep.Key][]plan.Drifted{}
	for _, x := range p.Drifted {
		reported[x.Key] = append(reported[x.Key], x)
	}
	waits := map[lockstep.Key]bool{}
	for _, u := range unmets {
		s, planned := steps[u.Key]
		switch {
		case !planned:
			d.Detected = append(d.Detected, l.leave(u, reported[u.Key], now)...)
		default:
			left, news := l.step(u, s, limit, now)
			d.Detected = append(d.Detected, news...)
			if left > 0 {
				waits[u.Key], d.Again = true, sooner(d.Again, left)
			}
		}
	}
	d.Due = p.Only(func(s plan.Step) bool { return !waits[s.Key] })
	return d
}

// leave notes that an object stays as it is.
func (l *Ledger) leave(u plan.Unmet, reported []plan.Drifted, now time.Time) (news []lockstep.FieldChange) {
	e := l.entry(u.Key)
	e.sign, e.until, e.records = u.Sign, time.Time{}, nil
	for _, d := range reported {
		for _, c := range d.Changes {
			first, fresh := e.since(c.Path, now)
			if fresh {
				news = append(news, c)
			}
			r := recordOf(u.Key, c)
			r.FirstSeen, r.State, r.Healed = first, d.State, e.heals
			r.Next = "reported only: " + d.Why
			if d.State == lockstep.DriftHeld {
				r.Next = "held by " + d.Why
			}
			e.records = append(e.records, r)
		}
	}
	return news
}

// step says how long a step has to wait; 0 if it is due.
func (l *Ledger) step(u plan.Unmet, s plan.Step, limit time.Duration, now time.Time) (left time.Duration, news []lockstep.FieldChange) {
	if _, known := l.entries[u.Key]; !known && l.before[u.Key.String()] == nil {
		return 0, real(s)
	}
	e := l.entry(u.Key)
	if e.restored {
		e.last, e.restored = e.until.Add(-pause(e.heals, limit)), false
	} else if e.records == nil && now.Sub(e.last) > Truce {
		e.heals, e.others, e.fought = 0, 0, nil
	}
	for _, c := range real(s) {
		if _, fresh := e.since(c.Path, now); fresh {
			news = append(news, c)
		}
	}
	n := e.heals + max(0, e.others-1)
	left = e.last.Add(pause(n, limit)).Sub(now)
	if left <= 0 || e.joined(s) {
		e.sign, e.records = "", nil
		return 0, news
	}
	e.sign, e.until = u.Sign, now.Add(left)
	e.records = nil
	for _, c := range told(s) {
		r := recordOf(u.Key, c)
		r.FirstSeen, _ = e.since(c.Path, now)
		r.State, r.Until, r.Healed = lockstep.DriftWaiting, e.until, n
		if n >= Rounds {
			r.State = lockstep.DriftResting
		}
		r.Next = sentence(r, s)
		e.records = append(e.records, r)
	}
	return left, news
}

// real leaves out fields that hold Git's value already.
func real(s plan.Step) []lockstep.FieldChange {
	switch {
	case !s.Heals:
		return nil
	case s.Verb == lockstep.Create:
		return plan.Gone
	}
	return s.Changes
}

// told is what a waiting step is about: its fields, or the object as a whole.
func told(s plan.Step) []lockstep.FieldChange {
	if c := real(s); len(c) > 0 {
		return c
	}
	return []lockstep.FieldChange{{}}
}

// joined says whether a field drifted that was not fought over so far: the first
// time, everybody is answered at once.
func (e *entry) joined(s plan.Step) bool {
	return slices.ContainsFunc(real(s), func(c lockstep.FieldChange) bool { return !e.fought[c.Path] })
}

// Undecided takes back that anything was decided to be left: the plan was not
// whole, so what has no step may lack one for a mistake in Git.
func (l *Ledger) Undecided() {
	for _, e := range l.entries {
		if e.until.IsZero() {
			e.sign = ""
		}
	}
}

// Held records the heals of a plan that a gate holds.
func (l *Ledger) Held(p plan.Plan, unmets []plan.Unmet, gate string, now time.Time) (news []lockstep.FieldChange) {
	steps := map[lockstep.Key]plan.Step{}
	for _, s := range p.Steps() {
		steps[s.Key] = s
	}
	l.sweep(unmets, now)
	for _, u := range unmets {
		changes := real(steps[u.Key])
		if len(changes) == 0 {
			continue
		}
		held := plan.Drifted{Key: u.Key, Changes: changes, State: lockstep.DriftHeld, Why: gate}
		news = append(news, l.leave(u, []plan.Drifted{held}, now)...)
		l.entries[u.Key].sign = ""
	}
	return news
}

// Carried notes what was done of a decision.
func (l *Ledger) Carried(due plan.Plan, outcomes []lockstep.Outcome, now time.Time) {
	done := map[lockstep.Key]bool{}
	for _, o := range outcomes {
		done[o.Key] = o.Result == lockstep.Done || o.Result == lockstep.Unchanged
	}
	for _, s := range due.Steps() {
		// What brings a commit is not remembered, or a fleet that comes up would be.
		if !done[s.Key] || !s.Heals && !l.acted {
			continue
		}
		e := l.entry(s.Key)
		e.sign, e.records, e.first, e.last = "", nil, nil, now
		if !s.Heals {
			e.others++
			continue
		}
		e.heals++
		if e.fought == nil {
			e.fought = map[string]bool{}
		}
		for _, c := range real(s) {
			e.fought[c.Path] = true
		}
	}
	l.acted = true
}

// Records returns all drift that is reported or waits, in order of object and
// field.
func (l *Ledger) Records() []lockstep.Drift {
	var out []lockstep.Drift
	for _, k := range slices.SortedFunc(maps.Keys(l.entries), lockstep.Key.Compare) {
		out = append(out, l.entries[k].records...)
	}
	return out
}

// Alone returns the objects that the last plan left alone altogether.
func (l *Ledger) Alone() []lockstep.Key { return l.alone }

// entry returns the entry of key, a new one where there is none.
func (l *Ledger) entry(key lockstep.Key) *entry {
	if l.entries == nil {
		l.entries = map[lockstep.Key]*entry{}
	}
	e := l.entries[key]
	if e == nil {
		e = &entry{}
		l.entries[key] = e
		e.restore(l.before[key.String()])
		delete(l.before, key.String())
	}
	return e
}

func (e *entry) restore(records []lockstep.Drift) {
	for _, r := range records {
		if e.first == nil {
			e.first, e.fought = map[string]time.Time{}, map[string]bool{}
		}
		e.first[r.Field] = r.FirstSeen
		if r.State != lockstep.DriftWaiting && r.State != lockstep.DriftResting {
			continue
		}
		e.heals, e.fought[r.Field], e.until, e.restored = r.Healed, true, r.Until, true
	}
}

// since returns when the drift of a field was first seen, and whether that is
// now.
func (e *entry) since(path string, now time.Time) (time.Time, bool) {
	if t, ok := e.first[path]; ok {
		return t, false
	}
	if e.first == nil {
		e.first = map[string]time.Time{}
	}
	e.first[path] = now
	return now, true
}

// sweep forgets objects that are as they are wanted; fights only after a while.
func (l *Ledger) sweep(unmets []plan.Unmet, now time.Time) {
	if len(l.entries) == 0 {
		return
	}
	there := make(map[lockstep.Key]bool, len(unmets))
	for _, u := range unmets {
		there[u.Key] = true
	}
	for k, e := range l.entries {
		switch {
		case there[k]:
		case e.heals+e.others == 0 || now.Sub(e.last) > Truce:
			delete(l.entries, k)
		default:
			e.sign, e.records, e.first = "", nil, nil
		}
	}
}
