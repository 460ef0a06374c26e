package diff

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Canonical returns the one JSON text of a tree: keys sorted, no space, whole
// numbers exact. Equal trees give equal bytes.
func Canonical(v any) []byte {
	e := encoders.Get().(*encoder)
	defer e.release()
	e.value(v)
	return slices.Clone(e.buf)
}

// encoder keeps its buffers between objects: digests are taken of every object
// of every unit, and sorting keys would otherwise allocate at each map.
type encoder struct {
	buf  []byte
	keys []string // a stack: each map sorts its keys on top of its parent's
}

var encoders = sync.Pool{New: func() any { return &encoder{buf: make([]byte, 0, 4096)} }}

// maxKept bounds what one huge object may leave in the pool.
const maxKept = 1 << 20

func (e *encoder) release() {
	if cap(e.buf) > maxKept {
		return
	}
	clear(e.keys[:cap(e.keys)]) // or the pool would keep whole objects alive
	e.buf, e.keys = e.buf[:0], e.keys[:0]
	encoders.Put(e)
}

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case string:
		e.str(v)
	case map[string]any:
		e.object(v)
	case []any:
		e.array(v)
	case int64:
		e.buf = strconv.AppendInt(e.buf, v, 10)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case nil:
		e.buf = append(e.buf, "null"...)
	case float64:
		e.float(v)
	case int:
		e.buf = strconv.AppendInt(e.buf, int64(v), 10)
	case uint64:
		e.buf = strconv.AppendUint(e.buf, v, 10)
	default:
		e.foreign(v)
	}
}

func (e *encoder) object(m map[string]any) {
	base := len(e.keys)
	for k := range m {
		e.keys = append(e.keys, k)
	}
	slices.Sort(e.keys[base:])
	e.buf = append(e.buf, '{')
	// Indexed, not ranged: nested maps may move the stack while it grows.
	for i := range len(m) {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		k := e.keys[base+i]
		e.str(k)
		e.buf = append(e.buf, ':')
		e.value(m[k])
	}
	e.buf = append(e.buf, '}')
	e.keys = e.keys[:base]
}

func (e *encoder) array(l []any) {
	e.buf = append(e.buf, '[')
	for i, v := range l {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.value(v)
	}
	e.buf = append(e.buf, ']')
}

// float writes 1.0 as 1: JSON does not tell them apart, and neither does any
// server.
func (e *encoder) float(f float64) {
	if f == float64(int64(f)) && f > -1e15 && f < 1e15 {
		e.buf = strconv.AppendInt(e.buf, int64(f), 10)
		return
	}
	e.buf = strconv.AppendFloat(e.buf, f, 'g', -1, 64)
}

// foreign writes what no decoder of ours produces, so that a caller's mistake
// changes a digest at most, never a program.
func (e *encoder) foreign(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		e.buf = append(e.buf, "null"...)
		return
	}
	e.buf = append(e.buf, b...)
}

const hexDigits = "0123456789abcdef"

func (e *encoder) str(s string) {
	e.buf = append(e.buf, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		e.buf = append(e.buf, s[start:i]...)
		e.escape(c)
		i++
		start = i
	}
	e.buf = append(e.buf, s[start:]...)
	e.buf = append(e.buf, '"')
}

func (e *encoder) escape(c byte) {
	switch c {
	case '"', '\\':
		e.buf = append(e.buf, '\\', c)
	case '\n':
		e.buf = append(e.buf, '\\', 'n')
	case '\t':
		e.buf = append(e.buf, '\\', 't')
	case '\r':
		e.buf = append(e.buf, '\\', 'r')
	default:
		e.buf = append(e.buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// maxValue bounds one printed value; a plan is read by people.
const maxValue = 256

// compact is Canonical for people: valid UTF-8, cut at maxValue bytes.
func compact(v any) string {
	e := encoders.Get().(*encoder)
	defer e.release()
	e.value(v)
	s := strings.ToValidUTF8(string(e.buf), "\uFFFD")
	if len(s) <= maxValue {
		return s
	}
	cut := maxValue
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
