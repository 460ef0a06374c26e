package target

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Pulse notes when an API last answered, and how fast. It looks at requests that are
// sent anyway, so that it costs none and a quiet Target stays quiet: of such a one the
// watches, which the API ends after some minutes, say that it is there.
type Pulse struct{ seen, took atomic.Int64 }

// Beat returns how long the last short question took, and when anything was answered;
// zero where nothing was.
func (p *Pulse) Beat() (took time.Duration, seen time.Time) {
	if at := p.seen.Load(); at != 0 {
		seen = time.Unix(0, at)
	}
	return time.Duration(p.took.Load()), seen
}

// Wrap has the requests of a client go past p.
func (p *Pulse) Wrap(next http.RoundTripper) http.RoundTripper { return pulsed{p, next} }

type pulsed struct {
	p    *Pulse
	next http.RoundTripper
}

// WrappedRoundTripper is how client-go looks through.
func (t pulsed) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip sends a request and notes that there was an answer, whatever it says.
func (t pulsed) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	now := time.Now()
	t.p.seen.Store(now.UnixNano())
	// What a change takes is up to admission webhooks, and a watch is answered when it
	// is open.
	if req.Method == http.MethodGet && req.URL.Query().Get("watch") == "" {
		t.p.took.Store(int64(now.Sub(began)))
	}
	return resp, nil
}
