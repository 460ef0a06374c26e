package httpapi

import "testing"

func FuzzPosition(f *testing.F) {
	for _, s := range []string{"", "1", "zz", "-1", "0", "01", "9999999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := position(s)
		if err == nil && cursor(n) != s {
			t.Errorf("%q was read as %d, which is written %q", s, n, cursor(n))
		}
	})
}
