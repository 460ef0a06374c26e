package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// startPauses is how long a start waits between tries of what it cannot do without.
// An API server that is being upgraded answers the next one; an address that is
// wrong is still reported within a few seconds.
var startPauses = []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond}

// patiently tries again what failed because the API did not answer.
func patiently(ctx context.Context, log *slog.Logger, what string, try func() error) error {
	for _, pause := range startPauses {
		err := try()
		if err == nil || fault.KindOf(err) != fault.KindUnavailable {
			return err
		}
		log.Warn("tried again soon", "what", what, "err", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
	return try()
}
