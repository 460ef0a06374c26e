// Package run is the state machine of a release: what has been done of it, what
// is to be done now, and what it waits for.
//
// A release whose objects are in one wave and that has no hooks is carried out in
// one pass and needs nothing of this. Any other is carried out over several
// passes, none of which waits: each asks [Next] what to do with what is live and
// with the [Record] that the pass before left, does it, and ends. [Table] holds
// the states and what leads from one to the other, as data, so that a test can
// walk every edge; that the process ends at any moment is one more event, and
// leads nowhere.
//
// A hook is recorded as intended before it is created and carries the name of
// the run that created it, so that after a crash the record and the live object
// together say whether it was started. It is never started twice for one run.
//
// Nothing here opens a connection or asks the time.
package run
