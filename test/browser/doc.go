// Package browser looks at the web UI as a person does: a real Chromium in front of a
// real server, on a real cluster with real Git.
//
// The tests of Go set the surroundings up and say in the environment where they are;
// the files *.spec.ts, run by Playwright, do the looking. Every page that they open is
// watched: a violation of its content policy, a request to another origin or an error
// in its console fails the test that opened it.
package browser
