package db

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// DB is a store.Store on a database.
type DB struct {
	// write is where changes go, read what only reads: SQLite takes one writer at a
	// time, and nobody who reads is to wait for it.
	write, read *sql.DB
	dialect     dialect
	place       string
	close       func()
}

// dialect is what a database calls itself in migrations.
type dialect string

const (
	sqlite   dialect = "sqlite"
	postgres dialect = "postgres"
)

// Mode says what a store is opened for.
type Mode uint8

// The modes.
const (
	// Migrated brings the tables to what this version needs.
	Migrated Mode = iota
	// AsItIs changes nothing, for looking at a store that may be somebody else's.
	AsItIs
)

// Open opens the store at address: the path of a file, or a URL of PostgreSQL.
func Open(ctx context.Context, address string, m Mode) (*DB, error) {
	open := openSQLite
	if IsPostgres(address) {
		open = openPostgres
	}
	d, err := open(ctx, address, m)
	if err != nil {
		return nil, err
	}
	if m == AsItIs {
		return d, nil
	}
	if err := d.migrate(ctx); err != nil {
		_ = d.Close() // the first error says why
		return nil, err
	}
	return d, nil
}

// IsPostgres says whether address is a URL of PostgreSQL.
func IsPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// busy is how long SQLite waits for another process that writes.
const busy = "busy_timeout(5000)"

func openSQLite(_ context.Context, path string, m Mode) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.Internal(err)
	}
	if err := present(path, m); err != nil {
		return nil, err
	}
	base := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=" + busy
	// What was answered is on the disk: FULL, not NORMAL, as a power cut would
	// otherwise take the newest entries with it.
	writer := base + "&_txlock=immediate&_pragma=synchronous(FULL)"
	if m == Migrated {
		writer += "&_pragma=journal_mode(WAL)"
	}
	write, err := sql.Open("sqlite", writer)
	if err != nil {
		return nil, fault.Internal(err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", base+"&_pragma=query_only(1)")
	if err != nil {
		return nil, fault.Internal(errors.Join(err, write.Close()))
	}
	read.SetMaxOpenConns(4)
	return &DB{write: write, read: read, dialect: sqlite, place: path, close: func() {}}, nil
}

// present makes the file if it is to be made, readable by nobody else: the driver
// would leave that to the umask.
func present(path string, m Mode) error {
	if m == AsItIs {
		if _, err := os.Stat(path); err != nil {
			return fault.NotFound("there is no store at %q", path).Because(err).
				WithHint("name the file, lockstep.db in the server's data directory, or the URL of its PostgreSQL")
		}
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fault.Unavailable("the store %q cannot be opened", path).Because(err).WithHint("may the server write there?")
	}
	return f.Close()
}

// patience bounds how long a server of PostgreSQL may take to take a connection.
const patience = 5 * time.Second

func openPostgres(ctx context.Context, address string, _ Mode) (*DB, error) {
	c, err := pgxpool.ParseConfig(address)
	if err != nil {
		// Not the error's own text: it may quote the address.
		return nil, fault.Usage("the URL of the store is not one of PostgreSQL").
			WithHint("postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full, the password in a file (--store-file) or in PGPASSWORD")
	}
	c.MaxConns = 8
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = patience
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fault.Unavailable("the store cannot be used").Because(err)
	}
	place := (&url.URL{Scheme: "postgres", Host: c.ConnConfig.Host, Path: c.ConnConfig.Database}).String()
	over := stdlib.OpenDBFromPool(pool)
	return &DB{write: over, read: over, dialect: postgres, place: place, close: pool.Close}, nil
}

// Place is where the records are, without a password.
func (d *DB) Place() string { return d.place }

// Close ends all connections.
func (d *DB) Close() error {
	err := d.write.Close()
	if d.read != d.write {
		err = errors.Join(err, d.read.Close())
	}
	d.close()
	if err != nil {
		return fault.Internal(err)
	}
	return nil
}

// failed words what a database says. Whatever it is, trying again may help and the
// words are for operators.
func (d *DB) failed(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	return fault.Unavailable("the store %s does not do as asked: %s", d.place, err).Because(err)
}
