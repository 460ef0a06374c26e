package render

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// maxNesting bounds ${a:-${b:-${c…}}}.
const maxNesting = 50

// expander replaces variables in a text. The language is that of Flux's
// postBuild, oddities included: ":?", ":+" and ":=" all mean a default, a
// position that is no number leaves the value alone, and lengths are bytes.
type expander struct {
	vars   map[string]string
	strict bool
	used   []string // ${A}, ${B}, for messages

	text  string
	at    int
	depth int
}

func (e *expander) expand(text string) (string, error) {
	e.text, e.at = text, 0
	var b strings.Builder
	for e.at < len(text) {
		rest := text[e.at:]
		switch {
		case strings.HasPrefix(rest, "${"):
			v, err := e.variable()
			if err != nil {
				return "", err
			}
			b.WriteString(v)
		case strings.HasPrefix(rest, "$$"):
			b.WriteByte('$')
			e.at += 2
		default:
			n := strings.IndexByte(rest[1:], '$') + 1
			if n == 0 {
				n = len(rest)
			}
			b.WriteString(rest[:n])
			e.at += n
		}
		if b.Len() > MaxFileBytes {
			return "", fault.Invalid("substitution makes the object larger than %d bytes", MaxFileBytes)
		}
	}
	return b.String(), nil
}

func (e *expander) next() byte {
	if e.at < len(e.text) {
		return e.text[e.at]
	}
	return 0
}

// bad reports the expression that starts at from.
func (e *expander) bad(from int, why string) error {
	end := min(len(e.text), from+40)
	if i := strings.IndexAny(e.text[from:end], "}\n"); i >= 0 {
		end = from + i + 1
	}
	return fault.Invalid("bad substitution %q: %s", strings.TrimRight(e.text[from:end], "\n"), why).
		WithHint("write $${ for a literal ${, or annotate the object with %s: disabled", optOut[0])
}

// variable reads one ${…} and returns what it stands for.
func (e *expander) variable() (string, error) {
	start := e.at
	e.at += len("${")
	if e.depth++; e.depth > maxNesting {
		return "", e.bad(start, "nested too deep")
	}
	defer func() { e.depth-- }()
	length := e.next() == '#'
	if length {
		e.at++
	}
	name := e.name()
	if name == "" {
		return "", e.bad(start, "no name of a variable")
	}
	if length {
		if e.next() != '}' {
			return "", e.bad(start, "no closing brace")
		}
		return e.apply(start, name, "#", nil)
	}
	op := e.operator()
	args, err := e.arguments(start, op)
	if err != nil {
		return "", err
	}
	if e.next() != '}' {
		return "", e.bad(start, "no closing brace")
	}
	if op == "#" {
		op = "#prefix"
	}
	return e.apply(start, name, op, args)
}

func (e *expander) name() string {
	start := e.at
	for e.at < len(e.text) {
		r, n := utf8.DecodeRuneInString(e.text[e.at:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		e.at += n
	}
	return e.text[start:e.at]
}

var operators = []string{":=", ":-", ":?", ":+", ":", "=", ",,", ",", "^^", "^", "//", "/#", "/%", "/", "##", "#", "%%", "%"}

func (e *expander) operator() string {
	for _, op := range operators {
		if strings.HasPrefix(e.text[e.at:], op) {
			e.at += len(op)
			return op
		}
	}
	return ""
}

func isDefault(op string) bool {
	return op == "=" || len(op) == 2 && op[0] == ':'
}

func (e *expander) arguments(start int, op string) ([]string, error) {
	switch {
	case op == "" || op[0] == ',' || op[0] == '^':
		return nil, nil
	case isDefault(op):
		return e.defaults()
	case op == ":":
		return e.list(start, ":", ":}", plainText)
	case op[0] == '/':
		return e.list(start, "/", "/", escapedText)
	}
	arg, err := e.param(start, "}", plainText)
	return []string{arg}, err
}

// defaults reads text and nested variables up to the closing brace.
func (e *expander) defaults() ([]string, error) {
	var args []string
	for e.at < len(e.text) && e.next() != '}' {
		arg, err := e.param(e.at, "}", plainText)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

// list reads one or two parameters with a separator between them.
func (e *expander) list(start int, sep, stop string, how textMode) ([]string, error) {
	var first string
	var err error
	// An empty pattern is one; an empty position is not.
	if how == plainText || e.next() != '/' {
		if first, err = e.param(start, stop, how); err != nil {
			return nil, err
		}
	}
	args := []string{first}
	if e.next() == '}' && sep == ":" {
		return args, nil
	}
	if e.next() != sep[0] {
		return nil, e.bad(start, "no second part")
	}
	for e.next() == sep[0] {
		e.at++
	}
	if e.next() == '}' && sep == "/" {
		return args, nil
	}
	second, err := e.param(start, "}", how)
	return append(args, second), err
}

type textMode uint8

const (
	plainText textMode = iota
	escapedText
)

// param reads one parameter: a nested variable, or text up to a stop byte or
// the next nested variable.
func (e *expander) param(start int, stop string, how textMode) (string, error) {
	if strings.HasPrefix(e.text[e.at:], "${") {
		v, err := e.variable()
		return v, err
	}
	var b strings.Builder
	from := e.at
	for e.at < len(e.text) {
		c := e.text[e.at]
		if strings.HasPrefix(e.text[e.at:], "${") {
			break
		}
		if how == escapedText && e.at+1 < len(e.text) {
			if n := e.text[e.at+1]; c == '$' && n == '$' || c == '\\' && (n == '/' || n == '\\') {
				b.WriteByte(n)
				e.at += 2
				continue
			}
		}
		if strings.IndexByte(stop, c) >= 0 {
			break
		}
		b.WriteByte(c)
		e.at++
	}
	if e.at == from {
		return "", e.bad(start, "an empty parameter")
	}
	return b.String(), nil
}

// apply looks the variable up, applies op and steps over the closing brace.
func (e *expander) apply(start int, name, op string, args []string) (string, error) {
	e.at++
	if u := "${" + name + "}"; !slices.Contains(e.used, u) {
		e.used = append(e.used, u)
	}
	v, exists := e.vars[name]
	if !exists && e.strict && !isDefault(op) {
		return "", fault.Invalid("variable %q has no value and no default", name).
			WithHint("set it in the substitution of the Stack, or write ${%s:=default}", name)
	}
	return transform(v, op, args), nil
}

func transform(v, op string, args []string) string {
	switch op {
	case ",", "^":
		return first(v, op)
	case ",,":
		return strings.ToLower(v)
	case "^^":
		return strings.ToUpper(v)
	case "#":
		return strconv.Itoa(len(v))
	case "#prefix":
		return trimPrefix(v, args[0], shortest)
	case "##":
		return trimPrefix(v, args[0], longest)
	case "%":
		return reverse(trimPrefix(reverse(v), reverse(args[0]), shortest))
	case "%%":
		return reverse(trimPrefix(reverse(v), reverse(args[0]), longest))
	case ":":
		return substring(v, args)
	case "/", "//", "/#", "/%":
		return replace(v, op, args)
	}
	if v == "" {
		return strings.Join(args, "")
	}
	return v
}

func first(v, op string) string {
	r, n := utf8.DecodeRuneInString(v)
	if n == 0 {
		return v
	}
	if op == "," {
		return string(unicode.ToLower(r)) + v[n:]
	}
	return string(unicode.ToUpper(r)) + v[n:]
}

func substring(v string, args []string) string {
	pos, err := strconv.Atoi(args[0])
	if err != nil {
		return v
	}
	if pos < 0 {
		pos = max(0, len(v)+pos)
	}
	end := len(v)
	if len(args) == 2 {
		length, err := strconv.Atoi(args[1])
		if err != nil {
			return v
		}
		switch {
		case length < 0:
			end = len(v) + length
		case length < len(v)-pos:
			end = pos + length
		}
	}
	if pos >= len(v) || end < pos {
		return ""
	}
	return v[pos:end]
}

func replace(v, op string, args []string) string {
	with := ""
	if len(args) == 2 {
		with = args[1]
	}
	switch {
	case op == "//":
		return strings.ReplaceAll(v, args[0], with)
	case op == "/":
		return strings.Replace(v, args[0], with, 1)
	case len(args) != 2:
		return v
	case op == "/#" && strings.HasPrefix(v, args[0]):
		return with + strings.TrimPrefix(v, args[0])
	case op == "/%" && strings.HasSuffix(v, args[0]):
		return strings.TrimSuffix(v, args[0]) + with
	}
	return v
}

type match uint8

const (
	shortest match = iota
	longest
)

// trimPrefix cuts the shortest or longest non-empty prefix that matches a glob,
// in which a star matches slashes too.
func trimPrefix(v, glob string, want match) string {
	// path.Match stops at slashes, and at nothing else.
	noSlash := strings.NewReplacer("/", "\x00")
	glob = noSlash.Replace(glob)
	found := 0
	for n := len(v); n > 0; n-- {
		ok, err := path.Match(glob, noSlash.Replace(v[:n]))
		if err != nil {
			return v
		}
		if !ok {
			continue
		}
		found = n
		if want == longest {
			break
		}
	}
	return v[found:]
}

func reverse(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}
