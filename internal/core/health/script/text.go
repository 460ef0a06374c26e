package script

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (b *library) push(l *lua.LState, s string) int {
	b.m.text(l, len(s))
	l.Push(lua.LString(s))
	return 1
}

func (b *library) len(l *lua.LState) int {
	l.Push(lua.LNumber(len(l.CheckString(1))))
	return 1
}

// mapped charges before f makes the string, which is at most three times as long.
func (b *library) mapped(l *lua.LState, f func(string) string) int {
	s := l.CheckString(1)
	b.m.text(l, len(s))
	l.Push(lua.LString(f(s)))
	return 1
}

func (b *library) lower(l *lua.LState) int { return b.mapped(l, asciiLower) }
func (b *library) upper(l *lua.LState) int { return b.mapped(l, asciiUpper) }

// asciiLower and asciiUpper know no other letters, as Lua in its C locale.
func asciiLower(s string) string {
	return letters(s, 'A', 'Z')
}

func asciiUpper(s string) string {
	return letters(s, 'a', 'z')
}

func letters(s string, from, to byte) string {
	out := []byte(s)
	for i, c := range out {
		if from <= c && c <= to {
			out[i] = c ^ 0x20
		}
	}
	return string(out)
}

func (b *library) reverse(l *lua.LState) int {
	return b.mapped(l, func(s string) string {
		out := make([]byte, len(s))
		for i := range len(s) {
			out[len(s)-1-i] = s[i]
		}
		return string(out)
	})
}

func (b *library) rep(l *lua.LState) int {
	s, n := l.CheckString(1), max(l.CheckInt(2), 0)
	if len(s) > 0 && n > maxString/len(s) {
		b.m.text(l, maxString+1)
	}
	b.m.text(l, len(s)*n)
	if s == "" {
		n = 0
	}
	l.Push(lua.LString(strings.Repeat(s, n)))
	return 1
}

// bounds turns Lua's positions, which may count from the end, into Go's.
func bounds(size, from, to int) (int, int) {
	if from < 0 {
		from = max(size+from+1, 1)
	}
	if to < 0 {
		to = size + to + 1
	}
	from, to = max(from, 1), min(to, size)
	if from > to {
		return 0, 0
	}
	return from - 1, to
}

func (b *library) sub(l *lua.LState) int {
	s := l.CheckString(1)
	from, to := bounds(len(s), l.CheckInt(2), l.OptInt(3, -1))
	l.Push(lua.LString(s[from:to])) // shares memory
	return 1
}

func (b *library) byte(l *lua.LState) int {
	s := l.CheckString(1)
	first := l.OptInt(2, 1)
	from, to := bounds(len(s), first, l.OptInt(3, first))
	b.m.work(l, to-from)
	for i := from; i < to; i++ {
		l.Push(lua.LNumber(s[i]))
	}
	return to - from
}

func (b *library) char(l *lua.LState) int {
	out := make([]byte, 0, 8)
	for i := 1; i <= l.GetTop(); i++ {
		c := l.CheckInt(i)
		if c < 0 || c > 255 {
			l.ArgError(i, "invalid value")
		}
		out = append(out, byte(c))
	}
	return b.push(l, string(out))
}

// format is string.format. Widths have two digits at most, as in Lua itself.
func (b *library) format(l *lua.LState) int {
	pattern := l.CheckString(1)
	var out strings.Builder
	arg := 1
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			out.WriteByte(pattern[i])
			continue
		}
		if i++; i < len(pattern) && pattern[i] == '%' {
			out.WriteByte('%')
			continue
		}
		spec, verb := directive(pattern[i:])
		if verb == 0 {
			l.RaiseError("invalid format (%q)", "%"+pattern[i:min(i+8, len(pattern))])
		}
		i += len(spec)
		arg++
		s := b.formatted(l, spec, verb, arg)
		b.m.text(l, len(s))
		if out.WriteString(s); out.Len() > maxString {
			b.m.text(l, out.Len())
		}
	}
	return b.push(l, out.String())
}

// directive splits "-5.2fabc" into "-5.2" and 'f'; 0 stands for none.
func directive(s string) (spec string, verb byte) {
	i := 0
	for i < len(s) && strings.IndexByte("-+ #0", s[i]) >= 0 && i < 5 {
		i++
	}
	i = digits(s, i)
	if i < len(s) && s[i] == '.' {
		i = digits(s, i+1)
	}
	if i < len(s) && strings.IndexByte("cdiouxXeEfgGqs", s[i]) >= 0 {
		return s[:i], s[i]
	}
	return "", 0
}

func digits(s string, i int) int {
	for n := 0; n < 2 && i < len(s) && '0' <= s[i] && s[i] <= '9'; n++ {
		i++
	}
	return i
}

func (b *library) formatted(l *lua.LState, spec string, verb byte, arg int) string {
	switch verb {
	case 'c':
		return string([]byte{byte(l.CheckInt(arg))})
	case 'd', 'i', 'u':
		return fmt.Sprintf("%"+spec+"d", int64(l.CheckNumber(arg)))
	case 'o', 'x', 'X':
		return fmt.Sprintf("%"+spec+string(verb), uint64(int64(l.CheckNumber(arg))))
	case 'q':
		s := l.CheckString(arg)
		b.m.text(l, 2*len(s))
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", "\\\n", "\r", `\r`, "\x00", `\000`).Replace(s) + `"`
	case 's':
		s := l.ToStringMeta(l.CheckAny(arg)).String()
		b.m.text(l, len(s))
		return fmt.Sprintf("%"+spec+"s", s)
	}
	return fmt.Sprintf("%"+spec+string(verb), float64(l.CheckNumber(arg)))
}

func (b *library) find(l *lua.LState) int  { return b.search(l, true) }
func (b *library) match(l *lua.LState) int { return b.search(l, false) }

// search is find and match, which differ in what they return.
func (b *library) search(l *lua.LState, places bool) int {
	s, pattern := l.CheckString(1), l.CheckString(2)
	init := l.OptInt(3, 1)
	if init < 0 {
		init = max(len(s)+init+1, 1)
	}
	init = min(max(init, 1)-1, len(s))
	if places && (lua.LVAsBool(l.Get(4)) || !strings.ContainsAny(pattern, "^$*+?.([%-")) {
		return b.plain(l, s, pattern, init)
	}
	m := b.matcher(l, s, pattern)
	from, to, found := m.from(init)
	if !found {
		l.Push(lua.LNil)
		return 1
	}
	if !places {
		return m.captures(from, to, true)
	}
	l.Push(lua.LNumber(from + 1))
	l.Push(lua.LNumber(to))
	return 2 + m.captures(from, to, false)
}

func (b *library) plain(l *lua.LState, s, part string, init int) int {
	b.m.work(l, len(s)/64)
	at := strings.Index(s[init:], part)
	if at < 0 {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LNumber(init + at + 1))
	l.Push(lua.LNumber(init + at + len(part)))
	return 2
}

func (b *library) gmatch(l *lua.LState) int {
	m := b.matcher(l, l.CheckString(1), l.CheckString(2))
	at := 0
	l.Push(l.NewFunction(func(l *lua.LState) int {
		m.l = l
		if at > len(m.s) {
			l.Push(lua.LNil)
			return 1
		}
		from, to, found := m.from(at)
		if !found {
			at = len(m.s) + 1
			l.Push(lua.LNil)
			return 1
		}
		if at = to; from == to {
			at++
		}
		return m.captures(from, to, true)
	}))
	return 1
}

func (b *library) gsub(l *lua.LState) int {
	s := l.CheckString(1)
	m := b.matcher(l, s, l.CheckString(2))
	with := l.CheckAny(3)
	limit := l.OptInt(4, len(s)+1)
	var out strings.Builder
	n, at := 0, 0
	for n < limit && at <= len(s) {
		to, found := m.at(at)
		if found {
			n++
			word := b.substitute(l, m, with, at, to)
			b.m.text(l, len(word)+out.Len()/64)
			out.WriteString(word)
		}
		switch {
		case found && to > at:
			at = to
		case at < len(s):
			out.WriteByte(s[at])
			at++
		default:
			at++
		}
		if out.Len() > maxString {
			b.m.text(l, out.Len())
		}
		if m.anchored {
			break
		}
	}
	if at < len(s) {
		out.WriteString(s[at:])
	}
	b.push(l, out.String())
	l.Push(lua.LNumber(n))
	return 2
}

// substitute returns what stands for one match.
func (b *library) substitute(l *lua.LState, m *matcher, with lua.LValue, from, to int) string {
	whole := m.s[from:to]
	var v lua.LValue
	switch w := with.(type) {
	case lua.LString, lua.LNumber:
		return m.expand(w.String(), from, to)
	case *lua.LTable:
		v = l.GetTable(w, m.capture(0, from, to))
	case *lua.LFunction:
		top := l.GetTop()
		l.Push(w)
		n := m.captures(from, to, true)
		l.Call(n, 1)
		v = l.Get(-1)
		l.SetTop(top)
	default:
		l.ArgError(3, "string, function or table expected")
	}
	switch {
	case !lua.LVAsBool(v):
		return whole
	case isText(v):
		return v.String()
	}
	l.RaiseError("invalid replacement value (a %s)", v.Type())
	return ""
}
