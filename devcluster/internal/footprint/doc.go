// Package footprint keeps the resident memory of a process near what it uses.
//
// Starting a Kubernetes component touches most of a 130 MB program once, for
// registering types, and the kernel then counts those pages as resident in each
// of our processes for as long as it runs.
package footprint
