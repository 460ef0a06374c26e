// Package place is the directory of one cluster: what lies where, who may use it
// now, and what is remembered between runs.
//
// Nothing outside the directory is ever written.
package place
