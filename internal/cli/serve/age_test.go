package serve

import (
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	cases := map[string]struct {
		why, in, out string
		want         time.Duration
		bad          bool
	}{
		"Days":     {"", "90d", "90d", 90 * aDay, false},
		"Hours":    {"", "36h", "36h0m0s", 36 * time.Hour, false},
		"Ever":     {"", "0", "0", 0, false},
		"Short":    {"A slip must not remove the record.", "90s", "", 0, true},
		"Negative": {"", "-90d", "", 0, true},
		"NoDays":   {"Zero days is a slip: for ever is 0.", "0d", "", 0, true},
		"Huge":     {"It must not overflow.", "99999999d", "", 0, true},
		"TooLong":  {"", "65000d", "", 0, true},
		"Number":   {"Of what?", "90", "", 0, true},
		"Empty":    {"", "", "", 0, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := time.Duration(7)
			err := age{&d}.Set(tc.in)
			if (err != nil) != tc.bad {
				t.Fatalf("%s\n%q: %v", tc.why, tc.in, err)
			}
			if tc.bad {
				if d != 7 {
					t.Errorf("a refused value was taken: %s", d)
				}
				return
			}
			if s := (age{&d}).String(); d != tc.want || s != tc.out {
				t.Errorf("%s\n%q is %s, printed %q", tc.why, tc.in, d, s)
			}
		})
	}
}
