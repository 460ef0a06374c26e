package bench

import (
	"os"
	"testing"

	"sigs.k8s.io/yaml"
)

// bound is one line of ranges.yaml.
type bound struct {
	Figure string   `json:"figure"`
	Stacks int      `json:"stacks,omitempty"` // 0: any number of Stacks
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
func check(t testing.TB, n int, figure string, v float64) {
	t.Helper()
	for _, b := range bounds(t) {
		if b.Figure != figure || b.Stacks != 0 && b.Stacks != n {
			continue
		}
		if v > *b.Max {
			t.Errorf("%s at n=%d is %.3g, above %.3g: %s", figure, n, v, *b.Max, b.Why)
		}
	}
}

func TestRangesHaveReasons(t *testing.T) {
	all := bounds(t)
	if len(all) == 0 {
		t.Fatal("ranges.yaml is empty")
	}
	for _, b := range all {
		if b.Figure == "" || b.Max == nil || b.Why == "" {
			t.Errorf("range %+v lacks a figure, a maximum or a reason", b)
		}
	}
}
