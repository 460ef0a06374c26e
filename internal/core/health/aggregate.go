package health

import (
	"fmt"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Part is the health of one object of many.
type Part struct {
	Key    lockstep.Key
	Health lockstep.Health
}

// Aggregate returns the worst health of parts. Its message names the first of
// the worst, by key, and counts the others. Order does not matter, and parts is
// not changed.
func Aggregate(parts []Part) lockstep.Health {
	if len(parts) == 0 {
		return ok()
	}
	worst := slices.MinFunc(parts, func(a, b Part) int {
		if a.Health.Status != b.Health.Status {
			return int(b.Health.Status) - int(a.Health.Status)
		}
		return a.Key.Compare(b.Key)
	})
	status := worst.Health.Status
	if status == lockstep.Healthy {
		return ok()
	}
	others := -1
	for _, p := range parts {
		if p.Health.Status == status {
			others++
		}
	}
	message := worst.Key.String()
	if worst.Health.Message != "" {
		message += ": " + worst.Health.Message
	}
	if others > 0 {
		message += fmt.Sprintf("; and %d more", others)
	}
	return lockstep.Health{Status: status, Message: message}
}
