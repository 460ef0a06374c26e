// Package member makes this process one of the replicas that share the work.
//
// It keeps the process's Lease, watches those of the others, and answers one
// question: may I act on this now? A pass enters with a [Permit], which says so at
// its start; every write that it sends asks again, and a pass whose item goes to
// another replica is told to stop. Who owns what is decided in internal/core/shard.
//
// Start at [Member]. identity.go says who this process is, lease.go what is
// written, permit.go what a pass holds.
package member
