// Package rules holds how objects of kinds that Kubernetes does not define are
// doing: one file of CEL rules for each kind or family of kinds, in a folder
// named for its API group, written from the documentation that the file names.
// Beside each lies a test file with objects and the verdicts wanted for them.
//
// Package health reads them; docs/guides/health.md says how they are written.
package rules

import "embed"

// Files are the rule files and their test files.
//
//go:embed */*.yaml
var Files embed.FS
