// Package wire writes and reads what goes between this process and a worker.
//
// It is a plain binary form: numbers as varints, everything else with its length
// before it. The reader is for bytes that a hostile process may have written: it
// makes nothing larger than what it was given, stops at bounds, and remembers
// its first error, so that callers ask once at the end.
package wire

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// Bounds of one JSON tree.
const (
	maxDepth = 512
	// MaxValues bounds the values of all trees in one message. A byte on the wire
	// can become a hundred in memory.
	MaxValues = 2_000_000
)

// ErrMalformed is the error of bytes that no Writer wrote.
var ErrMalformed = errors.New("malformed message from a worker")

// ErrTooMany is the error of a message with more than MaxValues.
var ErrTooMany = errors.New("too many values")

// Writer appends to a buffer.
type Writer struct {
	buf    []byte
	values int
	err    error
}

// Bytes returns what was written.
func (w *Writer) Bytes() []byte { return w.buf }

// Err says whether something could not be written: more values than a Reader
// takes, or a Go value that is in no JSON tree.
func (w *Writer) Err() error { return w.err }

// Len returns how much was written.
func (w *Writer) Len() int { return len(w.buf) }

// Byte writes one byte.
func (w *Writer) Byte(b byte) { w.buf = append(w.buf, b) }

// Bool writes a truth value.
func (w *Writer) Bool(b bool) {
	if b {
		w.Byte(1)
		return
	}
	w.Byte(0)
}

// Int writes a number.
func (w *Writer) Int(n int64) { w.buf = binary.AppendVarint(w.buf, n) }

// Count writes a number that is not negative.
func (w *Writer) Count(n int) { w.buf = binary.AppendUvarint(w.buf, uint64(n)) } //nolint:gosec // lengths

// String writes text.
func (w *Writer) String(s string) {
	w.Count(len(s))
	w.buf = append(w.buf, s...)
}

// Blob writes bytes.
func (w *Writer) Blob(b []byte) {
	w.Count(len(b))
	w.buf = append(w.buf, b...)
}

// Strings writes a list of texts.
func (w *Writer) Strings(ss []string) {
	w.Count(len(ss))
	for _, s := range ss {
		w.String(s)
	}
}

// Map writes texts by name.
func (w *Writer) Map(m map[string]string) {
	w.Count(len(m))
	for k, v := range m {
		w.String(k)
		w.String(v)
	}
}

// The values of a JSON tree.
const (
	tagNil byte = iota
	tagFalse
	tagTrue
	tagInt
	tagFloat
	tagString
	tagList
	tagMap
)

// Tree writes a JSON tree as [lockstep.Object] has it.
func (w *Writer) Tree(v any) {
	if w.values++; w.values > MaxValues {
		w.err = ErrTooMany
		return
	}
	switch v := v.(type) {
	case nil:
		w.Byte(tagNil)
	case bool:
		w.Byte(tagFalse)
		if v {
			w.buf[len(w.buf)-1] = tagTrue
		}
	case int64:
		w.Byte(tagInt)
		w.Int(v)
	case float64:
		w.Byte(tagFloat)
		w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v))
	case string:
		w.Byte(tagString)
		w.String(v)
	case []any:
		w.Byte(tagList)
		w.Count(len(v))
		for _, e := range v {
			w.Tree(e)
		}
	case map[string]any:
		w.Byte(tagMap)
		w.Count(len(v))
		for k, e := range v {
			w.String(k)
			w.Tree(e)
		}
	default:
		w.err = ErrMalformed
	}
}

// Reader takes apart what a Writer wrote.
type Reader struct {
	buf    []byte
	values int
	err    error
	keys   map[string]string // the same few names come again and again
}

// NewReader reads b, which must not change meanwhile.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Err returns the first error, also when something is left over.
func (r *Reader) Err() error {
	if r.err == nil && len(r.buf) > 0 {
		return ErrMalformed
	}
	return r.err
}

// More says whether there is something left to read.
func (r *Reader) More() bool { return r.err == nil && len(r.buf) > 0 }

func (r *Reader) fail() {
	if r.err == nil {
		r.err = ErrMalformed
	}
	r.buf = nil
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.buf) == 0 {
		r.fail()
		return 0
	}
	b := r.buf[0]
	r.buf = r.buf[1:]
	return b
}

// Bool reads a truth value.
func (r *Reader) Bool() bool { return r.Byte() != 0 }

// Int reads a number.
func (r *Reader) Int() int64 {
	n, size := binary.Varint(r.buf)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.buf = r.buf[size:]
	return n
}

// Count reads the number of things that follow. It is never more than the bytes
// that are left, of which each thing takes one or more.
func (r *Reader) Count() int {
	n, size := binary.Uvarint(r.buf)
	if size <= 0 || n > uint64(len(r.buf)-size) {
		r.fail()
		return 0
	}
	r.buf = r.buf[size:]
	return int(n) //nolint:gosec // at most a length
}

// Blob reads bytes, which are part of the message.
func (r *Reader) Blob() []byte {
	n := r.Count()
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

// String reads text, copied: a name that is kept must not keep the message.
func (r *Reader) String() string { return string(r.Blob()) }

// Name reads text that comes often.
func (r *Reader) Name() string {
	b := r.Blob()
	if s, ok := r.keys[string(b)]; ok {
		return s
	}
	s := string(b)
	if r.keys == nil {
		r.keys = map[string]string{}
	}
	r.keys[s] = s
	return s
}

// Strings reads a list of texts, nil for an empty one.
func (r *Reader) Strings() []string {
	n := r.Count()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	for range n {
		out = append(out, r.String())
	}
	return slices.Clip(out)
}

// Map reads texts by name, nil for none.
func (r *Reader) Map() map[string]string {
	n := r.Count()
	if n == 0 {
		return nil
	}
	out := make(map[string]string, n/2)
	for range n {
		k := r.String()
		out[k] = r.String()
	}
	return out
}

// Tree reads a JSON tree.
func (r *Reader) Tree() any { return r.tree(0) }

func (r *Reader) tree(depth int) any {
	if r.values++; depth > maxDepth || r.values > MaxValues {
		r.fail()
		return nil
	}
	switch r.Byte() {
	case tagNil:
		return nil
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagInt:
		return r.Int()
	case tagFloat:
		return r.float()
	case tagString:
		return r.String()
	case tagList:
		return r.list(depth)
	case tagMap:
		return r.object(depth)
	}
	r.fail()
	return nil
}

func (r *Reader) float() any {
	if len(r.buf) < 8 {
		r.fail()
		return nil
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(r.buf))
	r.buf = r.buf[8:]
	return f
}

func (r *Reader) list(depth int) any {
	n := r.Count()
	if r.values+n > MaxValues {
		r.fail()
		return nil
	}
	out := make([]any, 0, n)
	for range n {
		out = append(out, r.tree(depth+1))
	}
	return out
}

func (r *Reader) object(depth int) any {
	n := r.Count()
	if r.values+n > MaxValues {
		r.fail()
		return nil
	}
	out := make(map[string]any, n)
	for range n {
		k := r.Name()
		out[k] = r.tree(depth + 1)
	}
	return out
}
