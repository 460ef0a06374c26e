package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/store"
)

// tampering: whatever somebody does to the tables, verifying names the entry.
func tampering(t *testing.T, open func(t *testing.T) Made) {
	type flaw struct {
		Kind     store.FlawKind
		From, To int64
	}
	cases := map[string]struct {
		why        string
		sql        []string
		remembered bool
		want       []flaw
	}{
		"Nothing":   {why: "What nobody touched is sound.", remembered: true},
		"Content":   {why: "A reason was made nicer.", sql: []string{`UPDATE entries SET reason = 'all was well' WHERE seq = 4`}, want: []flaw{{store.Changed, 4, 4}}},
		"Person":    {why: "It was somebody else.", sql: []string{`UPDATE entries SET person = 'oidc:mia' WHERE seq = 4`}, want: []flaw{{store.Changed, 4, 4}}},
		"Time":      {why: "It was later.", sql: []string{`UPDATE entries SET at = at + 1 WHERE seq = 4`}, want: []flaw{{store.Changed, 4, 4}}},
		"Two":       {why: "Every bad one is named, not only the first.", sql: []string{`UPDATE entries SET verb = 'x' WHERE seq IN (2, 7)`}, want: []flaw{{store.Changed, 2, 2}, {store.Changed, 7, 7}}},
		"Removed":   {why: "One is missing in the middle.", sql: []string{`DELETE FROM entries WHERE seq = 5`}, want: []flaw{{store.Removed, 5, 5}}},
		"Run":       {why: "Several in a row.", sql: []string{`DELETE FROM entries WHERE seq IN (4, 5, 6)`}, want: []flaw{{store.Removed, 4, 6}}},
		"First":     {why: "The oldest are not worth less.", sql: []string{`DELETE FROM entries WHERE seq = 1`}, want: []flaw{{store.Removed, 1, 1}}},
		"Reordered": {why: "Two changed places.", sql: []string{`UPDATE entries SET seq = 999 WHERE seq = 3`, `UPDATE entries SET seq = 3 WHERE seq = 6`, `UPDATE entries SET seq = 6 WHERE seq = 999`}, want: []flaw{{store.Reordered, 3, 3}, {store.Reordered, 6, 6}}},
		"End":       {why: "The end was cut off.", sql: []string{`DELETE FROM entries WHERE seq > 7`}, want: []flaw{{store.Truncated, 8, 10}}},
		"EndNeatly": {
			why:        "The end was cut off, and the chain's own memory of it with it: another memory tells.",
			sql:        []string{`DELETE FROM entries WHERE seq > 7`, `UPDATE chain SET seq = 7, hash = (SELECT hash FROM entries WHERE seq = 7)`},
			remembered: true, want: []flaw{{store.Truncated, 8, 10}},
		},
		"Excused": {
			why:  "A gap that no checkpoint knows of is no excuse.",
			sql:  []string{`INSERT INTO gaps (first, last, prev, hash, newest) SELECT seq, seq, prev, hash, at FROM entries WHERE seq = 5`, `DELETE FROM entries WHERE seq = 5`},
			want: []flaw{{store.Removed, 5, 5}},
		},
		"Release":     {why: "The row beside the chain was changed.", sql: []string{`UPDATE releases SET objects = '[]' WHERE number = 2`}, want: []flaw{{store.Changed, 4, 4}}},
		"ReleaseGone": {why: "The row beside the chain is gone.", sql: []string{`DELETE FROM releases WHERE number = 2`}, want: []flaw{{store.Removed, 4, 4}}},
	}
	for name, tc := range cases {
		t.Run("Tampered"+name, func(t *testing.T) {
			m := open(t)
			for i := range int64(5) {
				at := day.Add(time.Duration(i) * time.Hour)
				m.append(t, Call(at, Shop, "call"), Released(Shop, i+1, store.Succeeded, at, at))
			}
			var memory store.Head
			if h, err := m.Head(t.Context()); err != nil || h.Seq != 10 {
				t.Fatal(h, err)
			} else if tc.remembered {
				memory = h
			}
			for _, s := range tc.sql {
				m.SQL(s)
			}
			v := m.verify(t, memory)
			var got []flaw
			for _, f := range v.Flaws {
				got = append(got, flaw{f.Kind, f.From, f.To})
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || v.OK != (len(tc.want) == 0) {
				t.Errorf("%s\nflaws (-want +got):\n%s\n%+v", tc.why, diff, v.Flaws)
			}
		})
	}
	t.Run("TamperedRewritten", func(t *testing.T) {
		m := open(t)
		m.append(t, Call(day, Shop, "one"), Call(day, Shop, "two"))
		h, err := m.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m.SQL(`DELETE FROM entries`)
		m.SQL(`UPDATE chain SET seq = 0, hash = ''`)
		m.append(t, Call(day, Shop, "another one"), Call(day, Shop, "two"))
		if v := m.verify(t, store.Head{}); !v.OK {
			t.Errorf("a chain made anew fits together: %+v", v.Flaws)
		}
		if v := m.verify(t, h); v.OK || v.Flaws[0].Kind != store.Rewritten {
			t.Errorf("but it is not what is remembered: %+v", v)
		}
	})
}
