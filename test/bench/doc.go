// Package bench measures Lockstep against the limit: a client that makes the
// same writes to the same API server and does nothing else.
//
// Machines differ and are noisy, so no wall time is held to a number. What is
// held, in ranges.yaml with a reason for each, are ratios to the limit measured
// in the same run, API requests, and memory.
//
//	go test ./test/bench -run '^$' -bench . -benchtime 1x -timeout 30m
//
// The objects are those that GitOps tools are compared with elsewhere: one
// ConfigMap of about 2 KB for each Stack, one directory for each in one
// repository, served over smart HTTP by git's own backend.
package bench
