package script

import (
	"errors"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// library is what a script can call. One is made for each run, so that no run
// sees what another did.
type library struct {
	m   *meter
	now Clock
}

// kept are the basic functions of the virtual machine that allocate nothing to
// speak of.
var kept = []string{
	"assert", "getmetatable", "ipairs", "next", "pairs", "rawequal", "rawget",
	"select", "setmetatable", "tonumber", "tostring", "type", "unpack", "_VERSION",
}

func (b *library) open(l *lua.LState) {
	globals := l.Get(lua.GlobalsIndex).(*lua.LTable)
	l.Push(l.NewFunction(lua.OpenBase))
	l.Push(lua.LString(""))
	l.Call(1, 0)
	var drop []lua.LValue
	globals.ForEach(func(k, _ lua.LValue) {
		if !slices.Contains(kept, k.String()) {
			drop = append(drop, k)
		}
	})
	for _, k := range drop {
		globals.RawSet(k, lua.LNil)
	}
	for name, f := range map[string]lua.LGFunction{
		nameLess: b.ordered(less, inOrder), nameLess + ">": b.ordered(less, reversed),
		nameAtMost: b.ordered(atMost, inOrder), nameAtMost + ">": b.ordered(atMost, reversed),
		"pcall": b.pcall, "xpcall": b.xpcall,
		nameConcat: b.concat, nameTable: b.table, nameSet: b.set, nameKey: b.key,
		"error": b.fail, "rawset": b.set, "print": func(*lua.LState) int { return 0 },
	} {
		globals.RawSetString(name, l.NewFunction(f))
	}
	text := b.module(l, globals, "string", map[string]lua.LGFunction{
		"byte": b.byte, "char": b.char, "find": b.find, "format": b.format, "gmatch": b.gmatch, "gsub": b.gsub,
		"len": b.len, "lower": b.lower, "match": b.match, "rep": b.rep, "reverse": b.reverse, "sub": b.sub, "upper": b.upper,
	})
	meta := l.NewTable()
	meta.RawSetString("__index", text)
	l.SetMetatable(lua.LString(""), meta)
	b.module(l, globals, "table", map[string]lua.LGFunction{
		"concat": b.join, "getn": b.length, "insert": b.insert, "maxn": b.length, "remove": b.remove, "sort": b.sort,
	})
	b.module(l, globals, "os", map[string]lua.LGFunction{"time": b.time, "date": b.date, "difftime": b.difftime})
	b.math(l, globals)
}

func (b *library) module(l *lua.LState, globals *lua.LTable, name string, functions map[string]lua.LGFunction) *lua.LTable {
	t := l.NewTable()
	for n, f := range functions {
		t.RawSetString(n, l.NewFunction(f))
	}
	globals.RawSetString(name, t)
	return t
}

func (b *library) math(l *lua.LState, globals *lua.LTable) {
	one := func(f func(float64) float64) lua.LGFunction {
		return func(l *lua.LState) int {
			l.Push(lua.LNumber(f(float64(l.CheckNumber(1)))))
			return 1
		}
	}
	two := func(f func(x, y float64) float64) lua.LGFunction {
		return func(l *lua.LState) int {
			l.Push(lua.LNumber(f(float64(l.CheckNumber(1)), float64(l.CheckNumber(2)))))
			return 1
		}
	}
	many := func(better func(x, y float64) bool) lua.LGFunction {
		return func(l *lua.LState) int {
			best := l.CheckNumber(1)
			for i := 2; i <= l.GetTop(); i++ {
				if n := l.CheckNumber(i); better(float64(n), float64(best)) {
					best = n
				}
			}
			l.Push(best)
			return 1
		}
	}
	t := b.module(l, globals, "math", map[string]lua.LGFunction{
		"abs": one(math.Abs), "ceil": one(math.Ceil), "floor": one(math.Floor), "sqrt": one(math.Sqrt),
		"exp": one(math.Exp), "log": one(math.Log), "log10": one(math.Log10),
		"fmod": two(math.Mod), "mod": two(math.Mod), "pow": two(math.Pow),
		"max": many(func(x, y float64) bool { return x > y }),
		"min": many(func(x, y float64) bool { return x < y }),
	})
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	t.RawSetString("pi", lua.LNumber(math.Pi))
}

// concat is the operator `..`.
func (b *library) concat(l *lua.LState) int {
	x, y := l.Get(1), l.Get(2)
	if isText(x) && isText(y) {
		s, t := x.String(), y.String()
		b.m.text(l, len(s)+len(t))
		l.Push(lua.LString(s + t))
		return 1
	}
	for _, v := range [...]lua.LValue{x, y} {
		if f, ok := l.GetMetaField(v, "__concat").(*lua.LFunction); ok {
			l.Push(f)
			l.Push(x)
			l.Push(y)
			l.Call(2, 1)
			return 1
		}
	}
	wrong := x
	if isText(x) {
		wrong = y
	}
	l.RaiseError("attempt to concatenate a %s value", wrong.Type())
	return 0
}

func isText(v lua.LValue) bool { return v.Type() == lua.LTString || v.Type() == lua.LTNumber }

// ordered is one of the operators < <= > >=.
func (b *library) ordered(holds func(l *lua.LState, x, y lua.LValue) bool, order func(x, y lua.LValue) (lua.LValue, lua.LValue)) lua.LGFunction {
	return func(l *lua.LState) int {
		x, y := order(l.Get(1), l.Get(2))
		if s, ok := x.(lua.LString); ok {
			b.m.work(l, len(s)/64)
		}
		l.Push(lua.LBool(holds(l, x, y)))
		return 1
	}
}

func inOrder(x, y lua.LValue) (lua.LValue, lua.LValue)  { return x, y }
func reversed(x, y lua.LValue) (lua.LValue, lua.LValue) { return y, x }

func less(l *lua.LState, x, y lua.LValue) bool { return l.LessThan(x, y) }

// atMost is what Lua makes of <= where a table does not say: not y < x.
func atMost(l *lua.LState, x, y lua.LValue) bool {
	a, okA := x.(lua.LNumber)
	b, okB := y.(lua.LNumber)
	if okA && okB {
		return a <= b
	}
	return !l.LessThan(y, x)
}

func (b *library) pcall(l *lua.LState) int {
	l.CheckAny(1)
	return b.try(l, l.GetTop()-1, nil)
}

func (b *library) xpcall(l *lua.LState) int {
	handler := l.CheckFunction(2)
	l.SetTop(1)
	return b.try(l, 0, handler)
}

// What an error that is caught costs: the virtual machine writes down all calls
// that led to it.
const (
	caughtSteps = 200
	caughtBytes = 8 << 10
)

func (b *library) try(l *lua.LState, args int, handler *lua.LFunction) int {
	base := l.GetTop() - args - 1
	err := l.PCall(args, lua.MultRet, handler)
	if err == nil {
		l.Insert(lua.LTrue, base+1)
		return l.GetTop() - base
	}
	b.m.work(l, caughtSteps)
	b.m.alloc(l, caughtBytes)
	l.Push(lua.LFalse)
	var api *lua.ApiError
	if errors.As(err, &api) && api.Object != nil {
		l.Push(api.Object)
		return 2
	}
	l.Push(lua.LString(err.Error()))
	return 2
}

// What tables cost, about: one, and each of its entries.
const (
	tableBytes = 800
	entryBytes = 64
)

// table charges for a constructor's table.
func (b *library) table(l *lua.LState) int {
	t := l.CheckTable(1)
	b.m.alloc(l, tableBytes+entryBytes*t.MaxN())
	l.Push(t)
	return 1
}

// maxKey bounds the numbers that a constructor may have as keys.
const maxKey = 1000

// key is a computed key in a constructor.
func (b *library) key(l *lua.LState) int {
	k := l.Get(1)
	if n, ok := k.(lua.LNumber); ok && n > 0 {
		if n > maxKey {
			l.RaiseError("a table constructor has key %s, more than the limit of %d", n, maxKey)
		}
		b.m.alloc(l, entryBytes*int(n))
	}
	l.Push(k)
	return 1
}

// set is `t[k] = v`.
func (b *library) set(l *lua.LState) int {
	to, key, value := l.Get(1), l.Get(2), l.Get(3)
	b.room(l, to, key)
	l.SetTable(to, key, value)
	l.Push(to) // what rawset returns
	return 1
}

// room charges for what an assignment makes the table grow by: up to the key,
// where that is a number.
func (b *library) room(l *lua.LState, to, key lua.LValue) {
	cost := entryBytes
	t, ok := to.(*lua.LTable)
	if n, isNumber := key.(lua.LNumber); ok && isNumber && n > 1 && n < lua.LNumber(lua.MaxArrayIndex) {
		if gap := int(n) - t.MaxN(); gap > 1 {
			cost += 16 * 2 * gap
		}
	}
	b.m.alloc(l, cost)
}

func (b *library) fail(l *lua.LState) int {
	v := l.CheckAny(1)
	if s, ok := v.(lua.LString); ok {
		b.m.text(l, len(s))
	}
	l.Error(v, l.OptInt(2, 1))
	return 0
}

func (b *library) insert(l *lua.LState) int {
	t := l.CheckTable(1)
	n := t.Len()
	b.m.work(l, n/64)
	b.m.alloc(l, entryBytes)
	switch l.GetTop() {
	case 1:
		l.RaiseError("wrong number of arguments")
	case 2:
		b.room(l, t, lua.LNumber(n+1))
		t.RawSetInt(n+1, l.Get(2))
	default:
		at := l.CheckInt(2)
		if at < 1 || at > n+1 {
			l.ArgError(2, "position out of bounds")
		}
		t.Insert(at, l.Get(3))
	}
	return 0
}

func (b *library) remove(l *lua.LState) int {
	t := l.CheckTable(1)
	b.m.work(l, t.Len()/64)
	l.Push(t.Remove(l.OptInt(2, -1)))
	return 1
}

func (b *library) length(l *lua.LState) int {
	l.Push(lua.LNumber(l.CheckTable(1).MaxN()))
	return 1
}

func (b *library) join(l *lua.LState) int {
	t := l.CheckTable(1)
	sep := l.OptString(2, "")
	from, to := l.OptInt(3, 1), l.OptInt(4, t.Len())
	if from < 1 || to > t.Len() {
		from, to = max(from, 1), min(to, t.Len()) // as far as there is something
	}
	var parts []string
	size := 0
	for i := from; i <= to; i++ {
		v := t.RawGetInt(i)
		if !isText(v) {
			l.RaiseError("invalid value (%s) at index %d in table for concat", v.Type(), i)
		}
		s := v.String()
		if size += len(s) + len(sep); size > maxString {
			break
		}
		b.m.work(l, 1)
		parts = append(parts, s)
	}
	b.m.text(l, size)
	l.Push(lua.LString(strings.Join(parts, sep)))
	return 1
}

func (b *library) sort(l *lua.LState) int {
	t := l.CheckTable(1)
	by := l.OptFunction(2, nil)
	n := t.Len()
	b.m.alloc(l, 16*n)
	values := make([]lua.LValue, 0, n)
	for i := 1; i <= n; i++ {
		values = append(values, t.RawGetInt(i))
	}
	slices.SortFunc(values, func(x, y lua.LValue) int {
		b.m.work(l, 1)
		switch {
		case b.less(l, by, x, y):
			return -1
		case b.less(l, by, y, x):
			return 1
		}
		return 0
	})
	for i, v := range values {
		t.RawSetInt(i+1, v)
	}
	return 0
}

func (b *library) less(l *lua.LState, f *lua.LFunction, x, y lua.LValue) bool {
	if f == nil {
		return l.LessThan(x, y)
	}
	l.Push(f)
	l.Push(x)
	l.Push(y)
	l.Call(2, 1)
	yes := lua.LVAsBool(l.Get(-1))
	l.Pop(1)
	return yes
}
