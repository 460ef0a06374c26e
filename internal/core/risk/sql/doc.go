// Package sql says what the statements of migrations may cost, in the dialects of
// PostgreSQL and MySQL, without a database.
//
// It reads words and not grammar: a tokenizer that knows comments, strings, dollar
// quotes and identifiers splits a file into statements, and each is told by its first
// words. A full parser of PostgreSQL is 16 MB of WebAssembly and takes two seconds to
// begin, knows one dialect, and refuses the whole file for one statement that it does
// not know. What cannot be read here is said so, and never passed over.
//
// Start at [Judge]. token.go reads, split.go finds statements, statement.go and
// alter.go tell them, types.go compares types of columns and files.go is about which
// files are migrations, and what became of those that were applied.
package sql
