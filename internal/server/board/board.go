// Package board is what the server shows of all Stacks at once: a row for each,
// kept from the events of the cache that the controllers have anyway, so that a
// list, its numbers and the map cost no request to Kubernetes and no copy of an
// object.
package board
