// Package lockstep is the vocabulary that every other package speaks: what a
// unit, an object, a revision, a plan and an outcome are.
//
// It depends on the standard library alone and does nothing: no I/O, no clock,
// no goroutines. A word that appears in the CLI, the API, the UI or the docs is
// declared here once, and every package uses that declaration.
package lockstep
