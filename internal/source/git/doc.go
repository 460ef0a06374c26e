// Package git pulls desired state from Git repositories.
//
// The work is done by the native git program: one process for a fetch, and a
// few kept `cat-file` processes for each mirror that answer every read. There is
// one bare mirror for each address, shared by all who use it, and nothing is
// ever checked out: a [lockstep.Tree] reads the object store, with parsed
// directories cached by hash, so that what a commit did not touch is not read
// again.
//
// A repository is untrusted. Its hooks, config and attributes are never looked
// at; git runs with an environment and a configuration that hold what this
// package puts there and nothing else; and addresses that would make git run a
// program are refused by giturl before git sees them.
//
// Start at [New]. fetch.go asks the remote, snapshot.go reads, run.go starts
// git, auth.go hands it credentials, classify.go turns what it says into faults,
// and upkeep.go keeps a mirror sound.
package git
