package demo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPast: what the commits add up to is the sample, and each changes something.
func TestPast(t *testing.T) {
	for _, name := range repositories {
		t.Run(name, func(t *testing.T) {
			all, err := unfold(name)
			if err != nil {
				t.Fatal(err)
			}
			today, err := sample(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(today, all[len(all)-1].files); diff != "" {
				t.Errorf("the last commit is not the sample (-sample +commit):\n%s", diff)
			}
			for i, s := range all {
				if len(s.changed) == 0 {
					t.Errorf("%q changes nothing", s.subject)
				}
				if i > 0 && s.ago > all[i-1].ago {
					t.Errorf("%q is older than what it follows", s.subject)
				}
			}
		})
	}
}

// TestLater: one commit waits for what came before, and it is the one that going back
// over loses something.
func TestLater(t *testing.T) {
	all, err := unfold("shop")
	if err != nil {
		t.Fatal(err)
	}
	first, later := split(all)
	if len(later) != 1 || len(first) != len(all)-1 {
		t.Fatalf("%d commits come at once and %d later, of %d", len(first), len(later), len(all))
	}
	if _, ok := first[len(first)-1].files["apps/uploads/claim.yaml"]; ok {
		t.Error("the claim is there from the start")
	}
	if _, ok := later[0].files["apps/uploads/claim.yaml"]; !ok {
		t.Error("the later commit brings no claim")
	}
}
