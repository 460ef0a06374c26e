package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// matcher matches Lua's patterns, by the manual of Lua 5.1, §5.4.1. Each step is
// charged, so a pattern that tries everything ends like any other endless loop.
type matcher struct {
	m        *meter
	l        *lua.LState
	s, p     string
	anchored bool
	level    int
	depth    int
	parts    [maxCaptures]span
}

type span struct{ start, size int }

const (
	maxCaptures = 32
	maxMatching = 200 // nested alternatives; beyond it a pattern is too complex

	open     = -1 // a capture that has begun
	position = -2 // a capture of a place
)

func (b *library) matcher(l *lua.LState, s, pattern string) *matcher {
	m := &matcher{m: b.m, l: l, s: s, p: pattern}
	b.m.alloc(l, 1024)
	if strings.HasPrefix(pattern, "^") {
		m.anchored, m.p = true, pattern[1:]
	}
	return m
}

// from finds the first match at or after a place.
func (m *matcher) from(at int) (start, end int, found bool) {
	for ; at <= len(m.s); at++ {
		if end, found = m.at(at); found {
			return at, end, true
		}
		if m.anchored {
			break
		}
	}
	return 0, 0, false
}

// at matches at one place.
func (m *matcher) at(at int) (end int, found bool) {
	m.level, m.depth = 0, 0
	end = m.match(at, 0)
	return end, end >= 0
}

const no = -1

// match returns where the match of the rest of the pattern ends, no if there is
// none.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxMatching {
		m.l.RaiseError("the pattern is too complex")
	}
	defer func() { m.depth-- }()
	for {
		m.m.work(m.l, 1)
		if p == len(m.p) {
			return s
		}
		switch c := m.p[p]; {
		case c == '(' && p+1 < len(m.p) && m.p[p+1] == ')':
			return m.begin(s, p+2, position)
		case c == '(':
			return m.begin(s, p+1, open)
		case c == ')':
			return m.close(s, p+1)
		case c == '$' && p+1 == len(m.p):
			if s == len(m.s) {
				return s
			}
			return no
		case c == '%' && p+1 < len(m.p) && m.p[p+1] == 'b':
			if s = m.balance(s, p+2); s == no {
				return no
			}
			p += 4
			continue
		case c == '%' && p+1 < len(m.p) && m.p[p+1] == 'f':
			end := m.item(p + 2)
			if p+2 >= len(m.p) || m.p[p+2] != '[' {
				m.l.RaiseError("missing '[' after '%%f' in pattern")
			}
			if m.inSet(m.byteAt(s-1), p+2, end) || !m.inSet(m.byteAt(s), p+2, end) {
				return no
			}
			p = end
			continue
		case c == '%' && p+1 < len(m.p) && '0' <= m.p[p+1] && m.p[p+1] <= '9':
			part := m.again(m.p[p+1])
			if !strings.HasPrefix(m.s[s:], part) {
				return no
			}
			m.m.work(m.l, len(part)/64)
			s, p = s+len(part), p+2
			continue
		}
		end := m.item(p)
		var next byte
		if end < len(m.p) {
			next = m.p[end]
		}
		switch next {
		case '?':
			if s < len(m.s) && m.single(s, p, end) {
				if to := m.match(s+1, end+1); to != no {
					return to
				}
			}
			p = end + 1
		case '+':
			if s >= len(m.s) || !m.single(s, p, end) {
				return no
			}
			return m.most(s+1, p, end)
		case '*':
			return m.most(s, p, end)
		case '-':
			return m.least(s, p, end)
		default:
			if s >= len(m.s) || !m.single(s, p, end) {
				return no
			}
			s, p = s+1, end
		}
	}
}

func (m *matcher) byteAt(i int) byte {
	if i < 0 || i >= len(m.s) {
		return 0
	}
	return m.s[i]
}

// most matches an item as often as possible, then less often.
func (m *matcher) most(s, p, end int) int {
	n := 0
	for s+n < len(m.s) && m.single(s+n, p, end) {
		m.m.work(m.l, 1)
		n++
	}
	for ; n >= 0; n-- {
		if to := m.match(s+n, end+1); to != no {
			return to
		}
	}
	return no
}

// least matches an item as seldom as possible.
func (m *matcher) least(s, p, end int) int {
	for {
		if to := m.match(s, end+1); to != no {
			return to
		}
		if s >= len(m.s) || !m.single(s, p, end) {
			return no
		}
		s++
	}
}

func (m *matcher) begin(s, p, kind int) int {
	if m.level >= maxCaptures {
		m.l.RaiseError("too many captures")
	}
	m.parts[m.level] = span{s, kind}
	m.level++
	to := m.match(s, p)
	if to == no {
		m.level--
	}
	return to
}

func (m *matcher) close(s, p int) int {
	i := m.level - 1
	for i >= 0 && m.parts[i].size != open {
		i--
	}
	if i < 0 {
		m.l.RaiseError("invalid pattern capture")
	}
	m.parts[i].size = s - m.parts[i].start
	to := m.match(s, p)
	if to == no {
		m.parts[i].size = open
	}
	return to
}

func (m *matcher) again(digit byte) string {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.parts[i].size < 0 {
		m.l.RaiseError("invalid capture index")
	}
	return m.s[m.parts[i].start : m.parts[i].start+m.parts[i].size]
}

func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.p) {
		m.l.RaiseError("unbalanced pattern")
	}
	if s >= len(m.s) || m.s[s] != m.p[p] {
		return no
	}
	depth := 1
	for i := s + 1; i < len(m.s); i++ {
		m.m.work(m.l, 1)
		switch m.s[i] {
		case m.p[p+1]:
			if depth--; depth == 0 {
				return i + 1
			}
		case m.p[p]:
			depth++
		}
	}
	return no
}

// item returns where the single character, class or set at p ends.
func (m *matcher) item(p int) int {
	if p >= len(m.p) {
		m.l.RaiseError("malformed pattern (ends too early)")
	}
	switch m.p[p] {
	case '%':
		if p+1 >= len(m.p) {
			m.l.RaiseError("malformed pattern (ends with '%%')")
		}
		return p + 2
	case '[':
		i := p + 1
		if i < len(m.p) && m.p[i] == '^' {
			i++
		}
		for first := true; ; first = false {
			if i >= len(m.p) {
				m.l.RaiseError("malformed pattern (missing ']')")
			}
			if m.p[i] == ']' && !first {
				return i + 1
			}
			if m.p[i] == '%' {
				i++
			}
			i++
		}
	}
	return p + 1
}

func (m *matcher) single(s, p, end int) bool {
	switch c := m.s[s]; m.p[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.p[p+1])
	case '[':
		m.m.work(m.l, (end-p)/8)
		return m.inSet(c, p, end)
	default:
		return m.p[p] == c
	}
}

// inSet says whether c is in the set that stands at p up to end.
func (m *matcher) inSet(c byte, p, end int) bool {
	i, last, yes := p+1, end-1, true
	if i < last && m.p[i] == '^' {
		i, yes = i+1, false
	}
	for i < last {
		switch {
		case m.p[i] == '%' && i+1 < last:
			if inClass(c, m.p[i+1]) {
				return yes
			}
			i += 2
		case i+2 < last && m.p[i+1] == '-':
			if m.p[i] <= c && c <= m.p[i+2] {
				return yes
			}
			i += 3
		default:
			if m.p[i] == c {
				return yes
			}
			i++
		}
	}
	return !yes
}

func inClass(c, class byte) bool {
	var yes bool
	switch class | 0x20 {
	case 'a':
		yes = isLetter(c)
	case 'c':
		yes = c < 32 || c == 127
	case 'd':
		yes = isDigit(c)
	case 'l':
		yes = 'a' <= c && c <= 'z'
	case 'p':
		yes = 32 < c && c < 127 && !isLetter(c) && !isDigit(c)
	case 's':
		yes = c == ' ' || '\t' <= c && c <= '\r'
	case 'u':
		yes = 'A' <= c && c <= 'Z'
	case 'w':
		yes = isLetter(c) || isDigit(c)
	case 'x':
		yes = isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
	case 'z':
		yes = c == 0
	default:
		return class == c
	}
	if isLetter(class) && class&0x20 == 0 {
		return !yes
	}
	return isLetter(class) && yes || !isLetter(class) && class == c
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// captures pushes the captures of a match, and returns how many.
func (m *matcher) captures(from, to int, orWhole bool) int {
	if m.level == 0 {
		if !orWhole {
			return 0
		}
		m.l.Push(lua.LString(m.s[from:to]))
		return 1
	}
	for i := range m.level {
		m.l.Push(m.capture(i, from, to))
	}
	return m.level
}

func (m *matcher) capture(i, from, to int) lua.LValue {
	if i >= m.level {
		if i != 0 {
			m.l.RaiseError("invalid capture index")
		}
		return lua.LString(m.s[from:to])
	}
	c := m.parts[i]
	switch c.size {
	case position:
		return lua.LNumber(c.start + 1)
	case open:
		m.l.RaiseError("unfinished capture")
	}
	return lua.LString(m.s[c.start : c.start+c.size])
}

// expand replaces %0 to %9 in the replacement of gsub.
func (m *matcher) expand(with string, from, to int) string {
	if strings.IndexByte(with, '%') < 0 {
		return with
	}
	var out strings.Builder
	for i := 0; i < len(with); i++ {
		if with[i] != '%' || i+1 == len(with) {
			out.WriteByte(with[i])
			continue
		}
		i++
		word := with[i : i+1]
		switch {
		case with[i] == '0':
			word = m.s[from:to]
		case isDigit(with[i]):
			word = m.capture(int(with[i]-'1'), from, to).String()
		}
		m.m.text(m.l, len(word))
		out.WriteString(word)
	}
	return out.String()
}
