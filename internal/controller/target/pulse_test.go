package target

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	const slow = 30 * time.Millisecond
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			time.Sleep(slow)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	p := &Pulse{}
	send := func(method, query string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/version"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := p.Wrap(http.DefaultTransport).RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}
	send(http.MethodPost, "")
	took, first := p.Beat()
	if took != 0 || first.IsZero() {
		t.Errorf("after a change: took %s, seen %s; a change says that it answers and not how fast", took, first)
	}
	send(http.MethodGet, "")
	took, second := p.Beat()
	if took < slow || !second.After(first) {
		t.Errorf("after a question: took %s, seen %s", took, second)
	}
	send(http.MethodGet, "?watch=true")
	again, third := p.Beat()
	if again != took || !third.After(second) {
		t.Errorf("a watch counts as a question: %s, %s", again, third)
	}
	srv.Close()
	send(http.MethodGet, "")
	if _, last := p.Beat(); !last.Equal(third) {
		t.Error("an API that is gone was seen")
	}
	c := NewConnections(nil, p)
	if s := c.Standings()[0]; s.Latency != took || !s.Seen.Equal(third) {
		t.Errorf("the standing says %s, %s", s.Latency, s.Seen)
	}
}
