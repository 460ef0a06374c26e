package filter

import (
	"slices"
	"strings"
)

// Match says whether every term of f holds of s.
func (f Filter) Match(s Subject, c Context) bool {
	for i := range f.terms {
		t := &f.terms[i]
		if t.holds(s, c) == t.not {
			return false
		}
	}
	return true
}

func (t *term) holds(s Subject, c Context) bool {
	if t.field == nil {
		return strings.Contains(s.Text(), t.values[0].text)
	}
	for i := range t.values {
		if t.values[i].holds(t.field, s, c) {
			return true
		}
	}
	return false
}

func (v *value) holds(f *Field, s Subject, c Context) bool {
	switch f.Kind {
	case Age:
		at := s.Time(f.Name)
		return !at.IsZero() && compare(v.op, int64(c.Now.Sub(at)), int64(v.age))
	case Number:
		return compare(v.op, s.Number(f.Name), v.num)
	case Pair:
		got, ok := s.Pair(f.Name, v.key)
		return ok && (v.any || v.equals(got))
	case Prefix:
		return v.text != "" && strings.HasPrefix(s.Field(f.Name), v.text)
	case Word:
		if v.text == "me" && len(c.Me) > 0 {
			return slices.Contains(c.Me, s.Field(f.Name))
		}
	}
	return v.equals(s.Field(f.Name))
}

func (v *value) equals(got string) bool {
	if v.glob {
		return glob(v.text, got)
	}
	return v.text == got
}

func compare(op string, got, want int64) bool {
	switch op {
	case "<":
		return got < want
	case "<=":
		return got <= want
	case ">":
		return got > want
	case ">=":
		return got >= want
	}
	return got == want
}

// glob matches * and ? in time that grows with the product of the lengths at most:
// a pattern of many stars is no trap.
func glob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]) && pattern[p] != '*':
			p++
			i++
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
