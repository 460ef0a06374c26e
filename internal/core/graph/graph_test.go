package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func unit(name string) lockstep.Unit { return lockstep.Unit{Namespace: "n", Name: name} }

// edges reads "a>b,c b>c".
func edges(s string) Edges {
	out := Edges{}
	for _, e := range strings.Fields(s) {
		from, to, _ := strings.Cut(e, ">")
		out[unit(from)] = nil
		for _, d := range strings.FieldsFunc(to, func(r rune) bool { return r == ',' }) {
			out[unit(from)] = append(out[unit(from)], unit(d))
		}
	}
	return out
}

func names(units []lockstep.Unit) string {
	var out []string
	for _, u := range units {
		out = append(out, u.Name)
	}
	return strings.Join(out, " ")
}

func TestGraph(t *testing.T) {
	cases := map[string]struct {
		why   string
		in    string
		from  string
		cycle string
		waves []string
		stuck string
	}{
		"Chain":       {"Each waits for the next.", "a>b b>c", "a", "", []string{"c", "b", "a"}, ""},
		"Diamond":     {"Two ways to one unit are no circle.", "a>b,c b>d c>d", "a", "", []string{"d", "b c", "a"}, ""},
		"Self":        {"A unit that waits for itself waits for ever.", "a>a", "a", "a", nil, "a"},
		"Circle":      {"Every unit in it reports the same circle.", "b>c c>a a>b", "c", "a b c", nil, "a b c"},
		"Downstream":  {"Who waits for a circle is told so.", "x>c b>c c>b z>", "x", "b c", []string{"z"}, "b c x"},
		"Upstream":    {"A unit before the circle is not held by it.", "b>c,d c>b", "d", "", []string{"d"}, "b c"},
		"Shortest":    {"The shortest circle is the easiest to break.", "a>b b>c,a c>d d>a", "a", "a b", nil, "a b c d"},
		"DoubledEdge": {"Naming a dependency twice changes nothing.", "a>b,b", "a", "", []string{"b", "a"}, ""},
		"Nothing":     {"A unit alone.", "a>", "a", "", []string{"a"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := edges(tc.in)
			if got := names(Cycle(e, unit(tc.from))); got != tc.cycle {
				t.Errorf("%s\nCycle = %q, want %q", tc.why, got, tc.cycle)
			}
			waves, stuck := Waves(e)
			var got []string
			for _, w := range waves {
				got = append(got, names(w))
			}
			if diff := cmp.Diff(tc.waves, got); diff != "" {
				t.Errorf("%s\nWaves (-want +got):\n%s", tc.why, diff)
			}
			if got := names(stuck); got != tc.stuck {
				t.Errorf("%s\nstuck %q, want %q", tc.why, got, tc.stuck)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	if got := Print([]lockstep.Unit{unit("a"), unit("b")}); got != "n/a → n/b → n/a" {
		t.Errorf("Print = %q", got)
	}
}

func TestDependants(t *testing.T) {
	d := NewDependants(edges("a>b b>c x>c,c y>"))
	if got := names(d.Of(unit("c"))); got != "b x" {
		t.Errorf("Of = %q, want those that name it", got)
	}
	if got := names(d.All(unit("c"))); got != "a b x" {
		t.Errorf("All = %q, want those that wait through others too", got)
	}
	if got := d.Of(unit("y")); len(got) != 0 {
		t.Errorf("nobody waits for y, got %v", got)
	}
}

// FuzzGraph checks what must hold for any graph: a circle is one, a wave depends
// on earlier ones only, and units are stuck exactly when they reach a circle.
func FuzzGraph(f *testing.F) {
	f.Add([]byte{0x01, 0x12, 0x20})
	f.Add([]byte{0x01, 0x02, 0x13, 0x23})
	f.Fuzz(func(t *testing.T, in []byte) {
		e := Edges{}
		for _, b := range in[:min(len(in), 40)] {
			from := unit(string('a' + rune(b>>4)))
			e[from] = append(e[from], unit(string('a'+rune(b&15))))
		}
		waves, stuck := Waves(e)
		done := map[lockstep.Unit]bool{}
		for _, w := range waves {
			for _, u := range w {
				if slices.ContainsFunc(e[u], func(d lockstep.Unit) bool { return !done[d] }) {
					t.Errorf("%s is in a wave before what it depends on", u)
				}
				if Cycle(e, u) != nil {
					t.Errorf("%s is in a wave and reaches a circle", u)
				}
			}
			for _, u := range w {
				done[u] = true
			}
		}
		for _, u := range stuck {
			c := Cycle(e, u)
			if c == nil {
				t.Errorf("%s is stuck without a circle", u)
			}
			for i, v := range c {
				if !slices.Contains(e[v], c[(i+1)%len(c)]) {
					t.Errorf("%s is no circle", Print(c))
				}
			}
		}
	})
}
