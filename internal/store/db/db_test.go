package db_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/internal/store/storetest"
	"github.com/lockstep-dev/lockstep/test/postgres"
)

func TestMain(m *testing.M) { postgres.Main(m) }

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Made {
		return made(t, filepath.Join(t.TempDir(), "a ?&#%.db"), "sqlite")
	})
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Made { return made(t, postgres.Database(t), "pgx") })
}

func made(t *testing.T, address, driver string) storetest.Made {
	t.Helper()
	open := func() store.Store {
		s, err := db.Open(t.Context(), address, db.Migrated)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	name := address
	if driver == "sqlite" {
		name = db.FileURL(address)
	}
	behind, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = behind.Close() })
	return storetest.Made{Store: open(), Again: open, SQL: func(statement string, args ...any) {
		t.Helper()
		if _, err := behind.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}}
}
