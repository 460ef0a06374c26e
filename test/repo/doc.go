// Package repo holds what this repository promises about itself, as code: which
// package may import which, that the core is pure, that the docs lead somewhere.
//
// A rule is a function from a [Tree] to the problems it found. Each is run twice
// by the tests: over this repository, where it must find nothing, and over a small
// tree with the mistake in it, where it must find exactly that. A rule that cannot
// complain is not a rule.
//
// A problem is printed with the reason for the rule, because a rule whose reason
// is not known is worked around rather than followed.
package repo
