package bench

import (
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// bound is one line of ranges.yaml.
type bound struct {
	Bench  string   `json:"bench"` // prefix of the benchmark's name
	Figure string   `json:"figure"`
	Max    *float64 `json:"max"`
	Why    string   `json:"why"`
}

func bounds(t testing.TB) []bound {
	t.Helper()
	raw, err := os.ReadFile("ranges.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []bound
	if err := yaml.UnmarshalStrict(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// check fails the benchmark when a figure is out of its range.
func check(t testing.TB, bench, figure string, v float64) {
	t.Helper()
	for _, b := range bounds(t) {
		if b.Figure != figure || !strings.HasPrefix(bench, b.Bench) {
			continue
		}
		if v > *b.Max {
			t.Errorf("%s is %.3g, above %.3g: %s", figure, v, *b.Max, b.Why)
		}
	}
}

func TestRangesHaveReasons(t *testing.T) {
	all := bounds(t)
	if len(all) == 0 {
		t.Fatal("ranges.yaml is empty")
	}
	for _, b := range all {
		if b.Bench == "" || b.Figure == "" || b.Max == nil || b.Why == "" {
			t.Errorf("range %+v lacks a benchmark, a figure, a maximum or a reason", b)
		}
	}
}
