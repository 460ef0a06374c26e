package ui_test

import (
	"os"
	"testing"

	"github.com/lockstep-dev/lockstep/ui"
)

// TestBuilt lets no release go out without its UI: where REQUIRE_UI is set, as in
// continuous integration, the placeholder alone is not enough.
func TestBuilt(t *testing.T) {
	_, ok := ui.Built()
	if got := ui.Hash() != ""; got != ok {
		t.Errorf("a UI is there: %v; it has a hash: %v", ok, got)
	}
	if os.Getenv("REQUIRE_UI") != "" && !ok {
		t.Error("there is no web UI in ui/dist: run make build before the tests")
	}
}
