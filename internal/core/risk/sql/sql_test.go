package sql

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/risk"
)

// corpus reads testdata/corpus.txt.
func corpus(t testing.TB) []struct{ want, src, types string } {
	t.Helper()
	data, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []struct{ want, src, types string }
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		want, src, ok := strings.Cut(line, " |")
		if !ok || strings.HasPrefix(line, "# what") {
			continue
		}
		src, types, _ := strings.Cut(src, "@")
		src = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(src, " "), `\\`, "\x00"), `\n`, "\n"), "\x00", `\`)
		out = append(out, struct{ want, src, types string }{want, src, types})
	}
	return out
}

// TestCorpus: each statement is told for what it is, and no more is said.
func TestCorpus(t *testing.T) {
	cases := corpus(t)
	if len(cases) < 120 {
		t.Errorf("%d statements in the corpus", len(cases))
	}
	said := map[string]bool{}
	for _, c := range cases {
		before := ""
		if c.types != "" {
			table, typ, _ := strings.Cut(c.types, "=")
			table, name, _ := strings.Cut(table, ".")
			before = fmt.Sprintf("CREATE TABLE %s (%s %s);", table, name, typ)
		}
		previous := map[string][]byte{"db/migrations/001_first.sql": []byte(before)}
		files := map[string][]byte{"db/migrations/001_first.sql": []byte(before), "db/migrations/002_next.sql": []byte(c.src)}
		got := map[string]int{}
		for _, f := range Judge(files, previous) {
			got[f.ID+" "+f.Level.String()]++
			said[f.Rule] = true
			if strings.Contains(f.Why, "{what}") || strings.Contains(f.Why, "  ") || f.Line == 0 {
				t.Errorf("%s\nline %d: %s", c.src, f.Line, f.Why)
			}
		}
		want := map[string]int{}
		for w := range strings.SplitSeq(c.want, ", ") {
			if w != "-" {
				want[w]++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", c.src, diff)
		}
	}
	for _, r := range Rules() {
		if !said[r.Slug] && r.ID != "S11" {
			t.Errorf("no statement has rule %s speak", r.Slug)
		}
		if r.Level == risk.None || r.Why == "" || r.Keep == "" {
			t.Errorf("rule %s is not complete", r.Slug)
		}
	}
}

// TestFiles: what was applied stays as it is, and comes first.
func TestFiles(t *testing.T) {
	const drop, add = "DROP TABLE a;", "CREATE TABLE b (id int);"
	for name, tt := range map[string]struct {
		why      string
		was, now map[string]string
		want     []string // file:line rule
	}{
		"New":        {"A new migration is judged.", nil, map[string]string{"m/V1__a.sql": "\n\n" + drop}, []string{"m/V1__a.sql:3 sql-drop-table"}},
		"Applied":    {"One that was applied is not, again.", map[string]string{"m/V1__a.sql": drop}, map[string]string{"m/V1__a.sql": drop}, nil},
		"Edited":     {"It must not change.", map[string]string{"m/V1__a.sql": add}, map[string]string{"m/V1__a.sql": drop}, []string{"m/V1__a.sql:0 sql-edited"}},
		"Deleted":    {"Nor go: a revert does not undo it, or undoes it with data.", map[string]string{"m/V1__a.sql": add}, nil, []string{"m/V1__a.sql:0 sql-deleted"}},
		"Repeatable": {"Some are run again whenever they change.", map[string]string{"m/R__v.sql": add}, map[string]string{"m/R__v.sql": drop}, []string{"m/R__v.sql:1 sql-drop-table"}},
		"RepeatGone": {"They may go.", map[string]string{"m/R__v.sql": add}, nil, nil},
		"Late":       {"A number before those that were applied.", map[string]string{"m/V10__a.sql": add}, map[string]string{"m/V10__a.sql": add, "m/V9__b.sql": add}, []string{"m/V9__b.sql:0 sql-late"}},
		"Later":      {"One after them.", map[string]string{"m/V9__a.sql": add}, map[string]string{"m/V9__a.sql": add, "m/V10__b.sql": add}, nil},
		"Versions":   {"Parts of a version are numbers.", map[string]string{"m/V1.9__a.sql": add}, map[string]string{"m/V1.9__a.sql": add, "m/V1.10__b.sql": add}, nil},
		"OtherDir":   {"Another folder is another database.", map[string]string{"m/V9__a.sql": add}, map[string]string{"m/V9__a.sql": add, "n/V1__b.sql": add}, nil},
		"Undo":       {"How to undo is run by nobody here.", nil, map[string]string{"m/U1__a.sql": drop, "m/1_b.down.sql": drop}, nil},
		"Up":         {"The other direction is.", nil, map[string]string{"m/000001_b.up.sql": drop}, []string{"m/000001_b.up.sql:1 sql-drop-table"}},
		"Atlas":      {"By time.", nil, map[string]string{"m/20260101120000_x.sql": drop, "m/atlas.sum": "h1:x"}, []string{"m/20260101120000_x.sql:1 sql-drop-table"}},
		"Plain":      {"Any file of a folder of migrations.", nil, map[string]string{"db/migrations/drop.sql": drop}, []string{"db/migrations/drop.sql:1 sql-drop-table"}},
		"Seed":       {"Not every file of SQL is a migration.", nil, map[string]string{"db/seed.sql": drop, "db/README.md": drop}, nil},
		"Learned":    {"Types are known from what was applied, in order.", map[string]string{"m/2_b.sql": "ALTER TABLE a ALTER COLUMN x TYPE bigint;", "m/1_a.sql": "CREATE TABLE a (x int);"}, map[string]string{"m/2_b.sql": "ALTER TABLE a ALTER COLUMN x TYPE bigint;", "m/1_a.sql": "CREATE TABLE a (x int);", "m/10_c.sql": "ALTER TABLE a ALTER COLUMN x TYPE int;"}, []string{"m/10_c.sql:1 sql-narrow"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Judge(bytesOf(tt.now), bytesOf(tt.was)) {
				got = append(got, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Rule))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}

func bytesOf(m map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for k, v := range m {
		out[k] = []byte(v)
	}
	return out
}

// TestLarge: what is too long to be judged is said so, and nothing takes long.
func TestLarge(t *testing.T) {
	long := bytes.Repeat([]byte("INSERT INTO a VALUES (1);\n"), largest/20)
	if got := Judge(map[string][]byte{"m/1_a.sql": long}, nil); len(got) != 1 || got[0].Rule != "sql-unread" {
		t.Errorf("got %+v", got)
	}
	if got := Judge(map[string][]byte{"m/1_a.sql": long[:largest/26*26]}, nil); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// FuzzJudge: no text makes it fall over or loop, and a DROP TABLE that follows on what
// is whole is always found.
func FuzzJudge(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c.src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<14 {
			return
		}
		Judge(map[string][]byte{"m/1_a.sql": []byte(src)}, nil)
		for _, d := range []dialect{postgres, mysql} {
			s := read(src, d, 1)
			again := read(src+"\n;\nDROP TABLE zzz;\n", d, 1)
			if s.open != "" || hidden(src) {
				continue
			}
			found := false
			for _, x := range again.statements {
				found = found || x.starts("DROP", "TABLE", "ZZZ")
			}
			if !found {
				t.Fatalf("dialect %d: %q hides what follows it: %v", d, src, again.statements)
			}
		}
	})
}

// hidden says whether a tool's own words in the file say that what follows is not for
// now, or of another form.
func hidden(src string) bool {
	lower := strings.ToLower(src)
	for _, s := range []string{"goose", "migrate", "undo", "delimiter", "/*!", "/*m!", "create"} {
		if strings.Contains(lower, s) {
			return true
		}
	}
	return false
}
