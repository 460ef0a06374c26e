package sql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// dialect is what a file is written in.
type dialect uint8

const (
	postgres dialect = iota
	mysql
)

// kind of a token.
type kind uint8

const (
	word kind = iota // as it stands, in upper case
	name             // a quoted identifier, without its quotes
	text             // a string, without its quotes
	number
	mark // one character
)

type token struct {
	kind kind
	s    string
	line int
	// raw is a word as it was written.
	raw string
	// dollar: the text was between dollar quotes, and may be code.
	dollar bool
}

// is says whether t is the keyword or mark s.
func (t token) is(s string) bool { return (t.kind == word || t.kind == mark) && t.s == s }

// delimited is the mark of a delimiter that is none of SQL.
const delimited = "delimiter"

// reader reads tokens.
type reader struct {
	d    dialect
	src  string
	at   int
	line int
	// open is what was begun and not ended: "a string", "" if nothing was.
	open string
	// notes are line comments that steer tools, with their line.
	notes []token
	// delimiter ends statements in place of a semicolon, where MySQL's client was told so.
	delimiter string
	// inside: an executable comment of MySQL, /*!40000 …*/, whose end is to be passed over.
	inside bool
}

func (r *reader) rest() string { return r.src[r.at:] }

func (r *reader) skip(n int) string {
	s := r.src[r.at : r.at+n]
	r.line += strings.Count(s, "\n")
	r.at += n
	return s
}

// next returns the next token; false at the end.
func (r *reader) next() (token, bool) {
	for r.at < len(r.src) {
		rest := r.rest()
		c, n := utf8.DecodeRuneInString(rest)
		switch {
		case r.delimiter != "" && strings.HasPrefix(rest, r.delimiter):
			r.skip(len(r.delimiter))
			return token{kind: mark, s: delimited, line: r.line}, true
		case unicode.IsSpace(c) || c == '\ufeff':
			r.skip(n)
		case r.lineComment(rest):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			line := r.line
			r.notes = append(r.notes, token{kind: text, s: strings.TrimSpace(strings.TrimLeft(r.skip(end), "-#")), line: line})
		case strings.HasPrefix(rest, "/*"):
			r.comment(rest)
		case r.inside && strings.HasPrefix(rest, "*/"):
			r.inside = false
			r.skip(2)
		default:
			return r.token(rest, c, n), true
		}
	}
	return token{}, false
}

func (r *reader) lineComment(rest string) bool {
	if r.d == mysql {
		// Two dashes begin a comment only before a blank.
		return rest[0] == '#' || rest == "--" || strings.HasPrefix(rest, "--") && len(rest) > 2 && rest[2] <= ' '
	}
	return strings.HasPrefix(rest, "--")
}

// comment passes over one; those of PostgreSQL nest, and some of MySQL's are carried
// out.
func (r *reader) comment(rest string) {
	if r.d == mysql && (strings.HasPrefix(rest, "/*!") || strings.HasPrefix(rest, "/*M!")) {
		n := strings.IndexByte(rest, '!') + 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		r.skip(n)
		r.inside = true
		return
	}
	depth, i := 0, 0
	for i < len(rest) {
		switch {
		case strings.HasPrefix(rest[i:], "/*") && (r.d == postgres || depth == 0):
			depth++
			i += 2
		case strings.HasPrefix(rest[i:], "*/"):
			depth--
			i += 2
		default:
			i++
		}
		if depth == 0 {
			r.skip(i)
			return
		}
	}
	r.open = "a comment"
	r.skip(len(rest))
}

func (r *reader) token(rest string, c rune, n int) token {
	line := r.line
	switch {
	case c == '\'' || c == '"' && r.d == mysql:
		return token{kind: text, s: r.quoted(rest, 1, byte(c), r.d == mysql), line: line}
	case r.d == postgres && len(rest) > 1 && (c == 'e' || c == 'E') && rest[1] == '\'':
		return token{kind: text, s: r.quoted(rest, 2, '\'', true), line: line}
	case c == '"' || c == '`':
		return token{kind: name, s: r.quoted(rest, 1, byte(c), false), line: line}
	case c == '$' && r.d == postgres:
		if tag := dollarTag(rest); tag != "" {
			return token{kind: text, s: r.dollars(rest, tag), line: line, dollar: true}
		}
	case unicode.IsLetter(c) || c == '_':
		end := strings.IndexFunc(rest, func(c rune) bool {
			return c != '_' && c != '$' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
		})
		if end < 0 {
			end = len(rest)
		}
		if i := strings.Index(rest[:end], r.delimiter); r.delimiter != "" && i > 0 {
			end = i
		}
		raw := r.skip(end)
		return token{kind: word, s: strings.ToUpper(raw), line: line, raw: raw}
	case c >= '0' && c <= '9':
		end := strings.IndexFunc(rest, func(c rune) bool { return c != '.' && !unicode.IsDigit(c) })
		if end < 0 {
			end = len(rest)
		}
		return token{kind: number, s: r.skip(end), line: line}
	}
	return token{kind: mark, s: r.skip(n), line: line}
}

// quoted reads up to the closing quote, which stands twice for itself.
func (r *reader) quoted(rest string, from int, quote byte, escapes bool) string {
	for i := from; i < len(rest); i++ {
		switch {
		case escapes && rest[i] == '\\':
			i++
		case rest[i] != quote:
		case i+1 < len(rest) && rest[i+1] == quote:
			i++
		default:
			r.skip(i + 1)
			return rest[from:i]
		}
	}
	r.open = "a string"
	r.skip(len(rest))
	return rest[min(from, len(rest)):]
}

// dollarTag returns $$ or $tag$ at the beginning of s; "" if neither is there.
func dollarTag(s string) string {
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '$':
			return s[:i+1]
		case c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80, i > 1 && c >= '0' && c <= '9':
		default:
			return ""
		}
	}
	return ""
}

func (r *reader) dollars(rest, tag string) string {
	end := strings.Index(rest[len(tag):], tag)
	if end < 0 {
		r.open = "a dollar quote"
		r.skip(len(rest))
		return rest[len(tag):]
	}
	r.skip(end + 2*len(tag))
	return rest[len(tag) : len(tag)+end]
}
