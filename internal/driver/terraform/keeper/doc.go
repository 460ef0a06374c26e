// Package keeper looks after one run of OpenTofu or Terraform from a process of its
// own, so that the tool outlives the server that started it: a tool that is killed
// while it holds the state's lock leaves the lock behind, and resources that no state
// knows.
//
// The keeper is this same binary under another name, in a session of its own, with no
// environment but what it was told to give to the tool. What it is to do comes by
// standard input and is on no disk. It writes what happens into the run's directory,
// line by line and without secrets, and at the end, in one step, how it ended. What the
// tool said of errors may hold secrets that nobody knew when the run began, a password
// that a provider made up, so that is sealed with the run's key.
//
// Asked to stop, it passes that on to the tool, once, because a second time means "at
// once, lock or no lock", and waits. If it is killed itself, the system asks the tool
// to stop in its place.
//
// A process that links this package and is started under the name never gets to main.
package keeper
