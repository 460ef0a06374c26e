// Package stack is what one pass over a Stack does, apart from deciding when:
// it resolves what the spec names, renders, observes and plans.
//
// The controller, the CLI and the tests run this same code. The controller adds
// what to do with the answer: act, report, wake.
package stack
