package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Flaw is one thing that is not as it was recorded.
type Flaw struct {
	Kind FlawKind `json:"kind"`
	// From and To are the entries that it is about; equal for one.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// What says it in words.
	What string `json:"what"`
}

// FlawKind says what was done to the record.
type FlawKind string

// The kinds of flaw.
const (
	Removed   FlawKind = "removed"
	Changed   FlawKind = "changed"
	Reordered FlawKind = "reordered"
	Truncated FlawKind = "truncated"
	// Rewritten: everything up to an entry fits together and is not what somebody
	// remembers.
	Rewritten FlawKind = "rewritten"
)

// Verdict is what verifying came to.
type Verdict struct {
	OK       bool  `json:"ok"`
	Entries  int64 `json:"entries"`  // read
	Releases int64 `json:"releases"` // rows compared with their entries
	Removed  int64 `json:"removed"`  // by retention, with a checkpoint for them
	Head     Head  `json:"head"`
	// Remembered is the head that the chain was held against; zero for none.
	Remembered Head   `json:"remembered,omitzero"`
	Flaws      []Flaw `json:"flaws"`
	// More counts flaws that are not listed.
	More int `json:"more,omitempty"`
}

// Chain is what can be verified: a Store, or what an API says of one.
type Chain interface {
	Head(ctx context.Context) (Head, error)
	Entries(ctx context.Context, q Query) (Page, error)
	Gaps(ctx context.Context) ([]Gap, error)
	EachRelease(ctx context.Context, f func(Release) error) error
}

// maxFlaws bounds what a Verdict lists.
const maxFlaws = 1000

// Verify reads the whole chain and finds every entry that was removed, changed or
// moved, and every release whose row is not what its newest entry says. remembered
// is a head that was kept elsewhere; zero for none.
func Verify(ctx context.Context, s Chain, remembered Head) (Verdict, error) {
	// The head is read first: what is appended meanwhile is not looked at.
	head, err := s.Head(ctx)
	if err != nil {
		return Verdict{}, err
	}
	gaps, err := s.Gaps(ctx)
	if err != nil {
		return Verdict{}, err
	}
	v := &verifier{head: head, remembered: remembered, last: Head{Hash: Origin}, gaps: gaps, records: map[releaseKey]recorded{}}
	for after, more := int64(0), true; more; {
		page, err := s.Entries(ctx, Query{Order: OldestFirst, After: after, Limit: maxLimit})
		if err != nil {
			return Verdict{}, err
		}
		for _, e := range page.Entries {
			if e.Seq > head.Seq && v.out.Entries > 0 && e.Prev == v.last.Hash && e.Sum() == e.Hash {
				page.Next = 0
				break // came while we read
			}
			v.entry(e)
		}
		after, more = page.Next, page.Next > 0
	}
	v.end()
	if err := v.releases(ctx, s); err != nil {
		return Verdict{}, err
	}
	return v.verdict(), nil
}

type releaseKey struct {
	unit   lockstep.Unit
	uid    string
	number int64
}

type recorded struct {
	seq    int64
	digest string
	at     time.Time
}

type verifier struct {
	head, remembered Head
	last             Head // of the entry before
	gaps             []Gap
	used             int // gaps that were met
	out              Verdict
	flaws            []Flaw
	bad              []Entry // whose content is not what was hashed
	records          map[releaseKey]recorded
	checkpoint       RetentionDetail
	checked          int64 // seq of checkpoint
	at               time.Time
}

func (v *verifier) flaw(k FlawKind, from, to int64, format string, args ...any) {
	v.flaws = append(v.flaws, Flaw{Kind: k, From: from, To: to, What: fmt.Sprintf(format, args...)})
}

// entry holds one entry against the one before.
func (v *verifier) entry(e Entry) {
	v.out.Entries++
	v.hole(e.Seq)
	sound := e.Sum() == e.Hash
	if !sound {
		v.bad = append(v.bad, e)
	}
	if v.last.Hash != "" && e.Prev != v.last.Hash {
		v.unlinked(e, sound)
	}
	if e.Seq == v.remembered.Seq && e.Hash != v.remembered.Hash {
		v.flaw(Rewritten, e.Seq, e.Seq, "entry %d has the hash %.12s…, and %.12s… is remembered: it or entries before it were rewritten", e.Seq, e.Hash, v.remembered.Hash)
	}
	v.last = Head{Seq: e.Seq, Hash: e.Hash}
	if sound {
		v.note(e)
	}
}

// unlinked is an entry that does not follow what stands before it.
func (v *verifier) unlinked(e Entry, sound bool) {
	before := v.last.Seq
	if !sound || len(v.bad) > 0 && v.bad[len(v.bad)-1].Seq == before {
		return // that entry is named already
	}
	if n := len(v.flaws); n > 0 && v.flaws[n-1].Kind == Removed && v.flaws[n-1].To == e.Seq-1 {
		return // what stood between is gone
	}
	v.flaw(Changed, before, before, "entry %d was changed and its hash made anew: entry %d follows another one", before, e.Seq)
}

// hole looks at the numbers between the entry before and seq.
func (v *verifier) hole(seq int64) {
	for next := v.last.Seq + 1; next < seq; {
		if v.used < len(v.gaps) && v.gaps[v.used].From == next && v.gaps[v.used].To < seq {
			g := v.gaps[v.used]
			v.used++
			if v.last.Hash != "" && g.Prev != v.last.Hash {
				v.flaw(Changed, next-1, next-1, "entry %d is not the one that what retention removed after it followed", next-1)
			}
			v.out.Removed += g.To - g.From + 1
			v.last = Head{Seq: g.To, Hash: g.Hash}
			if g.To == v.remembered.Seq && g.Hash != v.remembered.Hash {
				v.flaw(Rewritten, g.To, g.To, "entry %d, which retention removed, had another hash than is remembered", g.To)
			}
			next = g.To + 1
			continue
		}
		last := seq - 1
		if v.used < len(v.gaps) && v.gaps[v.used].From > next {
			last = min(last, v.gaps[v.used].From-1)
		}
		if next == last {
			v.flaw(Removed, next, last, "entry %d was removed", next)
		} else {
			v.flaw(Removed, next, last, "entries %d to %d were removed", next, last)
		}
		// What follows cannot be held against what is gone.
		v.last = Head{Seq: last}
		next = last + 1
	}
}

// note keeps what an entry says of others.
func (v *verifier) note(e Entry) {
	switch e.Kind {
	case KindRelease, KindHeal, KindRetention:
	default:
		return
	}
	d, err := ParseDetail(e.Kind, e.Data)
	if err != nil {
		return // of a newer version; its hash is right
	}
	switch d := d.(type) {
	case ReleaseDetail:
		v.record(e, d.UID, d.Number, d.Record)
	case HealDetail:
		v.record(e, d.UID, d.Number, d.Record)
	case RetentionDetail:
		v.checkpoint, v.checked, v.at = d, e.Seq, e.Time
	}
}

func (v *verifier) record(e Entry, uid string, number int64, digest string) {
	if digest != "" {
		v.records[releaseKey{e.Unit, uid, number}] = recorded{e.Seq, digest, e.Time}
	}
}

// end looks at what should stand after the last entry.
func (v *verifier) end() {
	v.out.Head = Head{Seq: v.last.Seq, Hash: v.last.Hash}
	if v.last.Seq == 0 {
		v.out.Head = Head{}
	}
	known := v.head
	if v.remembered.Seq > known.Seq {
		known = v.remembered
	}
	if known.Seq > v.last.Seq {
		v.flaw(Truncated, v.last.Seq+1, known.Seq, "the chain ends at entry %d, and reached %d: its end was cut off", v.last.Seq, known.Seq)
	}
	if v.head.Seq == v.last.Seq && v.head.Seq > 0 && v.head.Hash != v.last.Hash {
		v.flaw(Changed, v.last.Seq, v.last.Seq, "entry %d is not the one that the chain ends with", v.last.Seq)
	}
	if len(v.gaps) > 0 && (v.checked == 0 || v.checkpoint.Count != len(v.gaps) || v.checkpoint.Gaps != DigestGaps(v.gaps)) {
		first, last := v.gaps[0], v.gaps[len(v.gaps)-1]
		v.flaw(Removed, first.From, last.To, "the list of what retention removed, between entries %d and %d, is not what its checkpoint (entry %d) says", first.From, last.To, v.checked)
	}
	v.contents()
}

// contents names the entries whose content is not what was hashed. One that has the
// right hash for the place of another bad one was moved, not changed.
func (v *verifier) contents() {
	for i, e := range v.bad {
		from := int64(0)
		if i < maxFlaws {
			from = v.origin(e)
		}
		if from == 0 {
			v.flaw(Changed, e.Seq, e.Seq, "entry %d (%s of %s) was changed", e.Seq, e.Kind, e.Time.Format(time.RFC3339))
			continue
		}
		v.flaw(Reordered, e.Seq, e.Seq, "entry %d (%s of %s) stood at %d", e.Seq, e.Kind, e.Time.Format(time.RFC3339), from)
	}
}

func (v *verifier) origin(e Entry) int64 {
	for _, o := range v.bad[:min(len(v.bad), maxFlaws)] {
		moved := e
		moved.Seq = o.Seq
		for _, prev := range []string{e.Prev, o.Prev} {
			moved.Prev = prev
			if sum := moved.Sum(); o.Seq != e.Seq && (sum == e.Hash || sum == o.Hash) {
				return o.Seq
			}
		}
	}
	return 0
}

// releases holds rows against what the newest entries about them say.
func (v *verifier) releases(ctx context.Context, s Chain) error {
	flaws := map[releaseKey]Flaw{}
	err := s.EachRelease(ctx, func(r Release) error {
		k := releaseKey{r.Unit, r.UID, r.Number}
		said, ok := v.records[k]
		if !ok {
			return nil // retention has removed the entry, or it came while we read
		}
		delete(v.records, k)
		v.out.Releases++
		if got := r.Digest(); got != said.digest {
			flaws[k] = Flaw{Changed, said.seq, said.seq, fmt.Sprintf("release %d of %s is not what entry %d recorded", r.Number, r.Unit, said.seq)}
		}
		return nil
	})
	if err != nil {
		return err
	}
	age, _ := time.ParseDuration(v.checkpoint.Policy[KindRelease]) // absent: kept for ever
	for k, said := range v.records {
		if age > 0 && said.at.Before(v.at.Add(-age)) {
			continue
		}
		flaws[k] = Flaw{Removed, said.seq, said.seq, fmt.Sprintf("release %d of %s, which entry %d recorded, is gone", k.number, k.unit, said.seq)}
	}
	if len(flaws) == 0 {
		return nil
	}
	// What changed while we read has an entry that says so.
	late := &verifier{records: map[releaseKey]recorded{}}
	for after, more := v.head.Seq, true; more; {
		page, err := s.Entries(ctx, Query{Order: OldestFirst, After: after, Limit: maxLimit})
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			late.note(e)
		}
		after, more = page.Next, page.Next > 0
	}
	for k, f := range flaws {
		if _, ok := late.records[k]; !ok {
			v.flaws = append(v.flaws, f)
		}
	}
	return nil
}

func (v *verifier) verdict() Verdict {
	out := v.out
	out.Remembered, out.OK = v.remembered, len(v.flaws) == 0
	slices.SortStableFunc(v.flaws, func(a, b Flaw) int {
		if a.From != b.From {
			return int(a.From - b.From)
		}
		if a.What < b.What {
			return -1
		}
		return 1
	})
	out.Flaws = append([]Flaw{}, v.flaws[:min(len(v.flaws), maxFlaws)]...)
	out.More = len(v.flaws) - len(out.Flaws)
	return out
}

// Err is the verdict as an error; nil if all is well.
func (v Verdict) Err() error {
	if v.OK {
		return nil
	}
	return fault.Conflict("the record was tampered with: %s", v.Flaws[0].What).
		WithHint("%d in all; compare with a backup, and find out who could write to the store", len(v.Flaws)+v.More)
}
