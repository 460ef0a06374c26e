// Fakecloud is a provider of OpenTofu and Terraform whose cloud is a folder: the
// tests of infrastructure make, lose and break things with it that a real cloud
// would charge for. It behaves as providers do, their bad days included: half done
// operations, hanging, crashing, objects that somebody else changed or that exist
// although the state does not know them.
//
// FAKECLOUD_DIR, or the provider's argument dir, names the folder:
//
//	objects/ID.json   what exists; a test edits and removes these
//	calls.jsonl       every call, one a line, in order
//	faults.json       what is to go wrong, read anew by every call
//	serial            the number that the last object got
//
// The package test/tofu/tofutest has the other side.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

func main() {
	err := providerserver.Serve(context.Background(), newProvider, providerserver.ServeOpts{
		Address: "registry.opentofu.org/lockstep-dev/fakecloud",
	})
	if err != nil {
		log.Fatal(err)
	}
}
