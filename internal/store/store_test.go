package store

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestSum holds the encoding that docs/adr/0012-history.md describes: chains that are
// kept somewhere have to stay verifiable.
func TestSum(t *testing.T) {
	e := Entry{
		ID: "i", Time: time.UnixMicro(1_700_000_000_000_001), Kind: KindPause, Person: lockstep.Person{Name: "oidc:ana", Display: "Ana", Via: lockstep.ProofSession},
		Unit: lockstep.Unit{Namespace: "payments", Name: "shop"}, Verb: "pause", Outcome: "Succeeded", Reason: "why", Request: "r", Data: "{}",
	}.After(Head{})
	want := "16:lockstep/entry/164:" + Origin + "1:11:i16:17000000000000015:pause8:oidc:ana3:Ana7:session8:payments4:shop5:pause9:Succeeded3:why1:r2:{}"
	if diff := cmp.Diff(want, string(e.encode())); diff != "" {
		t.Errorf("the encoding (-want +got):\n%s", diff)
	}
	moved := e
	moved.Verb, moved.Outcome = "pauseS", "ucceeded"
	if moved.Sum() == e.Sum() {
		t.Error("a letter may move from one part to the next")
	}
}

func TestMerge(t *testing.T) {
	old := Release{Outcome: Succeeded, Summary: Summary{Create: 2}, Objects: []ObjectChange{{Object: "A", Verb: "create", Result: "done"}, {Object: "B", Verb: "create"}}}
	newer := Release{Outcome: Progressing, Objects: []ObjectChange{{Object: "B", Verb: "create", Result: "done"}, {Object: "C", Verb: "delete", Result: "done"}}}
	got := newer.Merge(old)
	want := Release{Outcome: Succeeded, Summary: Summary{Create: 2}, Objects: []ObjectChange{
		{Object: "A", Verb: "create", Result: "done"}, {Object: "B", Verb: "create", Result: "done"}, {Object: "C", Verb: "delete", Result: "done"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what two passes know (-want +got):\n%s", diff)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	old = Release{Steps: Times{Fetched: noon, Started: noon.Add(time.Second + time.Millisecond), Applied: noon.Add(2 * time.Second)}}
	newer = Release{Steps: Times{Fetched: noon.Add(time.Minute), Started: noon.Add(time.Second), Healthy: noon.Add(time.Hour)}}
	times := Times{Fetched: noon, Started: noon.Add(time.Second + time.Millisecond), Applied: noon.Add(2 * time.Second), Healthy: noon.Add(time.Hour)}
	if diff := cmp.Diff(times, newer.Merge(old).Steps); diff != "" {
		t.Errorf("a server that takes over knows less of how it began (-want +got):\n%s", diff)
	}
}

func FuzzParseDetail(f *testing.F) {
	for _, k := range Kinds() {
		f.Add(string(k), `{"number": 1, "fields": [{"object": "x"}], "since": "2026-01-01T00:00:00Z"}`)
	}
	f.Fuzz(func(t *testing.T, kind, data string) {
		d, err := ParseDetail(Kind(kind), data)
		if err != nil {
			return
		}
		if d.Kind() != Kind(kind) {
			t.Errorf("%q was read as %q", kind, d.Kind())
		}
		if _, err := json.Marshal(d); err != nil && !strings.Contains(err.Error(), "year") {
			t.Error(err)
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add("a", "b", "\x00", "\xff")
	f.Fuzz(func(t *testing.T, person, verb, reason, unit string) {
		e, err := Draft{Person: lockstep.Person{Name: person}, Verb: verb, Reason: reason, Unit: lockstep.Unit{Namespace: unit}, Detail: PauseDetail{}}.Entry(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{e.Person.Name, e.Verb, e.Reason, e.Unit.Namespace} {
			if strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s || len(s) > maxText {
				t.Errorf("%q cannot be kept", s)
			}
		}
	})
}

func FuzzParseHead(f *testing.F) {
	f.Add("")
	f.Add("1:" + Origin)
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHead(s)
		if err != nil || s == "" {
			return
		}
		if again, err := ParseHead(h.String()); err != nil || again != h {
			t.Errorf("%q: %v, %v", s, again, err)
		}
	})
}
