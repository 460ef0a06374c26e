package sql

import (
	"slices"
	"strings"
)

// statement is its tokens, without the semicolon.
type statement []token

// at says whether the keywords or marks of phrase follow from i on.
func (s statement) at(i int, phrase ...string) bool {
	if i < 0 || i+len(phrase) > len(s) {
		return false
	}
	for n, p := range phrase {
		if !s[i+n].is(p) {
			return false
		}
	}
	return true
}

// starts says whether s begins with the phrase.
func (s statement) starts(phrase ...string) bool { return s.at(0, phrase...) }

// has says whether the phrase is anywhere in s.
func (s statement) has(phrase ...string) bool { return s.find(0, phrase...) >= 0 }

// find returns where the phrase is, from i on; -1 if nowhere.
func (s statement) find(i int, phrase ...string) int {
	for ; i < len(s); i++ {
		if s.at(i, phrase...) {
			return i
		}
	}
	return -1
}

// skip returns s from behind the optional phrases at i.
func (s statement) skip(i int, phrases ...string) int {
	for again := true; again; {
		again = false
		for _, p := range phrases {
			if words := strings.Fields(p); s.at(i, words...) {
				i += len(words)
				again = true
			}
		}
	}
	return i
}

// name reads a.b.c at i, and returns where it ends; "" if there is none.
func (s statement) name(i int) (string, int) {
	var parts []string
	for i < len(s) && (s[i].kind == word || s[i].kind == name || s[i].kind == text) {
		if s[i].kind == word {
			parts = append(parts, strings.ToLower(s[i].raw))
		} else {
			parts = append(parts, s[i].s)
		}
		i++
		if i+1 >= len(s) || !s[i].is(".") {
			break
		}
		i++
	}
	return strings.Join(parts, "."), i
}

// parts splits at marks outside of parentheses.
func (s statement) parts(mark string) []statement {
	var out []statement
	depth, from := 0, 0
	for i, t := range s {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case depth == 0 && t.is(mark):
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[from:])
}

// script is a file that was read.
type script struct {
	statements []statement
	// open is what was begun and not ended, since which line.
	open string
	line int
}

// markers are the comments by which tools tell the two directions of a file.
var downMarkers, upMarkers = []string{"+goose down", "migrate:down", "+migrate down", "//@undo", "@undo"}, []string{"+goose up", "migrate:up", "+migrate up"}

// read splits src. Where tools tell two directions in one file, only what leads forward
// is in it.
func read(src string, d dialect, line int) script {
	r := &reader{d: d, src: src, line: line}
	var out script
	var current statement
	body := bodyDepth{}
	forward, whole := true, false
	seen := 0
	flush := func() {
		if len(current) > 0 {
			out.statements = append(out.statements, current)
		}
		current, body = nil, bodyDepth{}
	}
	for {
		t, more := r.next()
		for ; seen < len(r.notes); seen++ {
			switch note := strings.ToLower(r.notes[seen].s); {
			case hasPrefix(note, downMarkers):
				flush()
				forward = false
			case hasPrefix(note, upMarkers):
				flush()
				forward = true
			case strings.HasPrefix(note, "+goose statementbegin"), strings.HasPrefix(note, "+migrate statementbegin"):
				flush()
				whole = true
			case strings.HasPrefix(note, "+goose statementend"), strings.HasPrefix(note, "+migrate statementend"):
				flush()
				whole = false
			}
		}
		if !more {
			break
		}
		if !forward {
			continue
		}
		if len(current) == 0 && t.is("DELIMITER") && d == mysql {
			end := strings.IndexByte(r.rest(), '\n')
			if end < 0 {
				end = len(r.rest())
			}
			r.delimiter = strings.TrimSpace(r.skip(end))
			if r.delimiter == ";" {
				r.delimiter = ""
			}
			continue
		}
		if t.is(delimited) || t.is(";") && r.delimiter == "" && !whole && body.depth <= 0 {
			flush()
			continue
		}
		body.see(current, t)
		current = append(current, t)
	}
	if body.depth > 0 && len(current) > 0 && r.open == "" {
		r.open = "the body of a routine"
	}
	if r.open != "" {
		out.line = line
		if len(current) > 0 {
			out.line = current[0].line
		}
	}
	flush()
	out.open = r.open
	return out
}

func hasPrefix(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// bodyDepth counts the blocks of a routine whose body is no string: the semicolons in
// it end no statement.
type bodyDepth struct {
	routine bool
	depth   int
	last    token
}

func (b *bodyDepth) see(before statement, t token) {
	if !b.routine && len(before) < 12 && len(before) > 0 && before.starts("CREATE") {
		b.routine = t.is("FUNCTION") || t.is("PROCEDURE") || t.is("TRIGGER") || t.is("EVENT")
	}
	if b.routine {
		switch {
		case t.is("BEGIN"), t.is("CASE") && !b.last.is("END"):
			b.depth++
		case b.last.is("END") && (t.is("IF") || t.is("LOOP") || t.is("WHILE") || t.is("REPEAT")):
			b.depth++ // END was none of a block
		case t.is("END"):
			b.depth--
		}
	}
	b.last = t
}
