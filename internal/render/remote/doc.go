// Package remote renders in a worker process what must not run in this one.
//
// This side keeps what has to be trusted: the trees of the Sources, which are
// read through the recording ones so that the content key says what was really
// read; the way to chart repositories with its credentials; and what the Target
// says about its kinds. The worker is handed the request, and asks for the rest.
//
// A question costs a switch to another process and back, so this side reads ahead:
// it sends the unit's directory with the request, listings always and files
// that this worker has not seen, without noting anything. The worker tells what it
// looked at, and this side repeats exactly that on the recording trees. Paths that
// lead through links are asked one by one: what they mean is decided here.
//
// host.go is this side, tree.go and job.go are the worker's, codec.go is the form
// of requests and results.
package remote
