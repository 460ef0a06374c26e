package script

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

func noon() time.Time { return time.Date(2026, 5, 17, 12, 30, 5, 0, time.UTC) }

func run(t testing.TB, source string, object map[string]any) (Verdict, error) {
	t.Helper()
	s, err := Compile(source, noon)
	if err != nil {
		t.Fatalf("%v in\n%s", err, source)
	}
	return s.Run(object)
}

// say makes a script of an expression whose text is wanted.
func say(expression string) string {
	return "local hs = {}\nhs.status = 'Healthy'\nhs.message = tostring(" + expression + ")\nreturn hs"
}

// TestLikeLua: what a script sees of the language is what the unguarded virtual
// machine with its own libraries gives, or the words of the manual where those
// libraries differ from it.
func TestLikeLua(t *testing.T) {
	for _, tc := range []string{
		`1 + 2 .. "x" .. 3`, `("x"):rep(3)`, `#("abc" .. "d")`, `("Hello"):upper() .. ("Hello"):lower()`,
		`("hello"):sub(2, -2)`, `("hello"):sub(-3)`, `("hello"):sub(0)`, `("hello"):sub(4, 2)`, `("hello"):sub(-100, 100)`,
		`("hello"):byte()`, `("hello"):byte(-1)`, `string.char(72, 105)`, `("abc"):reverse()`, `("x"):len()`,
		`("hello world"):find("wor")`, `("hello world"):find("o", 6)`, `("hello"):find("l+")`, `("hello"):find("xyz")`,
		`("a.b"):find(".", 1, true)`, `("hello"):find("")`,
		`("key = value"):match("(%w+)%s*=%s*(%w+)")`, `("2026-05-17T10:00:00Z"):match("(%d+)-(%d+)-(%d+)")`,
		`("  trim  "):match("^%s*(.-)%s*$")`, `("f(a(b)c)d"):match("%b()")`, `("THE (quick) fox"):find("%((%a+)%)")`,
		`("hello"):match("()ll()")`, `("abc"):match("[a-b]+")`, `("abc"):match("[^a]+")`, `("a]b"):match("[]]")`, `("a-b"):match("[%-]")`,
		`("x^y"):match("[x^]+")`, `("aXb"):match("%u")`, `("aXb"):match("%L")`, `("abab"):match("(ab)%1")`, `("aaab"):match("a-b")`,
		`("abc"):gsub("%w", "%0%0")`, `("hello world"):gsub("o", "0", 1)`, `("abc"):gsub("", "-")`, `("a b"):gsub("(%w) (%w)", "%2 %1")`,
		`("abc"):gsub("b", {b = "X"})`, `("abc"):gsub("%w", function(c) return c .. "." end)`, `("abc"):gsub("b", function() return nil end)`, `("abc"):gsub("^a", "z")`,
		`string.format("%d %s %5.2f %x %q %%", 42, "s", 3.14159, 255, "a\"b")`, `string.format("%-5s|%05d|%+d", "ab", 42, 7)`, `string.format("%g", 0.5)`,
		`table.concat({1, 2, 3}, ",")`, `table.concat({})`, `table.concat({"a", "b", "c"}, "-", 2, 3)`,
		`(function() local t = {} for w in ("one two"):gmatch("%a+") do t[#t+1] = w end return table.concat(t, "|") end)()`,
		`(function() local t = {} for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do t[#t+1] = k .. v end return table.concat(t, "|") end)()`,
		`(function() local t = {3, 1, 2} table.sort(t) return table.concat(t, ",") end)()`,
		`(function() local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return table.concat(t, ",") end)()`,
		`(function() local t = {1, 2, 3} table.insert(t, 2, 9) table.remove(t, 1) return table.concat(t, ",") end)()`,
		`(function() local t = {} t[1], t[2] = 1, 2 t[1], t[2] = t[2], t[1] return t[1] .. t[2] end)()`,
		`(function() local a, t = 1, {} a, t["x" .. a] = 5, 6 return a .. t.x1 end)()`,
		`(function() local t = {n = 1, ["a" .. "b"] = 2, [3] = 4, 5} return t.n .. t.ab .. t[3] .. t[1] end)()`,
		`(function(...) local t = {...} return #t .. select("#", ...) end)(1, nil, 3)`,
		`(function() local function f() return 1, 2 end local t = {f(), f()} return #t .. "x" .. f() end)()`,
		`(function() local function fact(n) if n == 0 then return 1 end return n * fact(n - 1) end return fact(10) end)()`,
		`(function() local t = setmetatable({}, {__index = function(_, k) return k .. "!" end, __concat = function(a, b) return "cat" end}) return t.x .. (t .. "a") end)()`,
		`pcall(function() error("boom") end)`, `select(2, pcall(function() error("boom") end))`, `select(2, pcall(function() error({code = 1}) end)).code`,
		`select(2, pcall(function() local x = nil; return x.y end))`,
		`1 < 2`, `"a" < "b"`, `"b" <= "a"`, `2 > 1`, `2 >= 3`, `"abc" >= "abd"`, `pcall(function() return 1 < "x" end)`,
		`(function() local t = setmetatable({}, {__lt = function() return true end}) return tostring(t < t) .. tostring(t > t) end)()`,
		`(function() local ok, a, b = pcall(function(x) return x, 2 end, 1) return tostring(ok) .. a .. b end)()`,
		`(function() local ok, e = xpcall(function() error("x", 0) end, function(m) return m .. "!" end) return tostring(ok) .. e end)()`,
		`(function() local i, t = 3, {} i, t[i] = i + 1, 20 return i .. t[3] end)()`,
		`tonumber("0x10")`, `tonumber("z", 36)`, `tonumber("abc")`, `tostring(nil)`, `type({})`, `math.floor(3.7) .. math.max(1, 5, 3) .. math.min(2, 1)`,
		`next({})`, `unpack({1, 2})`, `rawequal("a", "a")`, `2^10`, `7 % 3`, `-7 % 3`, `not nil`, `1 == 1.0`, `"10" + 5`, `#{1, 2, 3}`,
		`(function() local n = 0 for i = 10, 1, -2 do n = n + i end return n end)()`,
		`(function() local n = 0 repeat n = n + 1 until n >= 5 while n < 9 do n = n + 1 if n == 8 then break end end return n end)()`,
		`(function() for i = 1, 3 do if i == 2 then goto continue end ::continue:: end return "went" end)()`,
		`(function() local s = "" for k, v in pairs({a = 1}) do s = s .. k .. v end for i, v in ipairs({"x", "y"}) do s = s .. i .. v end return s end)()`,
	} {
		t.Run(tc, func(t *testing.T) {
			got, err := run(t, say(tc), nil)
			if err != nil {
				t.Fatal(err)
			}
			l := lua.NewState()
			defer l.Close()
			if err := l.DoString(say(tc)); err != nil {
				t.Fatal(err)
			}
			want := l.Get(-1).(*lua.LTable).RawGetString("message").String()
			place := func(s string) string { return strings.ReplaceAll(s, "<string>:", "health:") }
			if got.Message != place(want) {
				t.Errorf("got %q, Lua %q", got.Message, want)
			}
		})
	}
}

func TestRun(t *testing.T) {
	object := map[string]any{
		"status": map[string]any{
			"phase": "Up", "n": int64(3), "half": 0.5, "ok": true, "none": nil,
			"conditions": []any{map[string]any{"type": "Ready", "status": "False", "message": "not yet"}},
		},
	}
	for name, tc := range map[string]struct {
		why, source string
		want        Verdict
		err         string
	}{
		"Conditions": {
			why: "The shape of most scripts of Argo CD.",
			source: `
hs = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for i, condition in ipairs(obj.status.conditions) do
    if condition.type == "Ready" and condition.status == "False" then
      hs.status = "Degraded"
      hs.message = condition.message
      return hs
    end
  end
end
hs.status = "Progressing"
return hs`,
			want: Verdict{"Degraded", "not yet"},
		},
		"Types":     {why: "Numbers, truth and what is absent arrive as such.", source: `return {status = obj.status.phase, message = obj.status.n + obj.status.half .. tostring(obj.status.ok) .. tostring(obj.status.none)}`, want: Verdict{"Up", "3.5truenil"}},
		"Nothing":   {why: "No verdict is one too.", source: `return nil`, want: Verdict{}},
		"NoReturn":  {why: "So is no return.", source: `local x = 1`, want: Verdict{}},
		"Empty":     {why: "An empty table says nothing.", source: `return {}`, want: Verdict{}},
		"Text":      {why: "Not a table.", source: `return "Healthy"`, err: "it returned a string, not a table with status and message"},
		"BadStatus": {why: "A status is text.", source: `return {status = {}}`, err: "it returned a status that is not text"},
		"Nil":       {why: "The words name the line.", source: "\nreturn obj.a.b", err: "health:2: attempt to index a non-table object(nil) with key 'b'"},
		"OwnError":  {why: "A script's own error is passed on.", source: `error("no idea")`, err: "health:1: no idea"},
		"ErrTable":  {why: "Errors need not be text.", source: `error({})`, err: "it ended with an error that is a table"},
		"Now":       {why: "The time is that of the caller.", source: `return {status = os.date("!%Y-%m-%dT%H:%M:%SZ"), message = os.time() - os.time({year = 2026, month = 5, day = 17, hour = 12, min = "30"})}`, want: Verdict{"2026-05-17T12:30:05Z", "5"}},
		"DateTable": {why: "Both forms of os.date.", source: `local d = os.date("*t", 0); return {status = d.year .. "-" .. d.month .. "-" .. d.day}`, want: Verdict{"1970-1-1", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := run(t, tc.source, object)
			if fmt.Sprint(err) != orNil(tc.err) || got != tc.want {
				t.Errorf("%s\n got %+v, %v\nwant %+v, %s", tc.why, got, err, tc.want, orNil(tc.err))
			}
		})
	}
}

func orNil(s string) string {
	if s == "" {
		return "<nil>"
	}
	return s
}

func TestMistakes(t *testing.T) {
	for source, want := range map[string]string{
		"return {":                       "line 1: syntax error",
		"x = = 1":                        "line 1, column 5: syntax error near \"=\"",
		"local x\n\nif x then":           "",
		"goto nowhere":                   "",
		strings.Repeat("(", 5000):        "line 1: it nests deeper than 100",
		strings.Repeat("x", maxSource+1): "it has 65537 bytes, more than the limit of 65536",
	} {
		_, err := Compile(source, noon)
		var m *Mistake
		if !errors.As(err, &m) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", source, err, want)
		}
	}
}

// hostile scripts, each of which would take the machine's memory or time.
var hostile = map[string]string{
	"loop":               `while true do end`,
	"caught loop":        `while true do pcall(function() while true do end end) end`,
	"caught in handler":  `xpcall(function() while true do end end, function() while true do end end)`,
	"recursion":          `local function f() return 1 + f() end f()`,
	"tail calls":         `local function f() return f() end f()`,
	"pcall recursion":    `local function f() pcall(f) return f() end f()`,
	"metatable":          `local t = setmetatable({}, {}) getmetatable(t).__index = function(x, k) return x[k] end return t.x`,
	"metatable ring":     `local a, b = {}, {} setmetatable(a, {__index = b}) setmetatable(b, {__index = a}) while true do local x = a.y end`,
	"doubling":           `local s = "x" while true do s = s .. s end`,
	"doubling kept":      `local t, s = {}, ("x"):rep(1000) while true do s = s .. "x" t[#t + 1] = s end`,
	"rep":                `local s = ("x"):rep(1e9)`,
	"rep kept":           `local t = {} while true do t[#t + 1] = ("x"):rep(200000) end`,
	"rep of nothing":     `local s = ("").rep("", 1e15) while true do end`,
	"rep overflow":       `local s = ("xx"):rep(9e18)`,
	"upper kept":         `local t, s = {}, ("x"):rep(200000) while true do t[#t + 1] = s:upper() t[#t + 1] = s:reverse() end`,
	"gsub growth":        `local s = "xx" while true do s = s:gsub("x", "xxxx") end`,
	"gsub expand":        `local s = ("x"):rep(100000) return (s:gsub("x", s))`,
	"gsub whole":         `local s = ("x"):rep(100000) return (s:gsub(".+", ("%0"):rep(10000)))`,
	"gsub callback":      `local s = ("x"):rep(100000) return (s:gsub("x", function() return s end))`,
	"join growth":        `local t = {} for i = 1, 1000 do t[i] = ("x"):rep(1000) end while true do t[1] = table.concat(t) end`,
	"join separator":     `local t = {} for i = 1, 5000 do t[i] = "" end return table.concat(t, ("x"):rep(200000))`,
	"join range":         `return table.concat({}, "", 1, 1e15)`,
	"format width":       `while true do local s = string.format("%99s", "x") end`,
	"format growth":      `local s = "x" while true do s = string.format("%s%s", s, s) end`,
	"quote growth":       `local s = "\"" while true do s = string.format("%q", s) end`,
	"table growth":       `local t = {} while true do t[#t + 1] = {} end`,
	"nested tables":      `local t = {} while true do t = {t, {1}, {2}, {x = 1}} end`,
	"array gap":          `local t = {} t[60000000] = 1`,
	"array gaps kept":    `local t = {} for i = 1, 1e6 do local u = {} u[30000] = 1 t[i] = u end`,
	"gap by rawset":      `rawset({}, 60000000, 1)`,
	"gap by insert":      `table.insert({}, 60000000, 1)`,
	"gap in constructor": `local t = {[60000000] = 1}`,
	"gap by several":     `local a, t = 1, {} a, t[60000000] = 1, 2`,
	"gap by for":         `local t = {} for i = 1, 100 do t[i * 500000] = i end`,
	"keys growth":        `local t, i = {}, 0 while true do i = i + 1 t["k" .. i] = i end`,
	"fractional keys":    `local t, i = {}, 0.5 while true do i = i + 1 t[i] = i end`,
	"unpack":             `return unpack({}, 1, 1e9)`,
	"unpack growth":      `local t = {1} while true do t = {unpack(t), unpack(t)} t[#t + 1] = 1 t = {1, unpack(t)} end`,
	"varargs":            `local function f(...) return f(1, ...) end f()`,
	"byte":               `return (("x"):rep(200000)):byte(1, -1)`,
	"closures":           `local t = {} while true do local a, b, c, d, e, f, g, h t[#t + 1] = function() return a, b, c, d, e, f, g, h end end`,
	"sort":               `local t = {} for i = 1, 20000 do t[i] = -i end while true do table.sort(t) end`,
	"sort liar":          `local t = {} for i = 1, 2000 do t[i] = i end table.sort(t, function() return true end) while true do end`,
	"insert front":       `local t = {} while true do table.insert(t, 1, 1) end`,
	"length of nils":     `local t = {} for i = 1, 3000 do t[i] = i end for i = 3000, 2, -1 do t[i] = nil end while true do local n = #t end`,
	"error growth":       `local t, s = {}, ("x"):rep(200000) while true do t[#t + 1] = select(2, pcall(error, s)) end`,
	"backtracking":       `return ("a"):rep(5000):find((".-"):rep(20) .. "b")`,
	"backtracking star":  `return ("a"):rep(200):match(("a*"):rep(30) .. "b")`,
	"pattern depth":      `return ("a"):rep(100000):find(("a?"):rep(5000) .. "b")`,
	"balance":            `local s = ("("):rep(100000) while true do s:find("%b()") end`,
	"plain search":       `local s = ("a"):rep(200000) while true do s:find(("a"):rep(1000) .. "b", 1, true) end`,
	"gmatch":             `while true do for w in ("a b c"):gmatch("%a") do end end`,
	"compare":            `local a, b = ("x"):rep(200000), ("x"):rep(199999) .. "x" while true do local y = a < b end`,
	"coroutine":          `local t = {} while true do t[#t + 1] = coroutine.create(function() end) end`,
	"load":               `loadstring("while true do end")()`,
	"numeric for":        `for i = 1, 1e300 do end`,
	"captures":           `return ("a"):rep(100):match(("(a)"):rep(100))`,
	"nil constructor":    `local t = {} while true do t[#t + 1] = {` + strings.Repeat("nil,", 500) + `} end`,
	"date growth":        `local s = "%c" while true do s = os.date(s) .. "%c" .. s end`,
	"concat metamethod":  `local t = setmetatable({}, {__concat = function(a, b) return a .. b end}) return t .. t`,
	"deep binary":        `return ` + strings.Repeat("not ", 10000) + `nil .. ` + strings.Repeat("'a' .. ", 5000) + `nil`,
}

// TestHostile: each hostile script ends with an error, soon, and does not take
// more memory than a run may. Nothing is left of it afterwards.
func TestHostile(t *testing.T) {
	for name, source := range hostile {
		t.Run(name, func(t *testing.T) {
			s, err := Compile(source, noon)
			if err != nil {
				t.Logf("refused: %v", err)
				return
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err = s.Run(map[string]any{"x": "y"})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := int64(after.TotalAlloc-before.TotalAlloc) >> 20
			t.Logf("%s, allocated %d MiB: %.100v", took.Round(time.Millisecond), allocated, err)
			if err == nil {
				t.Error("it came through")
			}
			if took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
			// All that was ever allocated, garbage too: what is live at one time is less.
			if allocated > 64 {
				t.Errorf("it allocated %d MiB", allocated)
			}
		})
	}
}

// TestNothingToReach: what would let a script out is not there.
func TestNothingToReach(t *testing.T) {
	for _, name := range []string{
		"io", "debug", "coroutine", "channel", "package", "require", "module", "load", "loadstring", "loadfile", "dofile",
		"getfenv", "setfenv", "collectgarbage", "newproxy", "_G", "_printregs",
		"os.execute", "os.exit", "os.getenv", "os.remove", "os.rename", "os.tmpname", "os.clock", "os.setenv", "os.setlocale",
		"math.random", "math.randomseed", "string.dump",
	} {
		got, err := run(t, say("type("+name+")"), nil)
		if err != nil || got.Message != "nil" {
			t.Errorf("%s is a %s (%v)", name, got.Message, err)
		}
	}
}

func TestRunsDoNotMeet(t *testing.T) {
	s, err := Compile(`n = (n or 0) + 1; string.x = (string.x or 0) + 1; obj.a = 2; return {status = n .. string.x}`, noon)
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{"a": int64(1)}
	for range 3 {
		if v, err := s.Run(object); err != nil || v.Status != "11" {
			t.Fatal(v, err)
		}
	}
	if object["a"] != int64(1) {
		t.Error("the object was changed")
	}
}

func FuzzScript(f *testing.F) {
	for _, source := range hostile {
		f.Add(source)
	}
	f.Add(say(`obj.status.phase`))
	object := map[string]any{"status": map[string]any{"phase": "Up", "list": []any{int64(1), "two"}}}
	f.Fuzz(func(t *testing.T, source string) {
		s, err := Compile(source, noon)
		if err != nil {
			var m *Mistake
			if !errors.As(err, &m) {
				t.Fatalf("%T", err)
			}
			return
		}
		start := time.Now()
		first, err1 := s.Run(object)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		second, err2 := s.Run(object)
		if first != second || fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Errorf("%v %v, then %v %v", first, err1, second, err2)
		}
	})
}

func BenchmarkScript(b *testing.B) {
	s, err := Compile(say(`obj.status.phase`), noon)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Run(map[string]any{"status": map[string]any{"phase": "Up"}}); err != nil {
			b.Fatal(err)
		}
	}
}
