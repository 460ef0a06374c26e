// Package kubeversion makes the Kubernetes components report the version they
// were built from.
//
// Kubernetes' own build stamps its version in with linker flags; a plain go build
// leaves a placeholder (v0.0.0-master) that clients refuse. Everything needed is
// already in the binary, in the module list that Go records, so this package
// copies it from there and no build has to remember a flag.
package kubeversion
