package db

import (
	"context"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// migrations has one folder for each dialect. A file is never changed once it was
// released, and its name begins with the time at which it was written, so that
// those of several people sort into one order.
//
//go:embed migrations
var migrations embed.FS

func (d *DB) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations/"+string(d.dialect))
	if err != nil {
		return fault.Internal(err)
	}
	opts := []goose.ProviderOption{
		goose.WithDisableGlobalRegistry(true),
		// Two people's migrations may arrive in another order than they were written.
		goose.WithAllowOutofOrder(true),
	}
	dialect := goose.DialectSQLite3
	if d.dialect == postgres {
		dialect = goose.DialectPostgres
		one, err := lock.NewPostgresSessionLocker() // replicas start together
		if err != nil {
			return fault.Internal(err)
		}
		opts = append(opts, goose.WithSessionLocker(one))
	}
	p, err := goose.NewProvider(dialect, d.write, files, opts...)
	if err != nil {
		return fault.Internal(err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fault.Unavailable("the tables of the store %s cannot be brought up to date: %s", d.place, err).Because(err).
			WithHint("may the user create tables? is the disk full?")
	}
	return nil
}
