package sql

import (
	"fmt"
	"slices"
	"strings"
)

// judgement collects what the statements of one file may cost.
type judgement struct {
	d    dialect
	file string
	out  []Finding
	// types that earlier statements told.
	types catalog
	// made are tables that the file itself made, so that nothing is in them yet.
	made map[string]bool
	// depth of code within code.
	depth int
}

func (j *judgement) add(slug string, s statement, format string, args ...any) {
	r := ruleOf(slug)
	what := fmt.Sprintf(format, args...)
	line := 0
	if len(s) > 0 {
		line = s[0].line
	}
	j.out = append(j.out, Finding{
		File: j.file, Line: line, Level: r.Level, ID: r.ID, Rule: r.Slug, Why: strings.ReplaceAll(r.Why, "{what}", what), Keep: r.Keep,
	})
}

// statement tells what s is by its first words.
func (j *judgement) statement(s statement) {
	switch {
	case len(s) == 0:
	case s.starts("DROP"):
		j.drop(s)
	case s.starts("TRUNCATE"):
		n, _ := s.name(s.skip(1, "TABLE", "ONLY"))
		if !j.made[bare(n)] {
			j.add("sql-delete-all", s, "%s", n)
		}
	case s.starts("DELETE"), s.starts("UPDATE"), s.starts("WITH"), s.starts("EXPLAIN"), s.starts("INSERT"), s.starts("SELECT"), s.starts("REPLACE"), s.starts("MERGE"):
		j.rows(s)
	case s.starts("ALTER"):
		j.alter(s)
	case s.starts("CREATE"):
		j.create(s)
	case s.starts("RENAME", "TABLE"), s.starts("RENAME", "TABLES"):
		n, _ := s.name(2)
		j.add("sql-rename", s, "table %s", n)
	case s.starts("VACUUM") && s.has("FULL"), s.starts("CLUSTER"), s.starts("LOCK", "TABLE"), s.starts("LOCK", "TABLES"), s.starts("REINDEX") && !s.has("CONCURRENTLY"):
		j.add("sql-locks", s, "%s", s[0].s)
	case s.starts("SET") && (s.has("SESSION_REPLICATION_ROLE") && s.has("REPLICA") || s.textual("session_replication_role", "replica")):
		j.add("sql-unhinge", s, "every trigger and foreign key")
	case s.starts("SET") && s.has("FOREIGN_KEY_CHECKS", "=") && s[len(s)-1].s == "0":
		j.add("sql-unhinge", s, "every foreign key")
	case s.starts("DO"), s.starts("EXECUTE"), s.starts("PREPARE"), s.starts("CALL"), s.starts("PERFORM"), s.starts("BEGIN"), s.starts("IF"), s.starts("FOR"), s.starts("LOOP"), s.starts("ELSE"),
		s.starts("ELSIF"), s.starts("ELSEIF"), s.starts("WHILE"), s.starts("WHEN"), s.starts("EXCEPTION"), s.starts("CASE"):
		j.code(s)
	}
}

// textual says whether SET name = 'value' is what s does.
func (s statement) textual(name, value string) bool {
	return len(s) > 1 && strings.EqualFold(s[len(s)-1].s, value) &&
		slices.ContainsFunc(s, func(t token) bool { return strings.EqualFold(t.s, name) })
}

// what is the kind of thing that DROP is about, by its keywords.
var drops = []struct {
	words []string
	slug  string
}{
	{[]string{"DATABASE"}, "sql-drop-database"}, {[]string{"SCHEMA"}, "sql-drop-database"}, {[]string{"OWNED", "BY"}, "sql-drop-database"},
	{[]string{"TABLESPACE"}, "sql-drop-database"},
	{[]string{"TEMPORARY", "TABLE"}, ""}, {[]string{"TABLE"}, "sql-drop-table"}, {[]string{"TABLES"}, "sql-drop-table"},
	{[]string{"FOREIGN", "TABLE"}, ""}, {[]string{"MATERIALIZED", "VIEW"}, "sql-drop-table"},
	{[]string{"TRIGGER"}, "sql-drop-check"}, {[]string{"EVENT", "TRIGGER"}, "sql-drop-check"}, {[]string{"POLICY"}, "sql-drop-check"}, {[]string{"RULE"}, "sql-drop-check"},
	{[]string{"PUBLICATION"}, "sql-unhinge"}, {[]string{"SUBSCRIPTION"}, "sql-unhinge"}, {[]string{"EVENT"}, "sql-drop-check"},
	{[]string{"SEQUENCE"}, "sql-unhinge"},
}

func (j *judgement) drop(s statement) {
	cascade := s.has("CASCADE")
	for _, d := range drops {
		if !s.at(1, d.words...) {
			continue
		}
		n, after := s.name(s.skip(1+len(d.words), "IF EXISTS"))
		names := []string{n}
		for s.at(after, ",") {
			n, after = s.name(after + 1)
			names = append(names, n)
		}
		if d.slug == "sql-drop-table" {
			names = slices.DeleteFunc(names, func(n string) bool { return j.made[bare(n)] })
		}
		if d.slug == "" || len(names) == 0 {
			return
		}
		if n == "" {
			names = []string{"with a name that is put together"}
		}
		j.add(d.slug, s, "%s %s", strings.ToLower(strings.Join(d.words, " ")), strings.Join(names, ", "))
		return
	}
	if cascade {
		n, _ := s.name(s.skip(2, "IF EXISTS"))
		j.add("sql-drop-table", s, "what depends on %s %s", strings.ToLower(s.wordAt(1)), n)
		return
	}
	if s.at(1, "INDEX") && j.d == postgres && !s.has("CONCURRENTLY") && !s.has("ON") {
		j.add("sql-locks", s, "dropping the index")
	}
}

func (s statement) wordAt(i int) string {
	if i < len(s) {
		return s[i].s
	}
	return ""
}

// rows finds deletions and updates without a condition, also in what a WITH names.
func (j *judgement) rows(s statement) {
	for i, t := range s {
		begins := i == 0 || s[i-1].is("(") || s[i-1].is(")") || s[i-1].is("ANALYZE")
		switch {
		case !begins:
		case t.is("DELETE"):
			j.unbound(s[i:], s.deleted(i))
		case t.is("UPDATE"):
			n, _ := s.name(s.skip(i+1, "ONLY", "LOW_PRIORITY", "IGNORE"))
			j.unbound(s[i:], n)
		}
	}
	for i, t := range s {
		if t.is("(") && i > 0 && (s[i-1].is("SETVAL") || s[i-1].is("PG_DROP_REPLICATION_SLOT")) {
			j.add("sql-unhinge", s, "what %s is about", strings.ToLower(s[i-1].s))
		}
	}
}

// deleted is the table that DELETE at i is about.
func (s statement) deleted(i int) string {
	from := s.find(i, "FROM")
	if from < 0 {
		from = i
	}
	n, _ := s.name(s.skip(from+1, "ONLY"))
	return n
}

// unbound says so if s, to the end of its parentheses, has no condition.
func (j *judgement) unbound(s statement, table string) {
	depth := 0
	for i, t := range s {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case depth == 0 && t.is("WHERE") && !s[i:].always():
			return
		}
		if depth < 0 {
			break
		}
	}
	if !j.made[bare(table)] {
		j.add("sql-delete-all", s, "%s", table)
	}
}

// always says whether a WHERE is true of every row: WHERE true, WHERE 1 = 1.
func (s statement) always() bool {
	end := 1
	for end < len(s) && !s[end].is(")") && !s[end].is("RETURNING") && !s[end].is("ORDER") && !s[end].is("LIMIT") {
		end++
	}
	c := s[1:end]
	switch len(c) {
	case 1:
		return c[0].is("TRUE") || c[0].kind == number && c[0].s != "0"
	case 3:
		return c[1].is("=") && c[0].kind == c[2].kind && c[0].s == c[2].s && (c[0].kind == number || c[0].kind == text || c[0].kind == word)
	}
	return false
}

// create remembers what is made, and finds what locks or may fail.
func (j *judgement) create(s statement) {
	i := s.skip(1, "OR REPLACE", "TEMPORARY", "TEMP", "UNLOGGED", "GLOBAL", "LOCAL")
	switch {
	case s.at(i, "TABLE"):
		n, after := s.name(s.skip(i+1, "IF NOT EXISTS"))
		j.columns(n, s, after)
		if !s.has("IF", "NOT", "EXISTS") {
			j.made[bare(n)] = true
		}
	case s.at(i, "UNIQUE", "INDEX"), s.at(i, "INDEX"):
		on := s.find(i, "ON")
		table, _ := s.name(s.skip(on+1, "ONLY"))
		if on < 0 || j.made[bare(table)] {
			return
		}
		if s.at(i, "UNIQUE") {
			j.add("sql-unique", s, "what is indexed of %s", table)
		}
		if j.d == postgres && !s.has("CONCURRENTLY") {
			j.add("sql-locks", s, "making an index of %s", table)
		}
	}
}

// columns remembers the types of a table's columns.
func (j *judgement) columns(table string, s statement, at int) {
	if !s.at(at, "(") {
		return
	}
	end, depth := at, 0
	for ; end < len(s); end++ {
		if s[end].is("(") {
			depth++
		}
		if s[end].is(")") {
			if depth--; depth == 0 {
				break
			}
		}
	}
	for _, c := range s[at+1 : min(end, len(s))].parts(",") {
		n, after := c.name(0)
		if t, _ := c.typeAt(after); n != "" && t.base != "" {
			j.types[column(table, n)] = t
		}
	}
}

// deepest is how far code within code is followed.
const deepest = 4

// code looks into what is run: the body of DO, the branches of it, and the text that is
// put together.
func (j *judgement) code(s statement) {
	if j.depth++; j.depth > deepest {
		j.add("sql-unread", s, "code within code")
		j.depth--
		return
	}
	defer func() { j.depth-- }()
	if s.starts("EXECUTE") || s.starts("PREPARE") {
		before := len(j.out)
		for _, t := range s {
			if t.kind == text {
				j.inner(t)
			}
		}
		if len(j.out) == before {
			j.add("sql-unread", s, "what %s runs", s[0].s)
		}
		return
	}
	if s.starts("DO") || s.starts("CALL") {
		for _, t := range s {
			if t.kind == text {
				j.inner(t)
			}
		}
		return
	}
	// A branch: what follows BEGIN, THEN, ELSE or LOOP is a statement.
	for i, t := range s {
		if (t.is("BEGIN") || t.is("THEN") || t.is("ELSE") || t.is("LOOP")) && i+1 < len(s) {
			j.statement(s[i+1:])
			return
		}
	}
}

// inner judges code that stands in a string.
func (j *judgement) inner(t token) {
	for _, x := range read(t.s, j.d, t.line).statements {
		if x.starts("DECLARE") {
			if i := x.find(0, "BEGIN"); i >= 0 {
				x = x[i:]
			}
		}
		j.statement(x)
	}
}
