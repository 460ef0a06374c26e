// Package shard decides which of several replicas acts on what.
//
// Every replica is a member and announces itself with a lease: a record that all
// can read, that it renews, and that carries the set of members which it goes by,
// its view. The one with the highest hash of member and item in a view wins the
// item in it (rendezvous hashing), so a member that comes or goes moves only the
// items that it wins.
//
// Views differ for a while after each change, so winning is not enough. A member
// acts on an item while it wins in its own view, published and read back, and no
// other lease carries a view in which that other member wins. It publishes a view
// only once it has stopped acting on what the view gives away. The decision record
// on replicas (docs/adr) has the argument why no two members ever act on one item
// at the same time; the simulation in this package's tests tries to refute it.
//
// Nothing here reads a clock or a lease: callers say what they saw and when, on
// the clock of their own machine. Start at [Replica]; view.go has the hash.
package shard
