package risk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// condition is one sentence about the values of a resource: a path, and what of it
// holds. A sentence about one moment begins its path with before or after:
//
//	before.deletion_protection is true
//	before.final_snapshot_identifier is not set
//	before.backup_retention_period above 0
//	before.managementPolicies has not Delete
//
// A sentence about the change names the path alone:
//
//	size decreases           the number, size or duration is smaller afterwards
//	region changes           it is there before and after, and another
//	engine_version changes major
//	force_destroy becomes true
//	deletion_protection stops being true
//	spec.backup goes         it was set, and is not any more
//	spec.users shrinks       something that was in the list is not any more
//
// "action is replace" asks what is done. A number in a path is an index, and a dot in
// a name is written \. as in a shell.
type condition struct {
	text string
	side string // before, after, action, or "" for both
	path []string
	verb string
	arg  string
}

// verbs are the sentences that there are, with how many words follow.
var (
	momentVerbs = []string{"is not set", "is set", "is not", "is", "above", "has not", "has"}
	changeVerbs = []string{"becomes set", "becomes", "stops being", "changes major", "changes", "decreases", "shrinks", "goes"}
)

// UnmarshalText reads a sentence.
func (c *condition) UnmarshalText(b []byte) error {
	text := string(b)
	subject, rest, _ := strings.Cut(text, " ")
	*c = condition{text: text, path: segments(subject)}
	known := changeVerbs
	if first := c.path[0]; first == "before" || first == "after" || first == "action" {
		c.side, c.path, known = first, c.path[1:], momentVerbs
	}
	for _, v := range known {
		if rest == v || strings.HasPrefix(rest, v+" ") {
			c.verb, c.arg = v, strings.TrimSpace(strings.TrimPrefix(rest, v))
			break
		}
	}
	if wants := slices.Contains([]string{"is", "is not", "above", "has", "has not", "becomes", "stops being"}, c.verb); c.verb == "" || wants != (c.arg != "") {
		return fmt.Errorf("%q is no condition", text)
	}
	if (c.side == "action") != (len(c.path) == 0) {
		return fmt.Errorf("%q names no value", text)
	}
	return nil
}

// segments splits a path at its dots.
func segments(s string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '.':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(out, b.String())
}

// holds says whether the condition is true of s, and in words what was found.
func (c condition) holds(s subject) (string, bool) {
	switch c.side {
	case "action":
		return c.text, c.verb == "is" && c.arg == s.action.String()
	case "before":
		return c.text, c.moment(lookup(s.before, c.path))
	case "after":
		return c.text, c.moment(lookup(s.after, c.path))
	}
	if s.before == nil || s.after == nil {
		return "", false
	}
	was, now := lookup(s.before, c.path), lookup(s.after, c.path)
	if !c.change(was, now) {
		return "", false
	}
	return fmt.Sprintf("%s goes from %s to %s", strings.Join(c.path, "."), words(was), words(now)), true
}

func (c condition) moment(v any) bool {
	switch c.verb {
	case "is set":
		return isSet(v)
	case "is not set":
		return !isSet(v)
	case "is":
		return equals(v, c.arg)
	case "is not":
		return !equals(v, c.arg)
	case "above":
		n, ok := amount(v)
		least, _ := amount(c.arg)
		return ok && n > least
	case "has":
		return has(v, c.arg)
	case "has not":
		return !has(v, c.arg)
	}
	return false
}

func (c condition) change(was, now any) bool {
	switch c.verb {
	case "becomes set", "goes":
		return isSet(was) == (c.verb == "goes") && isSet(now) != (c.verb == "goes")
	case "becomes":
		return !equals(was, c.arg) && equals(now, c.arg)
	case "stops being":
		return equals(was, c.arg) && !equals(now, c.arg)
	case "changes":
		return was != nil && now != nil && fmt.Sprint(was) != fmt.Sprint(now)
	case "changes major":
		a, b := major(was), major(now)
		return a != "" && b != "" && a != b
	case "decreases":
		a, okA := amount(was)
		b, okB := amount(now)
		return okA && okB && b < a
	case "shrinks":
		return shrinks(was, now)
	}
	return false
}

// lookup returns what is at a path of names and indexes; nil if nothing is.
func lookup(tree map[string]any, path []string) any {
	var v any = tree
	for _, p := range path {
		switch c := v.(type) {
		case map[string]any:
			v = c[p]
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(c) {
				return nil
			}
			v = c[i]
		default:
			return nil
		}
	}
	return v
}

func isSet(v any) bool {
	switch c := v.(type) {
	case nil:
		return false
	case string:
		return c != ""
	case []any:
		return len(c) > 0
	case map[string]any:
		return len(c) > 0
	}
	return true
}

func equals(v any, want string) bool {
	switch v.(type) {
	case string, bool, int, int64, float64, json.Number:
		return fmt.Sprint(v) == want
	}
	return false
}

func has(v any, want string) bool {
	list, _ := v.([]any)
	return slices.ContainsFunc(list, func(e any) bool { return equals(e, strings.Trim(want, `"`)) })
}

// shrinks says whether a list lost an element, or a map a key.
func shrinks(was, now any) bool {
	switch w := was.(type) {
	case []any:
		n, _ := now.([]any)
		return slices.ContainsFunc(w, func(e any) bool {
			return !slices.ContainsFunc(n, func(x any) bool { return fmt.Sprint(nameOf(x)) == fmt.Sprint(nameOf(e)) })
		})
	case map[string]any:
		n, _ := now.(map[string]any)
		for k := range w {
			if _, kept := n[k]; !kept {
				return true
			}
		}
	}
	return false
}

// nameOf is by what an element of a list is known.
func nameOf(v any) any {
	if m, ok := v.(map[string]any); ok && m["name"] != nil {
		return m["name"]
	}
	return v
}

// major is the first number of a version, with the letters before it: POSTGRES_14.
func major(v any) string {
	s, ok := v.(string)
	if !ok {
		n, isNumber := amount(v)
		if !isNumber {
			return ""
		}
		s = strconv.FormatFloat(n, 'f', -1, 64)
	}
	end := strings.IndexFunc(s, unicode.IsDigit)
	if end < 0 {
		return s
	}
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	return s[:end]
}

// units are what may follow a number. What is smaller is all that is asked, so that
// sizes and durations need not be told apart.
var units = map[string]float64{
	"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50,
	"ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400,
}

// amount reads a number, a size such as 10Gi or a duration such as 604800s.
func amount(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	case json.Number:
		return amount(string(n))
	case string:
		end := strings.IndexFunc(n, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != '-' })
		if end < 0 {
			end = len(n)
		}
		f, err := strconv.ParseFloat(n[:end], 64)
		unit, known := units[strings.TrimSpace(n[end:])]
		return f * unit, err == nil && known
	}
	return 0, false
}

// longest is how much of a value a sentence holds.
const longest = 40

// words is a value as a sentence can hold it.
func words(v any) string {
	s := "nothing"
	switch v.(type) {
	case nil:
	case string, bool, int, int64, float64, json.Number:
		s = fmt.Sprint(v)
	default:
		return "something else"
	}
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}
