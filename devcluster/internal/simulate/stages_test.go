package simulate

import (
	"testing"

	"sigs.k8s.io/kwok/pkg/utils/lifecycle"
)

// A stage that does not parse would only be found by a cluster that starts.
func TestStagesCompile(t *testing.T) {
	byKind, err := stages()
	if err != nil {
		t.Fatal(err)
	}
	for ref, list := range byKind {
		if _, err := lifecycle.NewLifecycle(list); err != nil {
			t.Errorf("stages of %s: %v", ref.Kind, err)
		}
	}
	if got := len(byKind); got != 5 {
		t.Errorf("stages act on %d kinds, want 5 (nodes, pods, services, claims, volumes)", got)
	}
}
