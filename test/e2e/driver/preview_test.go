package driver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// TestPreview asks what would happen, and nothing happens.
func TestPreview(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	as := driver.Actor{Unit: x.unit}
	o := p.object(t, web)

	if changes, err := x.Preview(t.Context(), as, stepFor(lockstep.Create, o)); err != nil || len(changes) != 0 {
		t.Errorf("of a new object: %v, %v", changes, err)
	}
	if p.Get(t, o.Key()) != nil {
		t.Fatal("a preview created the object")
	}
	x.must(lockstep.Create, o)
	if changes, err := x.Preview(t.Context(), as, stepFor(lockstep.Update, o)); err != nil || len(changes) != 0 {
		t.Errorf("of no change: %v, %v; 1000m and 1 are one amount", changes, err)
	}
	spec(o)["replicas"] = int64(5)
	changes, err := x.Preview(t.Context(), as, stepFor(lockstep.Update, o))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]lockstep.FieldChange{{Path: "spec.replicas", From: "1", To: "5"}}, changes); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if got := p.Get(t, o.Key())["spec"].(map[string]any)["replicas"]; got != int64(1) {
		t.Errorf("a preview changed replicas to %v", got)
	}
	spec(o)["replica"] = int64(5)
	_, err = x.Preview(t.Context(), as, stepFor(lockstep.Update, o))
	x.refused(lockstep.Outcome{Result: lockstep.Failed, Err: err}, fault.KindInvalid, "spec.replica", "apps/shop.yaml:7")
}
