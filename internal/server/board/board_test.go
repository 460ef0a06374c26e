package board

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/filter"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type everything struct{}

func (everything) Contains(lockstep.Unit) bool { return true }

type only string

func (o only) Contains(u lockstep.Unit) bool { return u.Namespace == string(o) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func stackOf(namespace, name string, v v1alpha1.Verdict, health string) *v1alpha1.Stack {
	s := &v1alpha1.Stack{}
	s.Namespace, s.Name, s.Generation = namespace, name, 1
	s.CreationTimestamp = metav1.NewTime(start)
	s.Spec.Source = v1alpha1.StackSource{Name: "platform/monorepo", Path: "apps/" + name}
	s.Status.ObservedGeneration = 1
	s.Status.Health = &v1alpha1.StackHealth{Status: health}
	s.Status.Revision = "4f1c2aa9d3b7e6f5a4c3b2a1908f7e6d5c4b3a29"
	s.Status.Objects, s.Status.Release = 12, 3
	s.Status.History = []v1alpha1.Release{{ID: 3, Revision: s.Status.Revision, Subject: "raise the limits of " + name, Author: "Ana <ana@example.org>", StartedAt: metav1.NewTime(start)}}
	v1alpha1.SetVerdict(&s.Status.Conditions, v, 1, metav1.NewTime(start))
	return s
}

// synthetic is a fleet as there are: most of it is well.
func synthetic(n int) *Board {
	b := New()
	for i := range n {
		name := fmt.Sprintf("%s-%03d", []string{"checkout", "ledger", "search", "cart", "gateway"}[i%5], i/5)
		v, health := v1alpha1.InSync("main@4f1c2aa", 12), "Healthy"
		switch {
		case i%97 == 0:
			v, health = v1alpha1.Degraded("Deployment/web: 2 of 5 pods crash"), "Degraded"
		case i%89 == 0:
			v = v1alpha1.Held("manual sync", "1 to change")
		case i%53 == 0:
			v, health = v1alpha1.Progressing("Deployment/web: 2 of 5 are ready"), "Progressing"
		}
		s := stackOf(fmt.Sprintf("team-%d", i%40), name, v, health)
		s.Labels = map[string]string{"env": []string{"dev", "staging", "prod"}[i%3], "owner": fmt.Sprintf("team-%d", i%40)}
		s.Spec.Target.Name = fmt.Sprintf("clusters/eu-%d", i%14)
		s.Status.Renderer = []string{"helm", "kustomize", "directory"}[i%3]
		b.Put(s)
	}
	return b
}

func parse(t testing.TB, q string) filter.Filter {
	t.Helper()
	f, err := filter.Parse(q, Schema)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestPages walks a list whole, and no row is missed or comes twice, also when rows
// come and go in between.
func TestPages(t *testing.T) {
	for _, sort := range []string{"worst", "name", "-name", "changed", "source", "-target", "env", "owner"} {
		t.Run(sort, func(t *testing.T) {
			b := synthetic(503)
			seen := map[string]int{}
			var after *Cursor
			for pages := 0; ; pages++ {
				p := b.Page(everything{}, Query{Sort: sort, Limit: 50, After: after})
				for _, r := range p.Rows {
					seen[r.Namespace+"/"+r.Name]++
				}
				if p.Next == nil {
					break
				}
				var err error
				if after, err = ParseCursor(p.Next.String(), sort); err != nil {
					t.Fatal(err)
				}
				b.Remove(lockstep.Unit{Namespace: p.Rows[0].Namespace, Name: p.Rows[0].Name}) // behind us
				if pages > 20 {
					t.Fatal("the pages do not end")
				}
			}
			if len(seen) != 503 {
				t.Errorf("saw %d of 503 rows", len(seen))
			}
			for name, n := range seen {
				if n != 1 {
					t.Errorf("%s came %d times", name, n)
				}
			}
		})
	}
}

// TestHidden: what may not be seen is in no number, no facet and no map.
func TestHidden(t *testing.T) {
	b := synthetic(400)
	p := b.Page(only("team-7"), Query{Sort: "worst", Limit: 500})
	if p.Fleet.Total != 10 || p.Matches.Total != 10 || len(p.Rows) != 10 {
		t.Errorf("10 may be seen, got %d rows, %+v of %+v", len(p.Rows), p.Matches, p.Fleet)
	}
	if diff := cmp.Diff([]Facet{{"team-7", 10}}, p.Facets.Namespace); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	m := b.Map(only("team-7"), filter.Filter{}, filter.Context{}, "namespace")
	if diff := cmp.Diff([]string{"team-7"}, m.Groups); diff != "" || len(m.Names) != 10 || len(m.States) != 10 {
		t.Errorf("map of %d names (-want +got):\n%s", len(m.Names), diff)
	}
	if none := b.Counts(only("nobody"), nil); none != (Counts{}) {
		t.Errorf("counts of what may not be seen: %+v", none)
	}
}

func TestFilters(t *testing.T) {
	b := New()
	b.Put(stackOf("pay", "ledger", v1alpha1.InSync("main@1", 3), "Healthy"))
	sick := stackOf("pay", "checkout", v1alpha1.Degraded("pods crash"), "Degraded")
	sick.Labels = map[string]string{"env": "prod", "owner": "Ana", "tier": "Gold"}
	sick.Spec.Target.Name = "eu-1"
	b.Put(sick)
	now := start.Add(2 * time.Hour)
	cases := map[string]struct {
		q    string
		want []string
	}{
		"Everything": {"", []string{"checkout", "ledger"}},
		"Text":       {"LEDG", []string{"ledger"}},
		"Health":     {"-health:healthy", []string{"checkout"}},
		"Is":         {"is:needs-you", []string{"checkout"}},
		"Alias":      {"cluster:pay/eu-*", []string{"checkout"}},
		"Me":         {"owner:me", []string{"checkout"}},
		"Label":      {"label:tier=gold", []string{"checkout"}},
		"NoLabel":    {"-label:tier", []string{"ledger"}},
		"Young":      {"changed:<1h", nil},
		"Old":        {"changed:>1h env:prod", []string{"checkout"}},
		"Commit":     {"commit:4f1c2aa", []string{"checkout", "ledger"}},
		"Number":     {"objects:>=12 release:3", []string{"checkout", "ledger"}},
		"List":       {"health:missing,degraded", []string{"checkout"}},
		"None":       {`env:""`, []string{"ledger"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := b.Page(everything{}, Query{Sort: "name", Limit: 10, Filter: parse(t, tc.q), Context: filter.Context{Now: now, Me: []string{"ana"}}})
			var got []string
			for _, r := range p.Rows {
				got = append(got, r.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.q, diff)
			}
		})
	}
}

// TestSince: who missed something hears of each thing once, and who missed too much
// is told so.
func TestSince(t *testing.T) {
	b := New()
	s := stackOf("pay", "ledger", v1alpha1.InSync("main@1", 3), "Healthy")
	b.Put(s)
	at := b.Version()
	_, changed := b.Since(at)
	for i := range 10 {
		s = s.DeepCopy()
		s.Status.Objects = int32(100 + i)
		b.Put(s)
	}
	select {
	case <-changed:
	default:
		t.Error("who waits is not woken")
	}
	news, _ := b.Since(at)
	if news.Lost || len(news.Changes) != 1 || news.Changes[0].Unit.Name != "ledger" || news.Version != at+10 {
		t.Errorf("10 changes of one Stack are one: %+v", news)
	}
	b.Put(s.DeepCopy())
	if again, _ := b.Since(news.Version); len(again.Changes) != 1 || again.Changes[0].Kind != KindDetail {
		t.Errorf("an event that changes nothing in a list is no change of the list: %+v", again)
	}
	for range ringSize + 1 {
		b.Note(KindSource, lockstep.Unit{Namespace: "a", Name: "b"})
	}
	if lost, _ := b.Since(at); !lost.Lost {
		t.Error("what is not remembered any more is not said to be lost")
	}
	if future, _ := b.Since(b.Version() + 1); !future.Lost {
		t.Error("a version that never was is not said to be lost")
	}
}

// TestSizes holds the promises about 10,000 Stacks that do not depend on the machine.
func TestSizes(t *testing.T) {
	b := synthetic(10_000)
	p := b.Page(everything{}, Query{Sort: "worst", Limit: 100})
	m := b.Map(everything{}, filter.Filter{}, filter.Context{}, "namespace")
	for name, x := range map[string]struct {
		v    any
		most int
	}{"Page": {p, 10_000}, "Map": {m, 60_000}} {
		if got := zipped(t, x.v); got > x.most {
			t.Errorf("%s has %d bytes compressed, and %d are promised", name, got, x.most)
		} else {
			t.Logf("%s: %d bytes compressed", name, got)
		}
	}
}

func zipped(t testing.TB, v any) int {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Len()
}

func BenchmarkPage(b *testing.B) {
	board := synthetic(10_000)
	f := parse(b, "env:prod -health:healthy check")
	s := stackOf("team-1", "busy", v1alpha1.InSync("x", 1), "Healthy")
	for b.Loop() {
		s.Status.Objects++ // the order has to be found anew each time, the worst case
		board.Put(s.DeepCopy())
		board.Page(everything{}, Query{Sort: "worst", Limit: 100})
		board.Page(everything{}, Query{Sort: "worst", Limit: 100, Filter: f})
	}
}

func BenchmarkMap(b *testing.B) {
	board := synthetic(10_000)
	for b.Loop() {
		board.Map(everything{}, filter.Filter{}, filter.Context{}, "namespace")
	}
}

func FuzzParseCursor(f *testing.F) {
	b := synthetic(20)
	p := b.Page(everything{}, Query{Sort: "worst", Limit: 3})
	f.Add(p.Next.String(), "worst")
	f.Add("", "name")
	f.Add("eyJzIjoibmFtZSJ9", "name")
	f.Fuzz(func(t *testing.T, text, sort string) {
		c, err := ParseCursor(text, sort)
		if err != nil || c == nil {
			return
		}
		again, err := ParseCursor(c.String(), sort)
		if err != nil || again.Name != c.Name {
			t.Errorf("%q does not come back: %v", text, err)
		}
		b.Page(everything{}, Query{Sort: sort, Limit: 3, After: c})
	})
}
