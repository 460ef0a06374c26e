package db

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Statements are written with ? for a parameter; PostgreSQL gets its numbers. No
// statement has a question mark or a value in its text.
func (d dialect) bind(query string) string {
	if d != postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// Tx is a transaction that takes statements with ?.
type Tx struct {
	tx      *sql.Tx
	dialect dialect
}

// Exec runs a statement.
func (t Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, t.dialect.bind(query), args...)
}

// Query runs a query.
func (t Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, t.dialect.bind(query), args...)
}

// QueryRow runs a query for one row.
func (t Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, t.dialect.bind(query), args...)
}

// Change runs f in a transaction, which is undone if f fails.
func (d *DB) Change(ctx context.Context, f func(Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.failed(err)
	}
	if err := f(Tx{tx, d.dialect}); err != nil {
		_ = tx.Rollback() // the first error says why
		return d.failed(err)
	}
	return d.failed(tx.Commit())
}

// Rows runs a query outside of a transaction and calls each for every row.
func (d *DB) Rows(ctx context.Context, each func(*sql.Rows) error, query string, args ...any) error {
	rows, err := d.read.QueryContext(ctx, d.dialect.bind(query), args...)
	if err != nil {
		return d.failed(err)
	}
	return d.failed(walk(rows, each))
}

// Row reads one row; sql.ErrNoRows, as it is, if there is none.
func (d *DB) Row(ctx context.Context, query string, args []any, into ...any) error {
	return d.read.QueryRowContext(ctx, d.dialect.bind(query), args...).Scan(into...)
}

func walk(rows *sql.Rows, each func(*sql.Rows) error) error {
	defer func() { _ = rows.Close() }() // rows.Err says what went wrong
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// marks returns n parameters: "?, ?, ?".
func marks(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}
