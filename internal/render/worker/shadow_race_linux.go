//go:build race

package worker

// shadowed: the race detector maps many times the memory that it uses, which a
// limit on what is mapped would refuse.
const shadowed = true
