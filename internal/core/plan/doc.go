// Package plan decides what should happen to a unit next.
//
// It compares what Git asks for and what is live now, and returns a [Plan]: an
// ordered list of steps, each naming one object, one verb and the reason for
// it.
//
// Nothing here opens a connection, reads a file or asks the time; callers pass
// those in as [Facts]. Equal facts give byte-for-byte equal plans, which is what
// lets a plan be shown to a person on Monday and applied unchanged on Tuesday.
//
// Start at [Make]. order sorts into stages, prune.go chooses deletions and
// explain.go writes the sentences that every surface prints.
package plan
