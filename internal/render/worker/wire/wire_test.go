package wire

import (
	"math"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTree(t *testing.T) {
	cases := map[string]struct {
		why string
		in  any
	}{
		"Nothing": {why: "null is a value.", in: nil},
		"Truth":   {why: "Both.", in: []any{true, false}},
		"Numbers": {why: "Integers and floats stay what they are.", in: []any{int64(math.MinInt64), int64(math.MaxInt64), 1.0, -0.5, math.MaxFloat64}},
		"Text":    {why: "Any bytes.", in: "a\x00\xff"},
		"Object":  {why: "As objects are.", in: map[string]any{"a": map[string]any{}, "b": []any{}, "": "x"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var w Writer
			w.Tree(tc.in)
			r := NewReader(w.Bytes())
			got := r.Tree()
			if w.Err() != nil || r.Err() != nil {
				t.Fatalf("%s\nwrite: %v, read: %v", tc.why, w.Err(), r.Err())
			}
			if diff := cmp.Diff(tc.in, got); diff != "" {
				t.Errorf("%s\n(-written +read):\n%s", tc.why, diff)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	deep := make([]byte, 0, 4*maxDepth)
	for range 2 * maxDepth {
		deep = append(deep, tagList, 1)
	}
	cases := map[string]struct {
		why string
		in  []byte
	}{
		"Empty":    {why: "There is always a value.", in: nil},
		"Long":     {why: "A length is never more than what follows.", in: []byte{tagString, 0xff, 0xff, 0xff, 0xff, 0x0f}},
		"Negative": {why: "Nor does it overflow.", in: []byte{tagList, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
		"Deep":     {why: "Nesting ends before the stack does.", in: deep},
		"LeftOver": {why: "A message is read to its end.", in: []byte{tagNil, 0}},
		"Unknown":  {why: "Values of later versions are none.", in: []byte{99}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := NewReader(tc.in)
			r.Tree()
			if r.Err() == nil {
				t.Errorf("%s\nread without an error", tc.why)
			}
		})
	}
}

func FuzzReader(f *testing.F) {
	var w Writer
	w.Tree(map[string]any{"a": []any{int64(1), 2.5, "x", nil, true}})
	f.Add(w.Bytes())
	f.Add([]byte{tagList, 3, tagNil, tagNil, tagMap, 0})
	f.Add([]byte{tagList, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, in []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := NewReader(in)
		v := r.Tree()
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(1<<20+400*len(in)) {
			t.Errorf("%d bytes became %d", len(in), grown)
		}
		if r.Err() != nil {
			return
		}
		var w Writer
		w.Tree(v)
		again := NewReader(w.Bytes())
		if diff := cmp.Diff(v, again.Tree(), cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })); diff != "" {
			t.Errorf("not the same when written again:\n%s", diff)
		}
		NewReader(in).Strings()
		NewReader(in).Map()
	})
}
