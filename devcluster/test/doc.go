// Package test runs the built program as a person would and checks what the guide
// promises. Its tests share one cluster where they can: a start costs seconds.
//
// It imports only the Kubernetes client, so that running it does not compile a
// control plane a second time; the program itself comes from build.sh.
package test
