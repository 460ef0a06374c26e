// Package store is what Lockstep remembers of what happened: who did what to
// which Stack, when, why and with what result.
//
// An [Entry] is appended and never changed. Each carries the hash of the one
// before, so that removing, changing or reordering any of them shows ([Verifier],
// docs/adr/0012-history.md). A [Release] is the record of one plan carried out; it
// is a row of its own because people ask for it by number, and the entry that ends
// it carries its digest.
//
// [Store] is the contract; package storetest holds what every implementation
// promises and package db fulfils it on SQLite and on PostgreSQL. Package journal
// takes records from those that must not wait.
package store
