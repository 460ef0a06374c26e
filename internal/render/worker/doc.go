// Package worker runs other people's code in processes that can be killed.
//
// A chart and a kustomization are programs: they can loop, recurse and use up
// memory, and no library that runs them can be interrupted. So they run in worker
// processes of this same binary, with a deadline, a memory limit, no network, no
// files, no environment and no credentials but what a job is handed. What kills a
// worker does not touch the process that started it.
//
// # Jobs
//
// A [Job] is a function from bytes to bytes with a name. A binary says which it
// can do in one table and calls [Main] with it before anything else; a process
// that was started as a worker never returns from there. The table of Lockstep
// is in package renderers.
//
// To run something else in a worker, a user's script for instance: write a Job,
// add it to that table, and call it with [Pool.Call]:
//
//	out, err := pool.Call(ctx, "health.lua", in)
//
// The error is the Job's own, its kind, place and hint intact, or one that says
// which limit was hit. A Job says with [Call.Doing] what it is at, for that
// message. A Job that needs more than its input asks for it with [Call.Ask]; the
// other side answers through its [Host].
//
// # What holds
//
// See docs/adr/0008-workers.md for what is guaranteed and what is not. frame.go
// is the protocol, pool.go starts and keeps processes, run.go watches one job,
// verdict.go says why a worker died, serve.go is the worker's side and
// sandbox_linux.go what it gives up before its first job.
package worker
