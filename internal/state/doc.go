// Package state keeps the states of tools that plan by themselves, OpenTofu's and
// Terraform's: every version, encrypted, under a lock that names the run that has it.
//
// A [Vault] is where heads and sealed versions lie; it knows no rule but that a head
// is replaced only by who has seen the one before. [States] has the rules: which
// write is refused, whose lock it is, what is kept. So replicas may serve the same
// state at once, and a crash at any point leaves the old version current or the new.
//
// The order of a write is: the parts of the version, then the head that names it,
// then what the head no longer names goes. Parts that no head names are nobody's, and
// [States.Sweep] collects them.
package state
