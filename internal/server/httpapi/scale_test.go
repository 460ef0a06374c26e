package httpapi

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// fleetOf fills a house with Stacks as there are: most are well, all differ.
func fleetOf(t testing.TB, n int) *house {
	h := newHouse(t)
	now := time.Now()
	for i := range n {
		name := fmt.Sprintf("%s-%03d", []string{"checkout", "ledger", "search", "cart", "gateway"}[i%5], i/5)
		v, health := v1alpha1.InSync("main@4f1c2aa", 12), "Healthy"
		switch {
		case i%97 == 0:
			v, health = v1alpha1.Degraded(fmt.Sprintf("Deployment/web: %d of 5 pods crash", i%5)), "Degraded"
		case i%89 == 0:
			v = v1alpha1.Held("manual sync", "1 to change")
		case i%53 == 0:
			v, health = v1alpha1.Progressing("Deployment/web: 2 of 5 are ready"), "Progressing"
		}
		s := stackIn(fmt.Sprintf("team-%d", i%40), name)
		s.Labels = map[string]string{"env": []string{"dev", "staging", "prod"}[i%3], "owner": fmt.Sprintf("team-%d", i%40)}
		s.Spec.Target.Name = fmt.Sprintf("clusters/eu-%d", i%14)
		s.Status.Renderer = []string{"helm", "kustomize", "directory"}[i%3]
		s.Status.Health = &v1alpha1.StackHealth{Status: health}
		s.Status.Revision, s.Status.Objects, s.Status.Release = fmt.Sprintf("%040x", i%20*7919), int32(i%30), int64(i%50)
		at := metav1.NewTime(now.Add(-time.Duration(i) * 37 * time.Second))
		s.Status.History = []v1alpha1.Release{{ID: 3, Revision: s.Status.Revision, Subject: "raise the limits of " + name, Author: "Ana <ana@example.org>", StartedAt: at}}
		v1alpha1.SetVerdict(&s.Status.Conditions, v, 1, at)
		h.board.Put(s)
	}
	return h
}

// wire asks as a browser does and returns how many bytes of the body came.
func (h *house) wire(t testing.TB, path string, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+Prefix+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Test-Person", "root")
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%s: %d %q %v", path, resp.StatusCode, resp.Header.Get("Content-Encoding"), err)
	}
	z, err := gzip.NewReader(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		t.Fatal(err)
	}
	return len(body)
}

// TestTenThousand holds what is promised of 10,000 Stacks, on the wire and through
// all that a request goes through. Times are for the benchmark: here they are said.
func TestTenThousand(t *testing.T) {
	const many = 10_000
	h := fleetOf(t, many)
	for _, path := range []string{"/stacks", "/stacks?sort=changed", "/stacks?q=env:prod+-health:healthy"} {
		var p StackPage
		began := time.Now()
		bytes := h.wire(t, path, &p)
		t.Logf("%s: %d bytes, %d of %d rows, %s", path, bytes, len(p.Items), p.Matches, time.Since(began).Round(time.Microsecond))
		if bytes >= 10_000 {
			t.Errorf("%s has %d bytes on the wire", path, bytes)
		}
		if p.Fleet.Total != many || p.Counts.Total != p.Matches || len(p.Facets.Target) != 14 || p.Matches > 100 && len(p.Items) != 100 {
			t.Errorf("%s: %d rows, %+v of %+v", path, len(p.Items), p.Counts, p.Fleet)
		}
	}
	for _, path := range []string{"/stacks/map", "/stacks/map?group=target"} {
		var m StackMap
		began := time.Now()
		bytes := h.wire(t, path, &m)
		t.Logf("%s: %d bytes, %s", path, bytes, time.Since(began).Round(time.Microsecond))
		if bytes >= 60_000 || len(m.Names) != many || len(m.States) != many || m.Counts.Total != many {
			t.Errorf("%s: %d bytes on the wire for %d names and %d states", path, bytes, len(m.Names), len(m.States))
		}
	}
}

// BenchmarkFirstPage is a request for the first page with counts and facets, when
// something has changed since the last.
func BenchmarkFirstPage(b *testing.B) {
	h := fleetOf(b, 10_000)
	root := h.Config.Handler
	s := stackIn("team-1", "busy")
	for b.Loop() {
		s.Status.Objects++
		h.board.Put(s.DeepCopy())
		serve(b, root, "/stacks")
	}
}

// BenchmarkWholeMap is a request for the map.
func BenchmarkWholeMap(b *testing.B) {
	h := fleetOf(b, 10_000)
	for b.Loop() {
		serve(b, h.Config.Handler, "/stacks/map")
	}
}

// served counts requests of benchmarks.
var served int

// serve answers one request without a connection, from an address of its own: the
// bound of requests is not what is measured.
func serve(b *testing.B, h http.Handler, path string) {
	b.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, Prefix+path, nil)
	served++
	r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", served%250)
	r.Header.Set("X-Test-Person", fmt.Sprintf("root-%d", served/100))
	r.Header.Set("Accept-Encoding", "gzip")
	if h.ServeHTTP(w, r); w.Code != http.StatusOK {
		b.Fatalf("%d %s", w.Code, w.Body)
	}
}
