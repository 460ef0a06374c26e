package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// isJSON says whether a file is read as JSON: its name says so, or it starts as
// JSON does and is whole JSON. A YAML flow mapping starts with a brace as well.
func isJSON(file string, data []byte) bool {
	if strings.HasSuffix(file, ".json") {
		return true
	}
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(data)
}

// json reads one JSON value after another, as kubectl does.
func (d *decoder) json(data []byte) {
	r := &jsonReader{d: d, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	for !d.full {
		before := len(d.errs)
		line := r.nextLine()
		r.items = nil
		v, err := r.value(0, "")
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.syntax(err)
			return
		}
		if len(d.errs) > before {
			continue
		}
		d.take(document{tree: v, line: line, items: r.items})
	}
}

// jsonReader decodes token by token, because the standard decoder neither
// reports keys that are set twice nor says where a value stands.
type jsonReader struct {
	d     *decoder
	data  []byte
	dec   *json.Decoder
	items []int // lines of the elements of the top-level "items"
	// Where line counting has come to.
	at, line int
}

// nextLine returns the line of the next token's first byte.
func (r *jsonReader) nextLine() int { return r.lineAfter(int(r.dec.InputOffset())) }

// lineAfter returns the line of the first byte from off on that begins
// something.
func (r *jsonReader) lineAfter(off int) int {
	for off < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[off]) >= 0 {
		off++
	}
	return r.lineAt(off)
}

func (r *jsonReader) lineAt(off int) int {
	off = min(off, len(r.data))
	if off < r.at {
		r.at, r.line = 0, 0
	}
	r.line += bytes.Count(r.data[r.at:off], []byte("\n"))
	r.at = off
	return r.line + 1
}

var errTooDeep = fmt.Errorf("values are nested more than %d deep", MaxDepth)

func (r *jsonReader) value(depth int, path string) (any, error) {
	if depth > MaxDepth {
		return nil, errTooDeep
	}
	t, err := r.dec.Token()
	if err != nil {
		return nil, midway(err, depth)
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(depth)
		}
		return r.array(depth, path)
	case json.Number:
		return r.number(t), nil
	}
	return t, nil
}

// midway makes the end of the input an error where a value has begun.
func midway(err error, depth int) error {
	if depth > 0 && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *jsonReader) object(depth int) (any, error) {
	out := map[string]any{}
	for r.dec.More() {
		line := r.nextLine()
		t, err := r.dec.Token()
		if err != nil {
			return nil, midway(err, 1)
		}
		k, _ := t.(string)
		path := ""
		if depth == 0 {
			path = k
		}
		v, err := r.value(depth+1, path)
		if err != nil {
			return nil, err
		}
		if _, dup := out[k]; dup {
			r.d.fail(line, fault.Invalid("key %q is set twice in the same object", k))
		}
		out[k] = v
	}
	_, err := r.dec.Token()
	return out, midway(err, 1)
}

func (r *jsonReader) array(depth int, path string) (any, error) {
	out := []any{}
	for r.dec.More() {
		if depth == 1 && path == "items" {
			r.items = append(r.items, r.nextLine())
		}
		v, err := r.value(depth+1, "")
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := r.dec.Token()
	return out, midway(err, 1)
}

func (r *jsonReader) number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		r.d.fail(r.nextLine(), fault.Invalid("number %s is too large", short(n.String())))
		return nil
	}
	return integral(f)
}

func (r *jsonReader) syntax(err error) {
	if errors.Is(err, errTooDeep) {
		r.d.fail(r.nextLine(), fault.Invalid("%s", errTooDeep))
		return
	}
	off := int(r.dec.InputOffset())
	var syn *json.SyntaxError
	if errors.As(err, &syn) {
		off = int(syn.Offset) - 1
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		r.d.fail(r.lineAt(len(bytes.TrimRight(r.data, " \t\r\n"))), fault.Invalid("not valid JSON: the file ends too early"))
		return
	}
	r.d.fail(r.lineAfter(max(off, 0)), fault.Invalid("not valid JSON: %s", err))
}

// decodeJSON is Decode's reading of a JSON document that is known to be well
// formed, without any check on what it holds.
func decodeJSON(data []byte) (any, error) {
	d := &decoder{}
	r := &jsonReader{d: d, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	v, err := r.value(0, "")
	return v, errors.Join(err, fault.Join(d.errs...))
}

// FromJSON makes an object of the JSON that a renderer hands out, with the
// checks that Decode does.
func FromJSON(origin lockstep.Origin, data []byte) (lockstep.Object, error) {
	tree, err := decodeJSON(data)
	if err != nil {
		return lockstep.Object{}, fault.Invalid("not valid JSON").At("%s", origin).Because(err)
	}
	m, ok := tree.(map[string]any)
	if !ok {
		return lockstep.Object{}, fault.Invalid("a %s was rendered, not a Kubernetes object", kindOf(tree)).At("%s", origin)
	}
	d := &decoder{file: origin.File}
	if !d.identify(m, document{tree: m, line: origin.Line}) {
		return lockstep.Object{}, fault.Join(d.errs...)
	}
	return lockstep.Object{Tree: m, Origin: origin}, nil
}
