package db_test

import (
	"path/filepath"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/store/credentials"
	"github.com/lockstep-dev/lockstep/internal/store/credentials/credentialstest"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/test/postgres"
)

func TestCredentialsSQLite(t *testing.T) {
	credentialstest.Run(t, func(t *testing.T) credentials.Keeper { return opened(t, filepath.Join(t.TempDir(), "lockstep.db")) })
}

func TestCredentialsPostgres(t *testing.T) {
	credentialstest.Run(t, func(t *testing.T) credentials.Keeper { return opened(t, postgres.Database(t)) })
}

func opened(t *testing.T, address string) credentials.Keeper {
	t.Helper()
	d, err := db.Open(t.Context(), address, db.Migrated)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d.Credentials()
}
