package credentials_test

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/store/credentials"
	"github.com/lockstep-dev/lockstep/internal/store/credentials/credentialstest"
)

func TestConformance(t *testing.T) {
	credentialstest.Run(t, func(*testing.T) credentials.Keeper { return credentials.NewMemory() })
}
