package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
)

// TestRetention: each kind goes at its age, in as many parts as it takes, and what
// is left can still be verified.
func TestRetention(t *testing.T) {
	s, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "lockstep.db"), db.Migrated)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	const many = 5_001 // one more than a part
	u := lockstep.Unit{Namespace: "payments", Name: "shop"}
	old := time.Now().Add(-100 * 24 * time.Hour)
	var records []store.Record
	for range many {
		records = append(records, store.Record{Draft: store.Draft{Time: old, Unit: u, Verb: "find", Detail: store.DriftDetail{Object: "ConfigMap/x"}}})
	}
	records = append(records, store.Record{Draft: store.Draft{Time: old, Unit: u, Verb: "pause", Detail: store.PauseDetail{}}})
	before, err := s.Append(t.Context(), records...)
	if err != nil {
		t.Fatal(err)
	}
	meters := prometheus.NewRegistry()
	r := newRetention(func() (store.Store, error) { return s, nil }, store.KeepDefault(), meters)
	if err := r.once(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts, err := s.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[store.Kind]int64{store.KindPause: 1, store.KindRetention: 2}
	if diff := cmp.Diff(want, counts.Entries); diff != "" {
		t.Errorf("drift is kept a quarter, what people do a year (-want +got):\n%s", diff)
	}
	if n := counted(t, meters, "lockstep_store_removed_total", "entry"); n != many {
		t.Errorf("%v entries are counted, want %d", n, many)
	}
	if v, err := store.Verify(t.Context(), s, before); err != nil || !v.OK || v.Removed != many {
		t.Errorf("the verdict is %+v, %v", v, err)
	}
	r.open = func() (store.Store, error) { return nil, fault.Waiting("not yet") }
	if err := r.once(t.Context()); err == nil || counted(t, meters, "lockstep_store_retention_runs_total", "error") != 1 {
		t.Errorf("a store that is not there is not counted: %v", err)
	}
}

// counted is the value of a counter with one label.
func counted(t *testing.T, meters prometheus.Gatherer, name, label string) float64 {
	t.Helper()
	families, err := meters.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s with %s", name, label)
	return 0
}
