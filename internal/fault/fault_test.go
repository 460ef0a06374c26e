package fault

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
)

func TestKindOf(t *testing.T) {
	cases := map[string]struct {
		why  string
		err  error
		want Kind
	}{
		"None":    {"Nothing went wrong, and whoever asks about it is not punished.", nil, KindNone},
		"Plain":   {"An error of somebody else is ours to explain.", errors.New("x"), KindInternal},
		"Fault":   {"", NotFound("x"), KindNotFound},
		"Wrapped": {"", fmt.Errorf("while looking: %w", Denied("x")), KindDenied},
		"Many":    {"The first of several stands for them.", Join(Blocked("x"), NotFound("y")), KindBlocked},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := KindOf(tc.err); got != tc.want {
				t.Errorf("%s\ngot %v, want %v", tc.why, got, tc.want)
			}
		})
	}
	if c := KindNone.Consequence(); c.Status != http.StatusOK || c.Exit != 0 {
		t.Errorf("no error leads to %+v", c)
	}
	if c := Kind(200).Consequence(); c.Exit != 1 {
		t.Errorf("a kind that there is not leads to %+v", c)
	}
}
