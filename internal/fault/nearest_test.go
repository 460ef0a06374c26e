package fault

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNearest(t *testing.T) {
	names := []string{"main", "release-3", "release-4", "feature/login"}
	cases := map[string]struct {
		why  string
		want string
		n    int
		got  []string
	}{
		"Typo":    {why: "A letter that is missing.", want: "relase-4", n: 2, got: []string{"release-4", "release-3"}},
		"Case":    {why: "Case is the commonest mistake of all.", want: "Main", n: 1, got: []string{"main"}},
		"NoNames": {why: "Asking for more than there is gives what there is.", want: "x", n: 9, got: []string{"main", "release-3", "release-4", "feature/login"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.got, Nearest(tc.want, names, tc.n)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestEdits(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"Prod", "prod", 0}} {
		if got := Edits(tc.a, tc.b); got != tc.want {
			t.Errorf("Edits(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
