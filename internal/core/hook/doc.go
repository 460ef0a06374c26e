// Package hook reads what the annotations of a rendered object say about when it
// is applied and what becomes of it: its role in a release.
//
// Four vocabularies are understood, so that repositories written for other tools
// mean here what they meant there: Lockstep's own, Argo CD's, Flux's and Helm's.
// Each property is taken from the first of them, in that order, that speaks of
// it. A value that cannot be read is a fault that names object and place. Only
// Helm's annotations are read as forgivingly as Helm reads them, with a warning,
// because charts that install there have to install here.
//
// Start at [Of]. The guide docs/guides/waves-and-hooks.md holds the same table
// for people.
package hook
