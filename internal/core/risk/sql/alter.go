package sql

import "strings"

// alter judges ALTER, of a table action by action.
func (j *judgement) alter(s statement) {
	switch {
	case s.starts("ALTER", "SEQUENCE") && s.has("RESTART"):
		n, _ := s.name(s.skip(2, "IF EXISTS"))
		j.add("sql-unhinge", s, "sequence %s", n)
		return
	case s.starts("ALTER", "TYPE"):
		j.alterType(s)
		return
	case s.starts("ALTER", "DATABASE") && s.has("CHARACTER", "SET"), s.starts("ALTER", "SCHEMA") && s.has("RENAME"):
		n, _ := s.name(2)
		j.add("sql-rename", s, "%s", n)
		return
	}
	i := s.skip(1, "FOREIGN", "ONLINE", "IGNORE")
	if !s.at(i, "TABLE") && !s.at(i, "MATERIALIZED", "VIEW") {
		return
	}
	i = s.skip(i, "MATERIALIZED", "VIEW", "TABLE", "IF EXISTS", "ONLY")
	table, i := s.name(i)
	i = s.skip(i, "*")
	if j.made[bare(table)] && !s.has("RENAME") {
		// Nothing is in it yet, and nobody uses it; only its types are remembered.
		for _, a := range s[min(i, len(s)):].parts(",") {
			if a.starts("ADD") {
				j.remember(table, a, a.skip(1, "COLUMN", "IF NOT EXISTS"))
			}
		}
		return
	}
	for _, a := range s[min(i, len(s)):].parts(",") {
		j.action(table, a)
	}
}

func (j *judgement) alterType(s statement) {
	n, i := s.name(2)
	switch {
	case s.at(i, "DROP", "ATTRIBUTE"), s.at(i, "DROP", "VALUE"):
		j.add("sql-narrow", s, "type %s", n)
	case s.at(i, "RENAME"):
		j.add("sql-rename", s, "what %s names", n)
	}
}

// dropped is what DROP in ALTER TABLE takes away that is no column.
var dropped = []struct{ what, slug string }{
	{"CONSTRAINT", "sql-drop-check"}, {"FOREIGN KEY", "sql-drop-check"}, {"PRIMARY KEY", "sql-drop-check"}, {"CHECK", "sql-drop-check"},
	{"PARTITION", "sql-drop-partition"}, {"INDEX", ""}, {"KEY", ""}, {"DEFAULT", ""}, {"EXPRESSION", ""}, {"IDENTITY", ""}, {"PERIOD", ""},
}

// action judges one action of ALTER TABLE.
func (j *judgement) action(table string, a statement) {
	switch {
	case a.starts("DROP"):
		j.dropAction(table, a)
	case a.starts("TRUNCATE", "PARTITION"):
		j.add("sql-drop-partition", a, "a partition of %s", table)
	case a.starts("DETACH", "PARTITION"):
		j.add("sql-unhinge", a, "a partition of %s", table)
	case a.starts("RENAME"):
		j.rename(table, a)
	case a.starts("ADD"):
		j.addAction(table, a)
	case a.starts("ALTER"):
		j.alterColumn(table, a)
	case a.starts("MODIFY"):
		n, i := a.name(a.skip(1, "COLUMN", "IF EXISTS"))
		j.retype(table, n, a, i)
	case a.starts("CHANGE"):
		was, i := a.name(a.skip(1, "COLUMN", "IF EXISTS"))
		now, i := a.name(i)
		if was != now {
			j.add("sql-rename", a, "column %s.%s", table, was)
		}
		j.retype(table, was, a, i)
	case a.starts("CONVERT", "TO"), a.starts("CHARACTER", "SET"), a.starts("CHARSET"), a.starts("DEFAULT", "CHARACTER", "SET"):
		if !a.has("UTF8MB4") {
			j.add("sql-narrow", a, "the text of %s", table)
		}
	case a.starts("SET", "TABLESPACE"), a.starts("SET", "LOGGED"), a.starts("SET", "UNLOGGED"), a.starts("SET", "ACCESS", "METHOD"), a.starts("ENGINE"), a.starts("FORCE"):
		j.add("sql-locks", a, "writing %s anew", table)
	case a.starts("DISABLE", "TRIGGER"), a.starts("DISABLE", "KEYS"), a.starts("DISABLE", "RULE"), a.starts("REPLICA", "IDENTITY", "NOTHING"):
		j.add("sql-unhinge", a, "a trigger, rule or key of %s", table)
	case a.starts("DISABLE", "ROW"), a.starts("NO", "FORCE", "ROW"):
		j.add("sql-drop-check", a, "the row level security of %s", table)
	case a.starts("AUTO_INCREMENT"):
		j.add("sql-unhinge", a, "the counter of %s", table)
	}
}

func (j *judgement) dropAction(table string, a statement) {
	for _, d := range dropped {
		words := strings.Fields(d.what)
		if !a.at(1, words...) {
			continue
		}
		if d.slug != "" {
			j.add(d.slug, a, "%s of %s", strings.ToLower(d.what), table)
		}
		return
	}
	n, _ := a.name(a.skip(1, "COLUMN", "IF EXISTS"))
	j.add("sql-drop-column", a, "column %s.%s", table, n)
}

func (j *judgement) rename(table string, a statement) {
	switch {
	case a.starts("RENAME", "CONSTRAINT"), a.starts("RENAME", "INDEX"), a.starts("RENAME", "KEY"):
	case a.starts("RENAME", "TO"), a.starts("RENAME", "AS"):
		j.add("sql-rename", a, "table %s", table)
		delete(j.made, bare(table))
	default:
		n, _ := a.name(a.skip(1, "COLUMN"))
		j.add("sql-rename", a, "column %s.%s", table, n)
	}
}

// volatile are functions that give another value for each row, so that the whole table
// is written for a column with such a default.
var volatile = []string{"RANDOM", "GEN_RANDOM_UUID", "UUID_GENERATE_V4", "UUID_GENERATE_V1", "UUIDV7", "UUIDV4", "CLOCK_TIMESTAMP", "TIMEOFDAY", "NEXTVAL"}

func (j *judgement) addAction(table string, a statement) {
	i := a.skip(1, "COLUMN", "IF NOT EXISTS")
	if a.at(1, "CONSTRAINT") {
		_, i = a.name(2)
		if a.at(2, "UNIQUE") || a.at(2, "CHECK") || a.at(2, "FOREIGN") || a.at(2, "PRIMARY") {
			i = 2 // MySQL lets the name out
		}
	}
	switch {
	case a.at(i, "UNIQUE"), a.at(i, "PRIMARY", "KEY"):
		if !a.has("USING", "INDEX") {
			j.add("sql-unique", a, "what the key of %s names", table)
			j.locks(a, "making a key of %s", table)
		}
		return
	case a.at(i, "FOREIGN", "KEY"), a.at(i, "CHECK"):
		if !a.has("NOT", "VALID") {
			j.locks(a, "checking all rows of %s", table)
		}
		return
	case a.at(i, "EXCLUDE"):
		j.locks(a, "making a key of %s", table)
		return
	case a.at(1, "INDEX"), a.at(1, "KEY"), a.at(1, "PARTITION"), a.at(1, "FULLTEXT"), a.at(1, "SPATIAL"), a.at(1, "GENERATED"):
		return
	case a.at(i, "("): // MySQL: several columns at once
		for _, c := range a[i+1:].parts(",") {
			j.addColumn(table, c, 0)
		}
		return
	}
	j.addColumn(table, a, i)
}

// locks is about PostgreSQL, where what takes long blocks what comes after.
func (j *judgement) locks(a statement, format string, args ...any) {
	if j.d == postgres {
		j.add("sql-locks", a, format, args...)
	}
}

func (j *judgement) addColumn(table string, a statement, i int) {
	n := j.remember(table, a, i)
	filled := a.has("DEFAULT") || a.has("GENERATED") || a.has("AUTO_INCREMENT") || a.has("SERIAL") || a.has("BIGSERIAL") || a.has("AS", "(")
	if a.has("NOT", "NULL") && !filled || a.has("PRIMARY", "KEY") && !filled {
		j.add("sql-not-null", a, "column %s.%s", table, n)
	}
	if a.has("UNIQUE") {
		j.add("sql-unique", a, "column %s.%s", table, n)
	}
	for _, f := range volatile {
		if d := a.find(0, "DEFAULT"); d >= 0 && a.find(d, f) >= 0 {
			j.locks(a, "filling column %s.%s", table, n)
		}
	}
}

// remember keeps the type of a column, and returns its name.
func (j *judgement) remember(table string, a statement, i int) string {
	n, after := a.name(i)
	if t, _ := a.typeAt(after); t.base != "" {
		j.types[column(table, n)] = t
	}
	return n
}

func (j *judgement) alterColumn(table string, a statement) {
	n, i := a.name(a.skip(1, "COLUMN"))
	switch {
	case a.at(i, "TYPE"), a.at(i, "SET", "DATA", "TYPE"):
		j.retype(table, n, a, a.skip(i, "SET DATA", "TYPE"))
	case a.at(i, "SET", "NOT", "NULL"):
		j.add("sql-not-null", a, "column %s.%s", table, n)
	}
}

// retype judges another type of a column.
func (j *judgement) retype(table, name string, a statement, i int) {
	now, _ := a.typeAt(i)
	was := j.types[column(table, name)]
	j.types[column(table, name)] = now
	if a.has("NOT", "NULL") {
		j.add("sql-not-null", a, "column %s.%s", table, name)
	}
	switch now.fits(was) {
	case narrower:
		j.add("sql-narrow", a, "column %s.%s", table, name)
	case unsure:
		j.add("sql-narrow", a, "column %s.%s", table, name)
		f := &j.out[len(j.out)-1]
		f.Level, f.Why = reviewLevel, "column "+table+"."+name+" gets another type; what it had is not known, so that it may hold less"
	}
}
