// Package signin finds out who asks.
//
// People prove it to a provider of their organisation (OpenID Connect, authorization
// code with PKCE) and get a session: a random secret in a cookie, or in a file of the
// CLI. Machines hold a token, and jobs exchange the one that their CI gave them. Each
// of them ends up as a [lockstep.Person] in the context of a request ([Service.Wrap]);
// what a person may do is decided elsewhere (package access).
//
// What is kept is in package store/credentials, without anything that could be
// presented. A login lives as long as its provider stands by it: it is asked again
// every few minutes, so that a person who was removed is out and one whose groups
// changed has the new ones. A provider that does not answer changes nothing until the
// login expires.
//
// Start at [Service.Wrap]; oidc.go is the way through a provider, refresh.go the
// asking again, handoff.go the way to a CLI, exchange.go the one of a job.
package signin
