package server

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestPatiently(t *testing.T) {
	down, denied := fault.Unavailable("down"), fault.Denied("no")
	tests := map[string]struct {
		why   string
		err   error
		fails int // how often, before it works
		tries int
		want  error
	}{
		"at once":     {"nothing to wait for", nil, 0, 1, nil},
		"down first":  {"an API that comes back is waited for", down, 2, 3, nil},
		"denied":      {"rights do not come by waiting", denied, 9, 1, denied},
		"down always": {"a wrong address is reported", down, 99, len(startPauses) + 1, down},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tries := 0
			err := patiently(t.Context(), slog.New(slog.DiscardHandler), "x", func() error {
				if tries++; tries <= tt.fails {
					return tt.err
				}
				return nil
			})
			if tries != tt.tries || !errors.Is(err, tt.want) {
				t.Errorf("%d tries and %v, want %d and %v: %s", tries, err, tt.tries, tt.want, tt.why)
			}
		})
	}
}
