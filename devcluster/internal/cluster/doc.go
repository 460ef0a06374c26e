// Package cluster starts and stops the parts of a cluster in order, and answers
// for a cluster from outside: status, users, tokens, wiping.
//
// The order of a start is: lock, credentials, etcd, kube-apiserver, then, once
// /readyz answers, controllers, scheduler and the simulated nodes side by side.
// A stop is the reverse. Start at [Up].
package cluster
