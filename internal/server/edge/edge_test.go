package edge

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// door serves h behind an Edge on a real listener.
func door(t testing.TB, log io.Writer, h http.HandlerFunc) (*httptest.Server, *Edge) {
	t.Helper()
	e := New(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), prometheus.NewRegistry())
	inner := e.Inner(h)
	srv := httptest.NewServer(e.Outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.Header.Get("X-Test-Person"); name != "" {
			r = r.WithContext(access.With(r.Context(), lockstep.Person{Name: name}))
		}
		inner.ServeHTTP(w, r)
	})))
	t.Cleanup(srv.Close)
	return srv, e
}

func send(t testing.TB, method, url string, body io.Reader, head ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestHeaders(t *testing.T) {
	srv, _ := door(t, io.Discard, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	resp, _ := send(t, http.MethodGet, srv.URL+"/api/v1/stacks", nil)
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Vary": "Accept-Encoding, Authorization, Cookie",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestRequestID(t *testing.T) {
	srv, _ := door(t, io.Discard, func(http.ResponseWriter, *http.Request) {})
	cases := map[string]struct {
		why, id string
		kept    bool
	}{
		"Proxy":  {"A proxy's id makes its log and ours one.", "4f1c2aa9-d3b7_E6", true},
		"None":   {"Each request has one.", "", false},
		"Short":  {"Nothing can be found by it.", "1234567", false},
		"Long":   {"It is in every line of the log.", strings.Repeat("a", 65), false},
		"HTML":   {"It is shown to people.", "<script>alert(1)</script>", false},
		"Spaces": {"A line of the log would have more fields.", "abc def person=root", false},
		"Quote":  {"", `abcdefgh"`, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			resp, _ := send(t, http.MethodGet, srv.URL, nil, headerID, tc.id)
			got := resp.Header.Get(headerID)
			if (got == tc.id) != tc.kept || len(got) < 8 {
				t.Errorf("%s\n%q became %q", tc.why, tc.id, got)
			}
		})
	}
}

func problemIn(t testing.TB, resp *http.Response, text string) (p struct {
	Title, Detail, Hint, Request string
	Status                       int
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Status != resp.StatusCode || p.Title == "" || p.Request == "" || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("is no problem: %v %d %s", err, resp.StatusCode, text)
	}
	return p
}

// TestPanic: who asked is told that it went wrong and under which id, the log why.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	srv, _ := door(t, &log, func(_ http.ResponseWriter, r *http.Request) { panic("the password is hunter2") })
	resp, text := send(t, http.MethodGet, srv.URL+"/api/v1/x", nil, headerID, "id-of-this-request")
	p := problemIn(t, resp, text)
	if resp.StatusCode != 500 || p.Request != "id-of-this-request" || strings.Contains(text, "hunter2") || strings.Contains(text, "edge_test") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	srv.Close() // the log is complete
	if !strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "id-of-this-request") || !strings.Contains(log.String(), "edge_test.go") {
		t.Errorf("the log does not say why: %s", log.String())
	}
}

// TestPanicLate: an answer that has begun is broken off, not ended as if it were whole;
// one that has not is not sent.
func TestPanicLate(t *testing.T) {
	srv, _ := door(t, io.Discard, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"items":[` + strings.Repeat("1,", 4000)))
		panic("late")
	})
	resp, err := http.Get(srv.URL)
	if err != nil {
		return // broken off before the header went out
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusOK {
		t.Errorf("half an answer looks whole: %d bytes", len(text))
	}
	soon, _ := door(t, io.Discard, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"items":[`))
		panic("soon")
	})
	first, body := send(t, http.MethodGet, soon.URL, nil, "Accept-Encoding", "gzip")
	if p := problemIn(t, first, body); p.Status != 500 {
		t.Errorf("%d %s", p.Status, body)
	}
}

func TestTooLarge(t *testing.T) {
	srv, _ := door(t, io.Discard, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	body := strings.Repeat("a", MaxBody+1)
	resp, text := send(t, http.MethodPost, srv.URL, strings.NewReader(body))
	if p := problemIn(t, resp, text); p.Status != 413 {
		t.Errorf("a body that says how long it is: %s", text)
	}
	// Chunked: nobody knows beforehand.
	if resp, _ := send(t, http.MethodPost, srv.URL, io.MultiReader(strings.NewReader(body))); resp.StatusCode != 413 {
		t.Errorf("a body that does not say: %d", resp.StatusCode)
	}
	if resp, _ := send(t, http.MethodPost, srv.URL, strings.NewReader(body[1:])); resp.StatusCode != 200 {
		t.Errorf("the largest that is allowed: %d", resp.StatusCode)
	}
	resp, text = send(t, http.MethodGet, srv.URL+"/?q="+strings.Repeat("a", MaxQuery), nil)
	if p := problemIn(t, resp, text); p.Status != 413 {
		t.Errorf("a query: %s", text)
	}
}

// TestPersonAsksTooOften: one person has a bound of their own, by all their addresses.
func TestPersonAsksTooOften(t *testing.T) {
	srv, _ := door(t, io.Discard, func(http.ResponseWriter, *http.Request) {})
	var refused *http.Response
	var text string
	for range 400 {
		if resp, body := send(t, http.MethodGet, srv.URL, nil, "X-Test-Person", "ana"); resp.StatusCode != 200 {
			refused, text = resp, body
			break
		}
	}
	if refused == nil {
		t.Fatal("400 requests at once were all answered")
	}
	p := problemIn(t, refused, text)
	if wait, err := strconv.Atoi(refused.Header.Get("Retry-After")); refused.StatusCode != 429 || err != nil || wait < 1 || !strings.Contains(p.Detail, "ana") {
		t.Errorf("%d Retry-After %q: %s", refused.StatusCode, refused.Header.Get("Retry-After"), text)
	}
	if resp, _ := send(t, http.MethodGet, srv.URL, nil, "X-Test-Person", "bob"); resp.StatusCode != 200 {
		t.Errorf("bob is refused for ana: %d", resp.StatusCode)
	}
}

// TestAddressAsksTooOften: behind a proxy each client is one; who writes
// X-Forwarded-For without one is not believed.
func TestAddressAsksTooOften(t *testing.T) {
	e := New(slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	h := e.Outer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(n int, forwarded func(int) string) (refused *httptest.ResponseRecorder) {
		for i := range n {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1/stacks", nil)
			r.Header.Set("X-Forwarded-For", forwarded(i))
			if h.ServeHTTP(w, r); w.Code == http.StatusTooManyRequests {
				return w
			}
		}
		return nil
	}
	each := func(i int) string { return "198.51.100." + strconv.Itoa(i%250) }
	refused := ask(20_000, each)
	if refused == nil {
		t.Fatal("who makes addresses up is never refused")
	}
	if wait, err := strconv.Atoi(refused.Header().Get("Retry-After")); err != nil || wait < 1 {
		t.Errorf("Retry-After: %q", refused.Header().Get("Retry-After"))
	}
	e.Behind(func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") })
	if w := ask(6000, each); w != nil {
		t.Errorf("250 clients of a proxy that is believed are one: %s", w.Body)
	}
}

func TestBuckets(t *testing.T) {
	b, now := newBuckets(2, 3), time.Now()
	for i := range 3 {
		if _, ok := b.takeAt("x", now); !ok {
			t.Fatalf("token %d of 3 is not there", i+1)
		}
	}
	if wait, ok := b.takeAt("x", now); ok || wait != 500*time.Millisecond {
		t.Errorf("the fourth: %v, wait %s", ok, wait)
	}
	if _, ok := b.takeAt("x", now.Add(500*time.Millisecond)); !ok {
		t.Error("half a second later there is none")
	}
	for i := range 3 * maxBuckets {
		b.takeAt(strconv.Itoa(i), now)
	}
	if len(b.of) > maxBuckets {
		t.Errorf("%d callers are remembered", len(b.of))
	}
}

func TestGzip(t *testing.T) {
	long := strings.Repeat(`{"name":"shop"},`, 1000)
	cases := map[string]struct {
		why, accept, body, kind string
		zipped                  bool
	}{
		"Long":    {"Lists repeat themselves.", "gzip", long, "application/json", true},
		"Among":   {"", "br, gzip;q=0.8", long, "application/json", true},
		"Short":   {"Less than a packet is one packet.", "gzip", "{}", "application/json", false},
		"Nobody":  {"Who does not take it does not get it.", "identity", long, "application/json", false},
		"Refused": {"", "gzip;q=0", long, "application/json", false},
		"Stream":  {"What is collected is late.", "gzip", long, "text/event-stream", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			srv, _ := door(t, io.Discard, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				for part := range strings.SplitAfterSeq(tc.body, ",") {
					_, _ = w.Write([]byte(part))
				}
			})
			resp, text := send(t, http.MethodGet, srv.URL, nil, "Accept-Encoding", tc.accept)
			if got := resp.Header.Get("Content-Encoding") == "gzip"; got != tc.zipped {
				t.Fatalf("%s\nencoding %q", tc.why, resp.Header.Get("Content-Encoding"))
			}
			if tc.zipped {
				if len(text) > len(long)/10 {
					t.Errorf("%d bytes of %d on the wire", len(text), len(long))
				}
				z, err := gzip.NewReader(strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				plain, err := io.ReadAll(z)
				if text = string(plain); err != nil {
					t.Fatal(err)
				}
			}
			if text != tc.body {
				t.Errorf("%s\nwhat arrives is another: %d bytes of %d", tc.why, len(text), len(tc.body))
			}
		})
	}
}

// TestSlow: who dribbles is cut off, and nobody else waits for it.
func TestSlow(t *testing.T) {
	const patience = 300 * time.Millisecond
	e := New(slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	var mu sync.Mutex
	var read error
	srv := httptest.NewUnstartedServer(e.Outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		read = err
	})))
	srv.Config.ReadHeaderTimeout, srv.Config.ReadTimeout = patience, 2*patience
	srv.Start()
	defer srv.Close()
	for name, begin := range map[string]string{
		"Headers": "GET / HTTP/1.1\r\nHost: x\r\nX-A: ",
		"Body":    "POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go func() {
				_, _ = fmt.Fprint(c, begin)
				for range 400 {
					if _, err := c.Write([]byte("a")); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}()
			began := time.Now()
			_ = c.SetReadDeadline(began.Add(6 * time.Second))
			_, err = io.ReadAll(bufio.NewReader(c))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it is still served after %s: %v", took, err)
			}
		})
	}
	mu.Lock()
	defer mu.Unlock()
	if read == nil {
		t.Error("a body that never came was read whole")
	}
}
