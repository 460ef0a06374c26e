// Package deploy holds what is installed on the cluster that Lockstep runs on.
package deploy

import "embed"

// CRDs are the custom resource definitions, one file each, generated from
// api/v1alpha1 by make generate.
//
//go:embed crds/*.yaml
var CRDs embed.FS

// Admission holds policy.yaml and binding.yaml, by which the API sets the
// finalizer of Stacks, and approval-*.yaml, by which it guards their approvals.
//
//go:embed admission/*.yaml
var Admission embed.FS

// Roles are the ready-made roles for people, bound to nobody.
//
//go:embed install/roles.yaml
var Roles []byte

// LocalAdmin is the binding by which the local administrator has the role of
// administrators.
//
//go:embed install/local-admin.yaml
var LocalAdmin []byte
