//go:build !race

package worker

const shadowed = false
