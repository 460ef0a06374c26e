package memory

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/state/statetest"
)

func TestConformance(t *testing.T) {
	v := New()
	statetest.Run(t, func(*testing.T) state.Vault { return v })
}
