package live

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAskedFor(t *testing.T) {
	type m = map[string]any
	cases := map[string]struct {
		why              string
		live, want, hope any
	}{
		"Defaults": {why: "What the server filled in is not compared.",
			live: m{"a": "x", "b": "y"}, want: m{"a": "z"}, hope: m{"a": "x"}},
		"Gone": {why: "A field that is gone stays gone, so that it shows.",
			live: m{}, want: m{"a": "z"}, hope: m{}},
		"Named": {why: "Containers are one another's counterparts by name, wherever they stand.",
			live: []any{m{"name": "side"}, m{"name": "web", "image": "1", "tty": false}}, want: []any{m{"name": "web", "image": "2"}},
			hope: []any{m{"name": "side"}, m{"name": "web", "image": "1"}}},
		"Nameless": {why: "Items without names are told apart by place, and more of them show.",
			live: []any{m{"port": int64(1), "protocol": "TCP"}, "x"}, want: []any{m{"port": int64(2)}}, hope: []any{m{"port": int64(1)}, "x"}},
		"OtherShape": {why: "What is of another shape shows as it is.", live: "x", want: m{"a": "b"}, hope: "x"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.hope, askedFor(tc.live, tc.want)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}
