package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestPauseWish(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	cases := map[string]struct {
		why   string
		in    string
		until string
		kind  fault.Kind
	}{
		"Endless":  {why: "Without a time it lasts."},
		"Hours":    {why: "What people type.", in: "2h", until: "2026-01-02T05:04:06Z"},
		"Past":     {why: "A pause that is over is none.", in: "-1h", kind: fault.KindUsage},
		"Nothing":  {why: "Nor is one of no time.", in: "0", kind: fault.KindUsage},
		"TooLong":  {why: "For good is said otherwise.", in: "100000h", kind: fault.KindUsage},
		"Overflow": {why: "A number beyond all years is a mistake.", in: "9999999999h", kind: fault.KindUsage},
		"Word":     {why: "Words are no times.", in: "tomorrow", kind: fault.KindUsage},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := PauseWish{For: tc.in, Reason: "because"}.pause(lockstep.Person{Name: strings.Repeat("ä", 300)}, now)
			if tc.kind != fault.KindInternal {
				if err == nil || fault.KindOf(err) != tc.kind {
					t.Errorf("%s\ngot %v", tc.why, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", tc.why, err)
			}
			until := ""
			if p.Until != nil {
				until = p.Until.Format(time.RFC3339)
			}
			if until != tc.until || p.Reason != "because" || len([]rune(p.By)) != 256 {
				t.Errorf("%s\ngot %+v", tc.why, p)
			}
		})
	}
}
