package db

import (
	"path/filepath"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/store/credentials"
	"github.com/lockstep-dev/lockstep/internal/store/credentials/credentialstest"
)

func TestCredentialsSQLite(t *testing.T) {
	credentialstest.Run(t, func(t *testing.T) credentials.Keeper {
		d, err := Open(t.Context(), filepath.Join(t.TempDir(), "lockstep.db"), Migrated)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d.Credentials()
	})
}
