package v1alpha1

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestReleasesAreKept(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Local())
	var s StackStatus
	var want []Release
	for id := range int64(13) {
		r := Release{
			ID: id + 1, Revision: strings.Repeat("a", 40), Subject: "say \"hello\"\nin two lines", Author: "A <a@example.com>",
			Digest: "sha256:1", Summary: "1 changed", Cause: "drift", Times: 3, Outcome: "Failed", Message: "why", StartedAt: at, FinishedAt: &at,
		}
		s.Begin(r)
		want = append([]Release{r}, want...)
		if got := len(s.History) + len(s.Earlier); got != min(int(id)+1, 10) {
			t.Fatalf("%d releases on record after %d", got, id+1)
		}
	}
	if diff := cmp.Diff(want[:10], s.Releases()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:2], s.History); diff != "" {
		t.Error(diff)
	}
}

func TestBeginLeavesWhatItWasMadeFrom(t *testing.T) {
	first := StackStatus{History: []Release{{ID: 2}, {ID: 1}}, Earlier: make([]string, 0, 8)}
	second := first
	second.Begin(Release{ID: 3})
	second.History[0].ID = 7
	third := first
	third.Begin(Release{ID: 4})
	if first.History[0].ID != 2 || second.History[0].ID != 7 || second.Releases()[2].ID != 1 {
		t.Errorf("a status was changed through a copy of it: %+v, %+v", first, second)
	}
}

// Somebody may have written a status by hand.
func FuzzReleases(f *testing.F) {
	f.Add(`{"id":1}`)
	f.Add(`{"id":"one"}`)
	f.Add(`[]`)
	f.Add("")
	f.Fuzz(func(t *testing.T, line string) {
		s := StackStatus{Earlier: []string{line, `{"id":1,"outcome":"Succeeded"}`}}
		got := s.Releases()
		if len(got) == 0 || got[len(got)-1].ID != 1 {
			t.Errorf("%q hides the release after it", line)
		}
	})
}
