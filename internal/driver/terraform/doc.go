// Package terraform is the driver.Planner for OpenTofu and Terraform.
//
// The binary is the user's: found, checked, never brought. It runs in a directory of
// its Stack's, the same one each time because plans hold absolute paths, with an
// environment made from nothing. What takes the state's lock runs under a keeper
// (package keeper), which outlives this process.
//
// What the tools print and save holds secrets in clear. Package core/tfplan takes them
// out before anything leaves this package; the saved plan leaves it encrypted; and what
// has to lie on disk while a tool runs is removed when it has ended.
//
// driver.go has the calls of the contract, job.go lays a job out on disk, init.go
// decides when providers and modules are fetched, tool.go finds binaries, policy.go
// says what a repository may not do, modules.go what a job reads of it.
package terraform
