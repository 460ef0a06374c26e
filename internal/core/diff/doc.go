// Package diff says whether and where two objects differ.
//
// Three questions are answered here. Has Git's wish changed since we applied
// it? [Digester.Object] reduces a desired object to one word that is recorded
// on the live one. Has somebody else changed what is ours? [Missing] and
// [Drift] ask the live object's managed fields, because a field that another
// manager writes leaves our set: no value is compared, so defaults, webhooks
// and number formats are never mistaken for drift. What would an apply change?
// [Changes] compares the desired object with [Own], the live values of the
// fields that are ours, and names each difference by a path that a person can
// read.
//
// Values of Secrets never leave this package: they are replaced by a mark with
// a few digits of a keyed hash, so that equal values look equal and nothing can
// be guessed.
package diff
