package sql

import (
	"bytes"
	"cmp"
	_ "embed"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/core/risk"
)

// Finding is one thing that a migration may cost.
type Finding struct {
	File  string     `json:"file"`
	Line  int        `json:"line,omitempty"`
	Level risk.Level `json:"level"`
	ID    string     `json:"id"`
	Rule  string     `json:"rule"`
	Why   string     `json:"why"`
	Keep  string     `json:"keep,omitempty"`
}

const reviewLevel = risk.Review

// Rule is what is said about one sort of statement.
type Rule struct {
	ID    string     `yaml:"id"`
	Slug  string     `yaml:"slug"`
	Level risk.Level `yaml:"level"`
	Why   string     `yaml:"why"`
	Keep  string     `yaml:"keep"`
}

//go:embed rules.yaml
var rulesFile []byte

// Rules returns all rules, in the order of the table.
var Rules = sync.OnceValue(func() []Rule {
	var f struct {
		Rules []Rule `yaml:"rules"`
	}
	d := yaml.NewDecoder(bytes.NewReader(rulesFile))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		panic("risk/sql: " + err.Error()) // a test reads them
	}
	return f.Rules
})

func ruleOf(slug string) Rule {
	rules := Rules()
	return rules[slices.IndexFunc(rules, func(r Rule) bool { return r.Slug == slug })]
}

// Judge returns what carrying out the migrations among files may cost, in order of
// files and lines. previous are the files of the commit that was carried out last; nil
// if there was none. What was there before was applied, as far as anybody here knows:
// it is not judged again, but must not change.
func Judge(files, previous map[string][]byte) []Finding {
	var out []Finding
	types := catalog{}
	newest := map[string][]int{}
	for p := range previous {
		if m, ok := migrationOf(p); ok && m.forward && slices.Compare(m.version, newest[path.Dir(p)]) > 0 {
			newest[path.Dir(p)] = m.version
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(files), inOrder) {
		m, ok := migrationOf(p)
		if !ok || !m.forward {
			continue
		}
		was, applied := previous[p]
		found := judgeFile(p, files[p], types)
		switch {
		case applied && !bytes.Equal(was, files[p]) && !m.repeatable:
			out = append(out, about("sql-edited", p))
		case applied && !bytes.Equal(was, files[p]):
			out = append(out, found...)
		case applied:
		default:
			if !m.repeatable && len(m.version) > 0 && slices.Compare(m.version, newest[path.Dir(p)]) < 0 {
				out = append(out, about("sql-late", p))
			}
			out = append(out, found...)
		}
	}
	for p := range previous {
		if m, ok := migrationOf(p); ok && m.forward && !m.repeatable {
			if _, there := files[p]; !there {
				out = append(out, about("sql-deleted", p))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(inOrder(a.File, b.File), cmp.Compare(a.Line, b.Line), -cmp.Compare(a.Level, b.Level), cmp.Compare(a.Rule, b.Rule))
	})
	return out
}

func about(slug, file string) Finding {
	r := ruleOf(slug)
	return Finding{File: file, Level: r.Level, ID: r.ID, Rule: r.Slug, Why: strings.ReplaceAll(r.Why, "{what}", "the migration"), Keep: r.Keep}
}

// largest is how long a file may be that is judged: what is longer holds data.
const largest = 1 << 20

// judgeFile judges one file, in each dialect that it may be in.
func judgeFile(file string, content []byte, types catalog) []Finding {
	if len(content) > largest {
		j := judgement{file: file}
		j.add("sql-unread", nil, "the file")
		return j.out
	}
	var out []Finding
	src := string(content)
	learned := catalog{}
	scripts := map[dialect]script{}
	whole := false
	for _, d := range dialects(src) {
		s := read(src, d, 1)
		scripts[d] = s
		whole = whole || s.open == ""
	}
	for _, d := range []dialect{postgres, mysql} {
		s, maybe := scripts[d]
		if !maybe || whole && s.open != "" {
			continue // it is in the other one, which can read it
		}
		j := judgement{d: d, file: file, types: maps.Clone(types), made: map[string]bool{}}
		for _, x := range s.statements {
			j.statement(x)
		}
		if s.open != "" {
			j.add("sql-unread", statement{{line: s.line}}, "%s", s.open)
		}
		for _, f := range j.out {
			if !slices.ContainsFunc(out, func(o Finding) bool { return o.Line == f.Line && o.Rule == f.Rule && o.Why == f.Why }) {
				out = append(out, f)
			}
		}
		maps.Copy(learned, j.types)
	}
	maps.Copy(types, learned)
	return out
}

// What only one of the dialects has. Hints, not proof: a file that has none, or those
// of both, is judged in both.
var (
	onlyMySQL     = regexp.MustCompile(`(?mi)^\s*delimiter\s`)
	hintsMySQL    = regexp.MustCompile("(?i)`|\\bengine\\s*=|\\bauto_increment\\b|\\bunsigned\\b|/\\*!|\\bmodify\\s+column\\b|\\bcharacter\\s+set\\b|\\bforeign_key_checks\\b|\\butf8mb4\\b")
	hintsPostgres = regexp.MustCompile(`(?i)\$[a-z_]*\$|::|\b(big)?serial\b|\bconcurrently\b|\btimestamptz\b|\bjsonb\b|\bplpgsql\b|\breturning\b|\buuid\b|\bbytea\b|\bcascade\b|\balter\s+column\s+\S+\s+(set\s+data\s+)?type\b|\bnot\s+valid\b|\bvacuum\b|\bmaterialized\b|\btablespace\b`)
)

// hinted is how much of a file is looked at for hints.
const hinted = 64 << 10

func dialects(src string) []dialect {
	src = src[:min(len(src), hinted)]
	m, p := hintsMySQL.MatchString(src), hintsPostgres.MatchString(src)
	switch {
	case m && !p, onlyMySQL.MatchString(src):
		return []dialect{mysql}
	case p && !m:
		return []dialect{postgres}
	}
	return []dialect{postgres, mysql}
}

// migration is what the path of a file says.
type migration struct {
	version    []int // nil if it has none
	forward    bool  // not how to undo another
	repeatable bool  // run again whenever it changes
}

// named is the form of names of migrations: V1_2__name, 20260101120000_name,
// 000001_name.up, R__name.
var named = regexp.MustCompile(`^(?i:([VBUR])?(\d+(?:[._]\d+)*)?(__|_|-|\.)?.*?)(\.up|\.down)?\.sql$`)

// migrationOf says what kind of migration the file at p is; false if it is none.
func migrationOf(p string) (migration, bool) {
	base := path.Base(p)
	parts := named.FindStringSubmatch(base)
	if parts == nil {
		return migration{}, false
	}
	letter, digits, sep, direction := strings.ToUpper(parts[1]), parts[2], parts[3], strings.ToLower(parts[4])
	m := migration{forward: direction != ".down"}
	switch {
	case letter == "R" && digits == "" && sep == "__":
		m.repeatable = true
		return m, true
	case letter == "U" && digits != "" && sep == "__":
		m.forward = false
	case digits == "" || letter != "" && sep != "__" || letter == "R":
		// Any file of a folder of migrations may be one.
		return m, strings.Contains(strings.ToLower(path.Dir(p)), "migrat")
	}
	for _, d := range strings.FieldsFunc(digits, func(r rune) bool { return r == '.' || r == '_' }) {
		n, err := strconv.Atoi(d)
		if err != nil {
			return m, true // too long for a number: without an order
		}
		m.version = append(m.version, n)
	}
	return m, true
}

// inOrder compares paths by the versions of migrations in one folder, then by name.
func inOrder(a, b string) int {
	if path.Dir(a) == path.Dir(b) {
		x, _ := migrationOf(a)
		y, _ := migrationOf(b)
		if c := slices.Compare(x.version, y.version); c != 0 && x.version != nil && y.version != nil {
			return c
		}
	}
	return cmp.Compare(a, b)
}
