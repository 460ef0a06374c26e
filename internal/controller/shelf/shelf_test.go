package shelf

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/change"
)

// TestPack: a plan comes back as it was, without whole resources; one that is too large
// comes back with its addresses.
func TestPack(t *testing.T) {
	one := Plan{Key: "k", Digest: "d", Planned: time.Unix(1, 0).UTC(), Set: change.Set{Changes: []change.Change{
		{Address: "a.b", Action: change.Replace, Fields: []change.Field{{Path: "x", From: "1", To: "2", Forces: true}}, Before: map[string]any{"x": "1"}},
	}}}
	raw, err := pack(one)
	if err != nil {
		t.Fatal(err)
	}
	got, err := unpack(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := one
	want.Set.Changes = bare(one.Set.Changes)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if one.Set.Changes[0].Before == nil {
		t.Error("packing changed what was packed")
	}

	big := Plan{}
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range 10000 {
		c := change.Change{Address: fmt.Sprintf("terraform_data.x[%d]", i), Action: change.Create}
		for j := range 10 {
			c.Fields = append(c.Fields, change.Field{Path: fmt.Sprint("f", j), To: fmt.Sprintf("%x%x", noise.Uint64(), noise.Uint64())})
		}
		big.Set.Changes = append(big.Set.Changes, c)
	}
	raw, err = pack(big)
	if err != nil || len(raw) > maxPlan {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	if got, err = unpack(raw); err != nil || !got.Cut || len(got.Set.Changes) != 10000 {
		t.Errorf("cut %v, %d changes, %v", got.Cut, len(got.Set.Changes), err)
	}
}

func FuzzUnpack(f *testing.F) {
	raw, err := pack(Plan{Key: "k"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("{}"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = unpack(b) })
}
