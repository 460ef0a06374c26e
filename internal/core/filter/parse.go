package filter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// The limits of a filter: more than people type, less than would hurt.
const (
	MaxLength = 1000
	MaxTerms  = 32
	MaxValues = 64
)

// Filter is a parsed filter. The zero value lets everything through.
type Filter struct {
	terms []term
}

type term struct {
	not    bool
	field  *Field // nil for a word
	values []value
}

type value struct {
	text string // lower case; of a Choice without hyphens
	raw  string // as it was typed, or as the schema spells it
	glob bool
	op   string // of an Age or Number: "<", ">", "<=", ">=", "" for equal
	age  time.Duration
	num  int64
	key  string // of a Pair
	any  bool   // of a Pair: the key alone
}

// Empty says whether f lets everything through.
func (f Filter) Empty() bool { return len(f.terms) == 0 }

// Parse reads a filter. An error says where the mistake is, counted in characters
// from 1, and what would be right.
func Parse(text string, s *Schema) (Filter, error) {
	if len(text) > MaxLength {
		return Filter{}, fault.Usage("the filter has %d bytes, and %d are allowed", len(text), MaxLength)
	}
	if !utf8.ValidString(text) {
		return Filter{}, fault.Usage("the filter is not valid UTF-8")
	}
	p := parser{text: text, schema: s}
	var f Filter
	for {
		p.blanks()
		if p.at == len(p.text) {
			return f, nil
		}
		if len(f.terms) == MaxTerms {
			return Filter{}, p.mistake(p.at, "more than %d terms", MaxTerms)
		}
		t, err := p.term()
		if err != nil {
			return Filter{}, err
		}
		f.terms = append(f.terms, t)
	}
}

type parser struct {
	text   string
	at     int
	schema *Schema
}

func (p *parser) mistake(at int, format string, args ...any) *fault.Fault {
	return fault.Usage("%s", fmt.Sprintf(format, args...)).At("filter, character %d", utf8.RuneCountInString(p.text[:at])+1)
}

func (p *parser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) next() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) term() (term, error) {
	start := p.at
	t := term{}
	if p.next() == '-' {
		t.not = true
		p.at++
	}
	from := p.at
	first, err := p.piece(":")
	if err != nil {
		return t, err
	}
	if p.next() != ':' || first.quoted {
		if first.text == "" && !first.quoted {
			return t, p.mistake(start, "a term is missing after %q", "-").WithHint(`a minus turns the term after it round; put it in quotes to look for it: "-"`)
		}
		t.values = []value{{text: strings.ToLower(first.text), raw: first.text}}
		return t, nil
	}
	t.field = p.schema.byName[strings.ToLower(first.text)]
	if t.field == nil {
		return t, p.unknown(from, first.text)
	}
	p.at++ // the colon
	for {
		v, err := p.value(t.field)
		if err != nil {
			return t, err
		}
		t.values = append(t.values, v)
		if p.next() != ',' {
			return t, nil
		}
		if len(t.values) == MaxValues {
			return t, p.mistake(p.at, "more than %d values", MaxValues)
		}
		p.at++
	}
}

func (p *parser) unknown(at int, name string) error {
	f := p.mistake(at, "there is no field %q", name)
	near := fault.Nearest(name, p.schema.names(), 1)
	if len(near) > 0 && fault.Edits(name, near[0]) <= 2 {
		return f.WithHint("did you mean %s: ?", near[0])
	}
	return f.WithHint("the fields are %s; quotes make it text", strings.Join(p.schema.names(), ", "))
}

// piece is a run of characters: bare up to a blank or one of stop, or in quotes.
type piece struct {
	text   string
	quoted bool
}

func (p *parser) piece(stop string) (piece, error) {
	if p.next() == '"' {
		return p.quoted()
	}
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n\""+stop, p.text[p.at]) < 0 {
		p.at++
	}
	if p.next() == '"' {
		return piece{}, p.mistake(p.at, "a quote inside a word").WithHint(`quotes go round the whole value: label:"a b"; inside them a quote is \"`)
	}
	return piece{text: p.text[start:p.at]}, nil
}

func (p *parser) quoted() (piece, error) {
	start := p.at
	p.at++
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		if c == '"' {
			if p.at < len(p.text) && strings.IndexByte(" \t\r\n,", p.text[p.at]) < 0 {
				return piece{}, p.mistake(p.at, "a blank or a comma is missing after the quote")
			}
			return piece{text: b.String(), quoted: true}, nil
		}
		if c == '\\' {
			if p.at == len(p.text) {
				break
			}
			c = p.text[p.at]
			p.at++
			if c != '"' && c != '\\' {
				return piece{}, p.mistake(p.at-1, `only \" and \\ are known after a backslash`)
			}
		}
		b.WriteByte(c)
	}
	return piece{}, p.mistake(start, "the quote is not closed")
}

func (p *parser) value(f *Field) (value, error) {
	at := p.at
	in, err := p.piece(",")
	if err != nil {
		return value{}, err
	}
	if in.text == "" && !in.quoted {
		return value{}, p.mistake(at, "%s: has no value here", f.Name).WithHint(`quotes ask for those that have none: %s:""`, f.Name)
	}
	v := value{raw: in.text, text: strings.ToLower(in.text)}
	switch f.Kind {
	case Choice:
		return p.choice(at, f, v)
	case Age:
		return p.age(at, f, v)
	case Number:
		return p.number(at, f, v)
	case Pair:
		return p.pair(at, f, in)
	}
	v.glob = !in.quoted && strings.ContainsAny(v.text, "*?")
	return v, nil
}

// Plain is a value of a Choice as a Subject has it: lower case, without hyphens.
func Plain(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "") }

func (p *parser) choice(at int, f *Field, v value) (value, error) {
	plain := Plain(v.raw)
	for _, c := range f.Choices {
		if Plain(c) == plain {
			return value{raw: c, text: plain}, nil
		}
	}
	return v, p.mistake(at, "%s cannot be %q", f.Name, v.raw).WithHint("it is one of %s", strings.Join(f.Choices, ", "))
}

func (v *value) cutOp() {
	for _, op := range []string{"<=", ">=", "<", ">"} {
		if rest, ok := strings.CutPrefix(v.text, op); ok {
			v.op, v.text = op, rest
			return
		}
	}
}

func (p *parser) age(at int, f *Field, v value) (value, error) {
	v.cutOp()
	d, ok := Duration(v.text)
	if v.op == "" || !ok {
		return v, p.mistake(at, "%s cannot be %q", f.Name, v.raw).WithHint("it is compared with an age: %s:<1h, %s:>=30d; units are s, m, h, d and w", f.Name, f.Name)
	}
	v.age = d
	return v, nil
}

func (p *parser) number(at int, f *Field, v value) (value, error) {
	v.cutOp()
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || n < 0 {
		return v, p.mistake(at, "%s cannot be %q", f.Name, v.raw).WithHint("it is a number: %s:>0", f.Name)
	}
	v.num = n
	return v, nil
}

func (p *parser) pair(at int, f *Field, in piece) (value, error) {
	key, val, found := strings.Cut(in.text, "=")
	if key == "" {
		return value{}, p.mistake(at, "%s needs a key", f.Name).WithHint("%s:team=payments, or %s:team for any value", f.Name, f.Name)
	}
	return value{raw: in.text, key: key, text: strings.ToLower(val), any: !found, glob: !in.quoted && strings.ContainsAny(val, "*?")}, nil
}

var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// Duration reads an age: 90s, 1h, 30d, 1h30m.
func Duration(s string) (time.Duration, bool) {
	var total time.Duration
	for s != "" {
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if i == 0 || i > 6 || i == len(s) || units[s[i]] == 0 {
			return 0, false
		}
		n, _ := strconv.Atoi(s[:i]) // at most six digits
		total += time.Duration(n) * units[s[i]]
		if total > 100*365*24*time.Hour {
			return 0, false
		}
		s = s[i+1:]
		if s == "" {
			return total, true
		}
	}
	return 0, false
}
