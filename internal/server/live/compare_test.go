package live

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// things are objects by "namespace/name=value".
func things(of string) []lockstep.Object {
	var out []lockstep.Object
	for word := range strings.FieldsSeq(of) {
		at, value, _ := strings.Cut(word, "=")
		namespace, name, _ := strings.Cut(at, "/")
		out = append(out, lockstep.Object{Tree: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": name, "namespace": namespace},
			"data":     map[string]any{"a": value},
		}})
	}
	return out
}

func TestPairs(t *testing.T) {
	cases := map[string]struct {
		why, a, b string
		want      []string
	}{
		"Same":      {"By key.", "x/a=1 x/b=1", "x/b=1 x/a=2", []string{"changed x/a data.a"}},
		"Gone":      {"", "x/a=1", "", []string{"removed x/a "}},
		"Come":      {"", "", "x/a=1", []string{"added x/a "}},
		"Elsewhere": {"Two Stacks of one application have it in two namespaces.", "x/a=1", "y/a=2", []string{"changed x/a y/a data.a"}},
		"Moved":     {"The namespace alone is no difference.", "x/a=1", "y/a=1", nil},
		"KeyFirst":  {"What has the same key belongs together, whatever else has the name.", "x/a=1 y/a=1", "y/a=1", []string{"removed x/a "}},
		"Doubt":     {"Which of two it is nobody can say.", "x/a=1", "y/a=1 z/a=1", []string{"removed x/a ", "added y/a ", "added z/a "}},
		"DoubtBack": {"", "y/a=1 z/a=1", "x/a=1", []string{"removed y/a ", "removed z/a ", "added x/a "}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := Compared{}
			for _, p := range pairs(things(tc.a), things(tc.b)) {
				if x, same := p.compared(diff.Digester{}); !same {
					c.Changes = append(c.Changes, x)
				}
			}
			c.cut()
			if diff := cmp.Diff(tc.want, told(c)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func told(c Compared) (out []string) {
	short := func(id string) string { return strings.TrimPrefix(id, "ConfigMap/") }
	for _, x := range c.Changes {
		words := []string{x.Change, short(x.ID)}
		if x.Other != "" {
			words = append(words, short(x.Other))
		}
		var fields []string
		for _, f := range x.Fields {
			fields = append(fields, f.Path)
		}
		out = append(out, strings.Join(append(words, strings.Join(fields, " ")), " "))
	}
	return out
}

func TestTurned(t *testing.T) {
	c := Compared{From: "live", To: "4f1c2aa", Same: 2, Changes: []RevisionChange{
		{ID: "a", Change: "changed", Before: "1", After: "2", Fields: []FieldState{{Path: "p", Live: "1", Git: "2"}}},
		{ID: "b", Change: "added", After: "x"},
		{ID: "c", Change: "removed", Before: "y"},
	}}
	want := Compared{From: "4f1c2aa", To: "live", Same: 2, Changes: []RevisionChange{
		{ID: "b", Change: "removed", Before: "x"},
		{ID: "a", Change: "changed", Before: "2", After: "1", Fields: []FieldState{{Path: "p", Live: "2", Git: "1"}}},
		{ID: "c", Change: "added", After: "y"},
	}}
	if diff := cmp.Diff(want, c.turned()); diff != "" {
		t.Errorf("from the other side (-want +got):\n%s", diff)
	}
}

// TestMostDifferent: what is left out is counted, also when it is turned round.
func TestMostDifferent(t *testing.T) {
	c := Compared{}
	for i := range mostDifferent + 3 {
		c.Changes = append(c.Changes, RevisionChange{ID: fmt.Sprintf("%03d", i), Change: "added"})
	}
	c.cut()
	if c = c.turned(); c.Left != 3 || len(c.Changes) != mostDifferent {
		t.Errorf("%d are told and %d left out", len(c.Changes), c.Left)
	}
}
