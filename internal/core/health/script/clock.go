package script

import (
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Clock says what time it is, for os.time() and os.date(). A verdict is given when
// the object changes, not when time passes.
type Clock func() time.Time

func (b *library) time(l *lua.LState) int {
	if l.GetTop() == 0 || l.Get(1) == lua.LNil {
		l.Push(lua.LNumber(b.now().Unix()))
		return 1
	}
	t := l.CheckTable(1)
	field := func(name string, otherwise int) int {
		v := t.RawGetString(name)
		if s, ok := v.(lua.LString); ok {
			v = lua.LNumber(lua.LVAsNumber(s)) // as scripts get it from a match
		}
		n, ok := v.(lua.LNumber)
		if !ok {
			if otherwise < 0 {
				l.RaiseError("field '%s' missing in date table", name)
			}
			return otherwise
		}
		return int(max(min(n, 1e6), -1e6))
	}
	at := time.Date(field("year", -1), time.Month(field("month", -1)), field("day", -1),
		field("hour", 12), field("min", 0), field("sec", 0), 0, time.UTC)
	l.Push(lua.LNumber(at.Unix()))
	return 1
}

func (b *library) difftime(l *lua.LState) int {
	l.Push(l.CheckNumber(1) - l.OptNumber(2, 0))
	return 1
}

// formats are what os.date knows, in Go's words.
var formats = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02",
	'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'S': "05",
	'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'Z': "MST",
	'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06",
}

// date is os.date. All times are UTC, with or without the leading "!": what a
// script says must not depend on the machine.
func (b *library) date(l *lua.LState) int {
	format := strings.TrimPrefix(l.OptString(1, "%c"), "!")
	at := time.Unix(int64(l.OptNumber(2, lua.LNumber(b.now().Unix()))), 0).UTC()
	if strings.HasPrefix(format, "*t") {
		t := l.NewTable()
		for name, n := range map[string]int{
			"year": at.Year(), "month": int(at.Month()), "day": at.Day(), "hour": at.Hour(), "min": at.Minute(),
			"sec": at.Second(), "wday": int(at.Weekday()) + 1, "yday": at.YearDay(),
		} {
			t.RawSetString(name, lua.LNumber(n))
		}
		t.RawSetString("isdst", lua.LFalse)
		b.m.alloc(l, tableBytes)
		l.Push(t)
		return 1
	}
	b.m.text(l, 4*len(format))
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		if f, known := formats[format[i]]; known {
			out.WriteString(at.Format(f))
			continue
		}
		out.WriteByte(format[i])
	}
	return b.push(l, out.String())
}
