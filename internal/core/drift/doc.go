// Package drift decides what becomes of drift over time: healed at once, healed
// later because it keeps coming back, or left for a while because two managers
// fight over it.
//
// A plan knows one moment. A [Ledger] knows what was done before for the same
// wish, per object: one object that somebody keeps changing does not hold up the
// healing of any other. It also remembers what a plan decided about objects that
// stay as they are, so that looking at them again costs no render.
//
// Nothing here asks the time; callers pass it in.
package drift
