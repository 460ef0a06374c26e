// Package soak does to Lockstep, for as long as one likes, what happens to it in
// years: commits, edits behind its back, kills, faults of the API and of the Git
// host, all at random and all at once. At every quiet point an oracle that knows
// nothing of Lockstep's code compares what Git says with what is live.
//
// A run is made of rounds. In a round operations come at random for a while; then
// faults stop, and the fleet has a bounded time to come to rest. After that
//
//   - every object that Git asks for is live with the value that Git gives it,
//   - nothing that Git no longer asks for is left,
//   - what others put on objects and beside them is still there,
//   - nothing moves: no request that changes anything is made while nothing does.
//
// The full lane runs half a minute of it. An hour:
//
//	go test ./test/soak -count=1 -timeout 2h -soak.for 1h
//
// With -soak.replicas 3 several servers share the Stacks, and one of them dies at
// a time.
//
// With -artifacts a failure leaves what is needed to explain it: the log of each
// server with every pass that it made, what it knows of each Stack, what its goroutines
// do, and what is live.
//
// A failure names its seed; -soak.seed repeats the same operations, though not
// the same timing.
package soak
