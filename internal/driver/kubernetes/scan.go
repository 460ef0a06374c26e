package kubernetes

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	k8sjson "k8s.io/apimachinery/pkg/util/json"
)

// scanner reads JSON as API servers write it, in one pass over the bytes and with
// the names of fields shared. A general decoder looks at each byte several times,
// which is most of what a start with thousands of objects costs.
//
// Whatever is not plain (a bad escape, a broken rune, a depth that no object has)
// makes it give up, and the general decoder has its say; so it need not be lenient
// anywhere.
type scanner struct {
	in    []byte
	at    int
	names map[string]string
}

// maxDepth is far above any object's and keeps hostile input off the stack.
const maxDepth = 256

// maxNames bounds the names that are shared: keys of a ConfigMap are fields, too.
const maxNames = 4096

// decodeTree reads an object, whole numbers as int64; nil for what is none.
func decodeTree(b []byte) map[string]any {
	if b == nil {
		return nil
	}
	s := scanner{in: b}
	if v, ok := s.value(0); ok && s.ended() {
		m, _ := v.(map[string]any)
		return m
	}
	var out map[string]any
	if err := k8sjson.Unmarshal(b, &out); err != nil {
		return nil
	}
	return out
}

func (s *scanner) ended() bool {
	s.space()
	return s.at == len(s.in)
}

func (s *scanner) space() {
	for s.at < len(s.in) && (s.in[s.at] == ' ' || s.in[s.at] == '\n' || s.in[s.at] == '\t' || s.in[s.at] == '\r') {
		s.at++
	}
}

func (s *scanner) take(c byte) bool {
	s.space()
	if s.at >= len(s.in) || s.in[s.at] != c {
		return false
	}
	s.at++
	return true
}

// value reads one value.
func (s *scanner) value(depth int) (any, bool) {
	s.space()
	if s.at >= len(s.in) || depth > maxDepth {
		return nil, false
	}
	switch s.in[s.at] {
	case '{':
		m := map[string]any{}
		ok := s.members(func(name []byte) bool {
			v, ok := s.value(depth + 1)
			if ok {
				m[s.name(name)] = v
			}
			return ok
		})
		return m, ok
	case '[':
		return s.list(depth)
	case '"':
		return s.text()
	case 't':
		return true, s.word("true")
	case 'f':
		return false, s.word("false")
	case 'n':
		return nil, s.word("null")
	}
	return s.number()
}

func (s *scanner) list(depth int) (any, bool) {
	out := []any{}
	ok := s.elements(func() bool {
		v, ok := s.value(depth + 1)
		out = append(out, v)
		return ok
	})
	return out, ok
}

// members calls f at the value of each member of an object; f has to read it.
func (s *scanner) members(f func(name []byte) bool) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		s.space()
		name, plain, ok := s.quoted()
		if !ok || !plain || !s.take(':') || !f(name) {
			return false
		}
		if s.take(',') {
			continue
		}
		return s.take('}')
	}
}

// elements calls f at each element of a list; f has to read it.
func (s *scanner) elements(f func() bool) bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if !f() {
			return false
		}
		if s.take(',') {
			continue
		}
		return s.take(']')
	}
}

// name returns a name that is shared with the objects before.
func (s *scanner) name(raw []byte) string {
	if known, ok := s.names[string(raw)]; ok {
		return known
	}
	out := string(raw)
	if s.names != nil && len(s.names) < maxNames {
		s.names[out] = out
	}
	return out
}

// quoted returns what is between the quotes; plain says that it is the text.
func (s *scanner) quoted() (raw []byte, plain, ok bool) {
	if s.at >= len(s.in) || s.in[s.at] != '"' {
		return nil, false, false
	}
	start := s.at + 1
	plain = true
	for i := start; i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '"':
			s.at = i + 1
			return s.in[start:i], plain, true
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			return nil, false, false
		case c >= utf8.RuneSelf:
			_, size := utf8.DecodeRune(s.in[i:])
			if size == 1 {
				return nil, false, false
			}
			i += size - 1
		}
	}
	return nil, false, false
}

func (s *scanner) text() (any, bool) {
	start := s.at
	raw, plain, ok := s.quoted()
	switch {
	case !ok:
		return nil, false
	case plain:
		return string(raw), true
	}
	if out, ok := unescaped(raw); ok {
		return out, true
	}
	var out string
	err := json.Unmarshal(s.in[start:s.at], &out)
	return out, err == nil
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescaped knows the escapes of one letter.
func unescaped(raw []byte) (string, bool) {
	out := make([]byte, 0, len(raw))
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return string(append(out, raw...)), true
		}
		c := escapes[raw[i+1]]
		if c == 0 {
			return "", false
		}
		out = append(append(out, raw[:i]...), c)
		raw = raw[i+2:]
	}
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.in[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}

// number reads what is plainly a number; JSON has stricter rules than strconv.
func (s *scanner) number() (any, bool) {
	start := s.at
	for s.at < len(s.in) && isNumber[s.in[s.at]] {
		s.at++
	}
	raw := s.in[start:s.at]
	if !json.Valid(raw) {
		return nil, false
	}
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

var isNumber = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'-': true, '+': true, '.': true, 'e': true, 'E': true,
}

// span passes over one value and returns its bytes. Within them only strings and
// brackets are looked at: whoever reads them checks the rest.
func (s *scanner) span() ([]byte, bool) {
	s.space()
	end, ok := endOf(s.in, s.at)
	if !ok {
		return nil, false
	}
	out := s.in[s.at:end]
	s.at = end
	return out, true
}

// endOf returns where the value that begins at i ends; false when b does not have
// all of it, and for what is no value.
func endOf(b []byte, i int) (end int, whole bool) {
	depth := 0
	for start := i; i < len(b); {
		switch b[i] {
		case '"':
			if i = endOfText(b, i+1); i < 0 {
				return 0, false
			}
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i, i > start // a number ends with what comes after it
			}
			depth--
			i++
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i, i > start
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i, true
		}
	}
	return 0, false
}

// endOfText returns what comes after the closing quote; -1 if there is none.
func endOfText(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n + 1
		escaped := false
		for k := i - 2; k >= 0 && b[k] == '\\'; k-- {
			escaped = !escaped
		}
		if !escaped {
			return i
		}
	}
}
