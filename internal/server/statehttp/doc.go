// Package statehttp speaks Terraform's HTTP backend protocol for the states that
// package state keeps.
//
// There are two ways in. Runs come by a listener on loopback of its own, over TLS with
// a certificate made of the installation's key, each with a credential that names the
// run and opens one state: [Server.Mint]. People and CI jobs come by the server's
// listener, with a token of theirs, and access rules say what they may:
// [Server.ForPeople].
//
// Nothing about a credential is kept anywhere. It is a signed statement, and so good
// with a server that was started again, or with another replica: a run that outlives
// its server must not lose what it has made.
package statehttp
