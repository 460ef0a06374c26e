// Package db is the store on a database: SQLite in the data directory by default,
// PostgreSQL for several replicas. Both are spoken to in one dialect of SQL, with
// migrations of their own that only ever go forward.
//
// Start at [Open].
package db
