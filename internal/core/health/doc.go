// Package health says how one live object is doing, from its own words.
//
// The verdicts are those of kstatus, so that `kubectl wait`, Flux and Lockstep
// agree; where they differ, kstatus_test.go lists the object and the reason. The
// messages are ours: they name the number that is missing or the container that
// fails, and never change while nothing has changed (no ages, no counters of
// attempts), because a new message is a status write and an event.
//
// Nothing here asks the time: what kstatus decides by a clock, a pod that could
// not be scheduled yet, is decided by the object alone.
package health
