package stack

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// keepHistory records what this pass did and found. A pass over a Stack that is as
// it should be records nothing, and none waits for a store.
func (r *Reconciler) keepHistory(p *pass) {
	if r.History == nil {
		return
	}
	// Older first: a release that is superseded ends before the next begins.
	for _, e := range newReleases(p.before.Status.History, p.stack.Status.History) {
		r.History.Record(p.recordOf(e))
	}
	r.keepDrift(p)
}

// newReleases are those of now that are not as they were, oldest first.
func newReleases(before, now []v1alpha1.Release) []v1alpha1.Release {
	var out []v1alpha1.Release
	for i := len(now) - 1; i >= 0; i-- {
		same := false
		for j := range before {
			b, n := &before[j], &now[i]
			same = same || b.ID == n.ID && b.Outcome == n.Outcome && b.Message == n.Message && b.Times == n.Times && b.Summary == n.Summary
		}
		if !same {
			out = append(out, now[i])
		}
	}
	return out
}

// recordOf is what is kept of a release, as far as this pass knows it.
func (p *pass) recordOf(e v1alpha1.Release) store.Record {
	now := time.Now()
	r := &store.Release{
		Unit: p.unit, UID: string(p.stack.UID), Number: e.ID, Revision: e.Revision, Author: e.Author, Subject: e.Subject,
		Plan: e.Digest, Cause: e.Cause, Target: stack.TargetOf(p.stack).String(),
		Outcome: store.Outcome(e.Outcome), Message: e.Message, Times: int(e.Times),
	}
	r.Steps.Started = e.StartedAt.Time
	head := e.ID == p.stack.Status.Release
	if head && p.memo.Revision.Commit == e.Revision {
		r.Key, r.Ref, r.Steps.Committed, r.Steps.Fetched = p.memo.Key, p.memo.Revision.Ref, p.memo.Revision.Committed, p.memo.Fetched
	}
	if head && p.outcomes != nil {
		r.Summary = p.plan.Summary()
		r.Steps.Rendered, r.Steps.Planned, r.Steps.Applied = p.times.Rendered, p.times.Planned, p.times.Applied
		r.Objects, r.More = store.Changes(p.plan, p.outcomes)
	}
	if r.Outcome.Ended() {
		r.Steps.Ended = now
	}
	if r.Outcome == store.Succeeded {
		r.Steps.Healthy = now
	}
	if r.Outcome == store.Superseded && !head {
		r.By = p.stack.Status.Release
	}
	d := store.Draft{
		Time: now, Person: lockstep.Itself(), Unit: p.unit, Verb: "apply", Outcome: e.Outcome, Reason: reasonFor(e),
		Detail: store.ReleaseDetail{
			Number: e.ID, Revision: e.Revision, Author: e.Author, Subject: e.Subject, Cause: e.Cause, Plan: e.Digest, Summary: r.Summary,
		},
	}
	if e.Cause == causeDrift {
		d.Verb, d.Detail = "heal", healOf(e.ID, p.healed)
	}
	return store.Record{Draft: d, Release: r}
}

func reasonFor(e v1alpha1.Release) string {
	if e.Message != "" {
		return e.Message
	}
	return e.Subject
}

// maxFields bounds what one entry says of fields.
const maxFields = 100

func healOf(number int64, healed []plan.Step) store.HealDetail {
	d := store.HealDetail{Number: number, Fields: []store.DriftDetail{}}
	for _, s := range healed {
		for _, c := range s.Changes {
			if len(d.Fields) == maxFields {
				d.More++
				continue
			}
			d.Fields = append(d.Fields, store.DriftDetail{Object: s.Key.String(), Field: c.Path, Git: c.To, Live: c.From, Manager: c.Manager})
		}
		if len(s.Changes) == 0 {
			d.Fields = append(d.Fields, store.DriftDetail{Object: s.Key.String()})
		}
	}
	return d
}

// told is the drift of each unit that is on record. There is one pass of a unit at
// a time.
type told struct {
	mu sync.Mutex
	of map[lockstep.Unit]map[place]store.DriftDetail
}

// place is where drift is.
type place struct{ object, field string }

func (t *told) forget(u lockstep.Unit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, u)
}

// next notes what there is now and returns what was not on record, and what of that
// which was is gone. before is what the status said when nothing is remembered.
func (t *told) next(u lockstep.Unit, before []lockstep.Drift, now []lockstep.Drift) (found, gone []store.DriftDetail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, known := t.of[u]
	if !known {
		was = index(before)
	}
	is := index(now)
	for _, d := range now {
		k := place{d.Object.String(), d.Field}
		if w, there := was[k]; !there || known && w.State != is[k].State {
			found = append(found, is[k])
		}
	}
	for k, d := range was {
		if _, there := is[k]; !there {
			gone = append(gone, d)
		}
	}
	slices.SortFunc(gone, func(a, b store.DriftDetail) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Field, b.Field))
	})
	switch {
	case len(is) == 0:
		delete(t.of, u)
	case t.of == nil:
		t.of = map[lockstep.Unit]map[place]store.DriftDetail{u: is}
	default:
		t.of[u] = is
	}
	return found, gone
}

func index(drift []lockstep.Drift) map[place]store.DriftDetail {
	if len(drift) == 0 {
		return nil
	}
	out := make(map[place]store.DriftDetail, len(drift))
	for _, d := range drift {
		out[place{d.Object.String(), d.Field}] = store.DriftOf(d)
	}
	return out
}

// keepDrift records drift that is left as it is, when it is found and when it is
// gone. What is undone at once is a heal and nothing beside.
func (r *Reconciler) keepDrift(p *pass) {
	if !p.judged {
		return
	}
	found, gone := r.told.next(p.unit, stack.DriftRecorded(p.before.Status.Drift), p.drift)
	healed := map[string]bool{}
	for _, s := range p.healed {
		healed[s.Key.String()] = true
	}
	for i, d := range found {
		if i == maxFields {
			break
		}
		r.History.Record(driftRecord(p.unit, "find", d.State, d))
	}
	for i, d := range gone {
		if i == maxFields {
			break
		}
		if !healed[d.Object] {
			d.State, d.Next = "", ""
			r.History.Record(driftRecord(p.unit, "end", "gone", d))
		}
	}
}

func driftRecord(u lockstep.Unit, verb, outcome string, d store.DriftDetail) store.Record {
	return store.Record{Draft: store.Draft{
		Time: time.Now(), Person: lockstep.Itself(), Unit: u, Verb: verb, Outcome: outcome, Reason: d.Next, Detail: d,
	}}
}

// keepEnd records that a Stack is gone, and what went with it.
func (r *Reconciler) keepEnd(p *pass) {
	if r.History == nil {
		return
	}
	r.History.Record(store.Record{Draft: store.Draft{
		Time: time.Now(), Person: lockstep.Itself(), Unit: p.unit, Verb: "delete", Outcome: string(store.Succeeded), Reason: "the stack was deleted",
		Detail: store.ReleaseDetail{UID: string(p.stack.UID), Revision: p.stack.Status.Revision, Cause: "delete", Summary: p.plan.Summary()},
	}})
}
