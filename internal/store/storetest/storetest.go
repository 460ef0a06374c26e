// Package storetest holds what every store promises.
package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Made is a store to be tested.
type Made struct {
	store.Store
	// Again opens the same store once more, as another replica does.
	Again func() store.Store
	// SQL runs a statement behind the store's back, as whoever tampers does.
	SQL func(statement string, args ...any)
}

// Run holds the stores that open makes, an empty one each time, to the contract.
func Run(t *testing.T, open func(t *testing.T) Made) {
	t.Helper()
	for _, tc := range []struct {
		name string
		run  func(*testing.T, Made)
	}{
		{"Chain", chain}, {"Twice", twice}, {"Atomic", atomic}, {"Hostile", hostile}, {"Filters", filters}, {"Pages", pages},
		{"Release", release}, {"Reborn", reborn}, {"Insight", insight}, {"Replicas", replicas}, {"Reopened", reopened}, {"Retention", retention},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, open(t)) })
	}
	tampering(t, open)
}

// Shop and Till are two Stacks.
var (
	Shop = lockstep.Unit{Namespace: "payments", Name: "shop"}
	Till = lockstep.Unit{Namespace: "payments", Name: "till"}
	ana  = lockstep.Person{Name: "oidc:ana", Display: "Ana Lima", Via: lockstep.ProofSession}
	day  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// Call is a record of a request.
func Call(at time.Time, u lockstep.Unit, reason string) store.Record {
	return store.Record{Draft: store.Draft{
		Time: at, Person: ana, Unit: u, Verb: "pause", Outcome: "204", Reason: reason, Request: "r-1",
		Detail: store.CallDetail{Operation: "pauseStack", Status: 204},
	}}
}

// Released is the record of a release.
func Released(u lockstep.Unit, number int64, o store.Outcome, committed, ended time.Time) store.Record {
	r := store.Release{
		Unit: u, UID: "u1", Number: number, Revision: fmt.Sprintf("%040d", number), Author: "Mia <mia@example.org>", Subject: "more of it",
		Cause: "commit", Plan: "sha256:1", Outcome: o, Summary: plan.Summary{Update: 1},
		Steps:   store.Times{Committed: committed, Started: committed.Add(time.Second), Applied: committed.Add(2 * time.Second), Ended: ended},
		Objects: []store.ObjectChange{{Object: "ConfigMap/payments/settings", Verb: "update", Changes: []lockstep.FieldChange{{Path: "data.x", From: `"1"`, To: `"2"`}}, Result: "done"}},
	}
	if o == store.Succeeded {
		r.Steps.Healthy = ended
	}
	return store.Record{
		Draft: store.Draft{
			Time: ended, Person: lockstep.Itself(), Unit: u, Verb: "apply", Outcome: string(o), Reason: r.Subject,
			Detail: store.ReleaseDetail{UID: r.UID, Number: number, Revision: r.Revision, Author: r.Author, Subject: r.Subject, Cause: r.Cause, Plan: r.Plan, Summary: r.Summary},
		},
		Release: &r,
	}
}

func (m Made) append(t *testing.T, records ...store.Record) store.Head {
	t.Helper()
	h, err := m.Append(t.Context(), records...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (m Made) all(t *testing.T, q store.Query) []store.Entry {
	t.Helper()
	page, err := m.Entries(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return page.Entries
}

func (m Made) verify(t *testing.T, h store.Head) store.Verdict {
	t.Helper()
	v, err := store.Verify(t.Context(), m, h)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func chain(t *testing.T, m Made) {
	if h, err := m.Head(t.Context()); err != nil || h != (store.Head{}) {
		t.Errorf("the head of nothing is %v, %v", h, err)
	}
	if v := m.verify(t, store.Head{}); !v.OK {
		t.Errorf("an empty chain has flaws: %v", v.Flaws)
	}
	h := m.append(t, Call(day, Shop, "one"), Call(day, Till, "two"))
	h2 := m.append(t, Call(day, Shop, "three"))
	got := m.all(t, store.Query{Order: store.OldestFirst})
	if len(got) != 3 || got[0].Prev != store.Origin || got[1].Hash != h.Hash || got[2].Prev != h.Hash || got[2].Hash != h2.Hash || h2.Seq != 3 {
		t.Errorf("heads %v and %v, and the chain is\n%+v", h, h2, got)
	}
	if got[0].Time != day || got[0].Person.Equal(lockstep.Person{}) || got[0].Unit != Shop || got[0].Reason != "one" || got[0].Request != "r-1" {
		t.Errorf("what was said is kept as %+v", got[0])
	}
	if v := m.verify(t, h); !v.OK || v.Entries != 3 || v.Head != h2 {
		t.Errorf("the verdict is %+v", v)
	}
}

func twice(t *testing.T, m Made) {
	r := Call(day, Shop, "once")
	r.Draft.ID = store.NewID()
	m.append(t, r, Call(day, Shop, "other"))
	h := m.append(t, r)
	if h = m.append(t, r, r); h.Seq != 2 || len(m.all(t, store.Query{})) != 2 {
		t.Errorf("a record that was appended again made entries: head %v", h)
	}
}

func atomic(t *testing.T, m Made) {
	bad := Call(day, Shop, "bad")
	bad.Draft.Detail = nil
	if _, err := m.Append(t.Context(), Call(day, Shop, "good"), bad); err == nil {
		t.Error("a record without detail was taken")
	}
	if n := len(m.all(t, store.Query{})); n != 0 {
		t.Errorf("%d entries of a batch that failed are there", n)
	}
}

func hostile(t *testing.T, m Made) {
	texts := []string{"'; DROP TABLE entries; --", `<script>alert("x")</script>`, "a\x00b", "\xff\xfe", strings.Repeat("x", 100_000), "%_!?$1", "𝄞\u202e"}
	for _, s := range texts {
		u := lockstep.Unit{Namespace: s, Name: s}
		r := Released(u, 1, store.Succeeded, day, day)
		r.Release.Subject, r.Release.UID = s, s
		r.Draft.Reason, r.Draft.Person.Name, r.Draft.Verb = s, s, s
		m.append(t, r)
		m.all(t, store.Query{Filter: store.Filter{Text: s, Person: s, Verb: s, Unit: u}})
	}
	if v := m.verify(t, store.Head{}); !v.OK || v.Entries != int64(len(texts)) || v.Releases != int64(len(texts)) {
		t.Errorf("the verdict is %+v", v)
	}
	if got := m.all(t, store.Query{Filter: store.Filter{Text: "DROP table"}}); len(got) != 1 {
		t.Errorf("%d entries have the text", len(got))
	}
}

func filters(t *testing.T, m Made) {
	m.append(t, Call(day, Shop, "first 100% sure"), Call(day.Add(time.Hour), Till, "second"),
		Released(Shop, 1, store.Failed, day, day.Add(2*time.Hour)),
		store.Record{Draft: store.Draft{Time: day.Add(3 * time.Hour), Person: ana, Verb: "login", Outcome: "denied", Detail: store.LoginDetail{Provider: "oidc"}}})
	cases := map[string]struct {
		why  string
		f    store.Filter
		want []int64
	}{
		"All":       {"Newest first is how a person reads.", store.Filter{}, []int64{4, 3, 2, 1}},
		"Unit":      {"", store.Filter{Unit: Shop}, []int64{3, 1}},
		"Namespace": {"What is about no Stack is in no namespace.", store.Filter{Unit: lockstep.Unit{Namespace: "payments"}}, []int64{3, 2, 1}},
		"Kind":      {"", store.Filter{Kinds: []store.Kind{store.KindLogin, store.KindRelease}}, []int64{4, 3}},
		"Person":    {"By name, whole.", store.Filter{Person: "oidc:ana"}, []int64{4, 2, 1}},
		"Display":   {"By what people call her, in part.", store.Filter{Person: "lima"}, []int64{4, 2, 1}},
		"Verb":      {"", store.Filter{Verb: "apply"}, []int64{3}},
		"Outcome":   {"", store.Filter{Outcome: "denied"}, []int64{4}},
		"Span":      {"The end is not in it.", store.Filter{Since: day.Add(time.Hour), Until: day.Add(2 * time.Hour)}, []int64{2}},
		"Text":      {"Signs that SQL knows are only signs.", store.Filter{Text: "100% S"}, []int64{1}},
		"TextOf":    {"Also the author of a commit.", store.Filter{Text: "mia@example"}, []int64{3}},
		"Request":   {"", store.Filter{Request: "r-1"}, []int64{2, 1}},
		"Somewhere": {"Whoever may see one namespace sees no logins.", store.Filter{Namespaces: []string{"payments"}}, []int64{3, 2, 1}},
		"Nowhere":   {"Whoever may see none sees nothing.", store.Filter{Namespaces: []string{}}, nil},
		"Hidden":    {"", store.Filter{Hidden: []lockstep.Unit{Shop}}, []int64{4, 2}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []int64
			for _, e := range m.all(t, store.Query{Filter: tc.f}) {
				got = append(got, e.Seq)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nchosen (-want +got):\n%s", tc.why, diff)
			}
		})
	}
	if _, err := m.Entry(t.Context(), 99); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("an entry that is not there: %v", err)
	}
}

func pages(t *testing.T, m Made) {
	var records []store.Record
	for i := range 450 {
		records = append(records, Call(day.Add(time.Duration(i)*time.Second), Shop, "n"))
	}
	m.append(t, records...)
	for _, o := range []store.Order{store.NewestFirst, store.OldestFirst} {
		var got []int64
		for q := (store.Query{Order: o, Limit: 100}); ; {
			page, err := m.Entries(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				got = append(got, e.Seq)
			}
			if q.After = page.Next; page.Next == 0 {
				break
			}
		}
		if o == store.NewestFirst {
			slices.Reverse(got)
		}
		if len(got) != 450 || !slices.IsSorted(got) || got[0] != 1 || got[449] != 450 {
			t.Errorf("order %v: %d entries, %d to %d", o, len(got), got[0], got[len(got)-1])
		}
	}
}

func release(t *testing.T, m Made) {
	begun := Released(Shop, 1, store.Progressing, day, time.Time{})
	begun.Draft.Time = day
	m.append(t, begun)
	// Another server ends it, which knows nothing of the plan.
	ended := store.Release{Unit: Shop, UID: "u1", Number: 1, Outcome: store.Succeeded, Steps: store.Times{Healthy: day.Add(time.Minute), Ended: day.Add(time.Minute)}}
	m.append(t, store.Record{Release: &ended, Draft: store.Draft{Unit: Shop, Detail: store.ReleaseDetail{UID: "u1", Number: 1}}})
	got, err := m.Release(t.Context(), Shop, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := *begun.Release
	want.Outcome, want.Steps.Healthy, want.Steps.Ended = store.Succeeded, ended.Steps.Healthy, ended.Steps.Ended
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the release (-want +got):\n%s", diff)
	}
	for n := int64(2); n <= 5; n++ {
		at := day.Add(time.Duration(n) * time.Hour)
		m.append(t, Released(Shop, n, store.Failed, at, at.Add(time.Minute)))
	}
	if page, err := m.Releases(t.Context(), store.ReleaseQuery{Unit: Shop, Revision: fmt.Sprintf("%040d", 3)}); err != nil || page.Total != 1 || page.Releases[0].Number != 3 {
		t.Errorf("the releases of one commit are %+v, %v", page, err)
	}
	for uid, want := range map[string]int64{"": 1, begun.Release.UID: 1, "another": 0} {
		page, err := m.Releases(t.Context(), store.ReleaseQuery{Unit: Shop, UID: uid, Number: 4})
		if err != nil || page.Total != want || want == 1 && page.Releases[0].Number != 4 {
			t.Errorf("release 4 of %q is %+v, %v", uid, page, err)
		}
	}
	var numbers []int64
	for q := (store.ReleaseQuery{Unit: Shop, Limit: 2}); ; {
		page, err := m.Releases(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Releases {
			numbers = append(numbers, r.Number)
			if r.Objects != nil {
				t.Error("a list carries objects")
			}
		}
		if page.Total != 5 {
			t.Errorf("%d in all", page.Total)
		}
		if q.Before = page.Next; page.Next == 0 {
			break
		}
	}
	if diff := cmp.Diff([]int64{5, 4, 3, 2, 1}, numbers); diff != "" {
		t.Errorf("the pages hold (-want +got):\n%s", diff)
	}
	page, err := m.Releases(t.Context(), store.ReleaseQuery{Unit: Shop, Outcomes: []store.Outcome{store.Succeeded}, Causes: []string{"commit"}})
	if err != nil || len(page.Releases) != 1 || page.Releases[0].Number != 1 {
		t.Errorf("chosen by outcome: %+v, %v", page, err)
	}
	if _, err := m.Release(t.Context(), Shop, 77); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a release that is not there: %v", err)
	}
	if newest, err := m.Release(t.Context(), Shop, 0); err != nil || newest.Number != 5 {
		t.Errorf("the newest is %d, %v", newest.Number, err)
	}
	if v := m.verify(t, store.Head{}); !v.OK || v.Releases != 5 {
		t.Errorf("the verdict is %+v", v)
	}
}

func reborn(t *testing.T, m Made) {
	m.append(t, Released(Shop, 1, store.Failed, day, day))
	again := Released(Shop, 1, store.Succeeded, day.Add(time.Hour), day.Add(2*time.Hour))
	again.Release.UID = "u2"
	again.Draft.Detail = store.ReleaseDetail{UID: "u2", Number: 1}
	m.append(t, again)
	r, err := m.Release(t.Context(), Shop, 1)
	if err != nil || r.UID != "u2" {
		t.Errorf("release 1 of two Stacks of one name is of %q, %v", r.UID, err)
	}
	if page, err := m.Releases(t.Context(), store.ReleaseQuery{Unit: Shop}); err != nil || page.Total != 2 {
		t.Errorf("both are in the list: %d, %v", page.Total, err)
	}
}

func insight(t *testing.T, m Made) {
	for i := range int64(10) {
		at := day.Add(time.Duration(i) * time.Hour)
		o := store.Succeeded
		if i >= 8 {
			o = store.Failed
		}
		m.append(t, Released(Shop, i+1, o, at, at.Add(time.Duration(i+1)*time.Minute)))
	}
	drift := Released(Shop, 11, store.Failed, day, day.Add(time.Hour))
	drift.Release.Cause = "drift"
	drift.Draft.Detail = store.HealDetail{UID: "u1", Number: 11}
	m.append(t, drift)
	got, err := m.Insight(t.Context(), store.Filter{Since: day, Until: day.Add(24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Releases != 10 || got.Failed != 2 || got.FailureRate() != 0.2 || got.LeadP50 != 4*time.Minute || got.LeadP90 != 8*time.Minute || got.Leads != 8 || got.Heals != 1 || got.Changed != 1 || got.PerDay != 10 {
		t.Errorf("%+v", got)
	}
	if none, err := m.Insight(t.Context(), store.Filter{Unit: Till}); err != nil || none.Releases != 0 || none.FailureRate() != 0 {
		t.Errorf("of a Stack without releases: %+v, %v", none, err)
	}
	if c, err := m.Counts(t.Context()); err != nil || c.Releases != 11 || c.Entries[store.KindHeal] != 1 || c.Oldest != day.Add(time.Minute) {
		t.Errorf("counts are %+v, %v", c, err)
	}
}

// replicas: several that append at once make one chain.
func replicas(t *testing.T, m Made) {
	const each, batches = 4, 10
	var wg sync.WaitGroup
	for range each {
		s := m.Again()
		wg.Go(func() {
			for i := range batches {
				if _, err := s.Append(t.Context(), Call(day, Shop, "a"), Released(Till, int64(i+1), store.Succeeded, day, day)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v := m.verify(t, store.Head{}); !v.OK || v.Entries != 2*each*batches {
		t.Errorf("the verdict is %+v", v)
	}
}

func reopened(t *testing.T, m Made) {
	h := m.append(t, Call(day, Shop, "before"))
	again := m.Again()
	if got, err := again.Head(t.Context()); err != nil || got != h {
		t.Errorf("another replica sees %v, %v", got, err)
	}
}

func retention(t *testing.T, m Made) {
	for i := range 20 {
		at := day.Add(time.Duration(i) * 24 * time.Hour)
		m.append(t, Call(at, Shop, "call"), Released(Shop, int64(i+1), store.Succeeded, at, at))
	}
	before, err := m.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := day.Add(20 * 24 * time.Hour)
	retain := func(p store.Policy) {
		t.Helper()
		for more := true; more; {
			removed, err := m.Retain(t.Context(), p, now)
			if err != nil {
				t.Fatal(err)
			}
			more = removed.More
		}
		if v := m.verify(t, before); !v.OK {
			t.Fatalf("after retention the verdict is %+v", v)
		}
	}
	head := func() store.Head {
		h, err := m.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	retain(store.Policy{store.KindCall: 10 * 24 * time.Hour})
	if n := len(m.all(t, store.Query{Filter: store.Filter{Kinds: []store.Kind{store.KindCall}}})); n != 10 {
		t.Errorf("%d calls are left", n)
	}
	if gaps, err := m.Gaps(t.Context()); err != nil || len(gaps) != 10 {
		t.Errorf("%d gaps, %v", len(gaps), err)
	}
	h := head()
	if retain(store.Policy{store.KindCall: 10 * 24 * time.Hour}); head() != h {
		t.Error("a run that has nothing to remove left a checkpoint")
	}
	retain(store.Policy{store.KindCall: 5 * 24 * time.Hour, store.KindRelease: 5 * 24 * time.Hour, store.KindRetention: time.Nanosecond})
	gaps, err := m.Gaps(t.Context())
	if err != nil || len(gaps) == 0 || gaps[0].From != 1 || gaps[0].To != 30 {
		t.Errorf("gaps that touch are one: %+v, %v", gaps, err)
	}
	if page, err := m.Releases(t.Context(), store.ReleaseQuery{Unit: Shop}); err != nil || page.Total != 5 {
		t.Errorf("%d releases are left, %v", page.Total, err)
	}
	retain(store.Policy{store.KindRelease: time.Nanosecond})
	if page, err := m.Releases(t.Context(), store.ReleaseQuery{Unit: Shop}); err != nil || page.Total != 1 || page.Releases[0].Number != 20 {
		t.Errorf("what is live is not kept: %+v, %v", page.Releases, err)
	}
	m.append(t, Released(Till, 1, store.Succeeded, day, day), store.Record{Draft: store.Draft{
		Time: day.Add(time.Hour), Unit: Till, Verb: "delete", Detail: store.ReleaseDetail{UID: "u1", Cause: "delete"},
	}})
	retain(store.Policy{store.KindRelease: time.Nanosecond})
	if page, err := m.Releases(t.Context(), store.ReleaseQuery{Unit: Till}); err != nil || page.Total != 0 {
		t.Errorf("of a Stack that is gone %d releases are kept, %v", page.Total, err)
	}
	m.append(t, Call(now, Shop, "after"))
	if v := m.verify(t, before); !v.OK || v.Removed == 0 {
		t.Errorf("the verdict is %+v", v)
	}
}
