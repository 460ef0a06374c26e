package v1alpha1_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestStackLabelValue(t *testing.T) {
	cases := map[string]struct {
		why  string
		unit lockstep.Unit
		want string // "" where only the form counts
	}{
		"Short":   {"people select by it", lockstep.Unit{Namespace: "payments", Name: "shop"}, "payments.shop"},
		"Longest": {"63 characters still fit", lockstep.Unit{Namespace: "a", Name: strings.Repeat("x", 61)}, "a." + strings.Repeat("x", 61)},
		"TooLong": {"64 do not", lockstep.Unit{Namespace: "a", Name: strings.Repeat("x", 62)}, ""},
		"CutAtADot": {"a value may not have a dot before the hash's dash",
			lockstep.Unit{Namespace: "a", Name: strings.Repeat("x", 49) + "..." + strings.Repeat("y", 30)}, ""},
	}
	seen := map[string]string{}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := v1alpha1.StackLabelValue(tc.unit)
			if errs := validation.IsValidLabelValue(got); len(errs) > 0 {
				t.Errorf("%s\n%q: %v", tc.why, got, errs)
			}
			if tc.want != "" && got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.why, got, tc.want)
			}
			if other := seen[got]; other != "" {
				t.Errorf("%s and %s have the label %q", name, other, got)
			}
			seen[got] = name
		})
	}
	a := v1alpha1.StackLabelValue(lockstep.Unit{Namespace: "a", Name: strings.Repeat("x", 100) + "1"})
	b := v1alpha1.StackLabelValue(lockstep.Unit{Namespace: "a", Name: strings.Repeat("x", 100) + "2"})
	if a == b {
		t.Error("two long names have one label")
	}
}

// FuzzStackLabelValue: every name that Kubernetes allows gets a value that it
// allows, and a value that was cut shows that it was.
func FuzzStackLabelValue(f *testing.F) {
	f.Add("payments", "shop")
	f.Add("a", strings.Repeat("x", 62))
	f.Add("a", strings.Repeat("x", 49)+"-.-"+strings.Repeat("y", 30))
	f.Add(strings.Repeat("n", 63), strings.Repeat("x.", 126)+"x")
	f.Fuzz(func(t *testing.T, namespace, name string) {
		if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
			return // the API refuses such an object
		}
		got := v1alpha1.StackLabelValue(lockstep.Unit{Namespace: namespace, Name: name})
		if errs := validation.IsValidLabelValue(got); len(errs) > 0 {
			t.Errorf("%q: %v", got, errs)
		}
		full := namespace + "." + name
		if fits := len(full) <= 63; fits != (got == full) {
			t.Errorf("%q became %q", full, got)
		}
		// One letter more is another Stack.
		if other := v1alpha1.StackLabelValue(lockstep.Unit{Namespace: namespace, Name: name + "x"}); other == got {
			t.Errorf("%q and %q have the label %q", full, full+"x", got)
		}
	})
}
