// Package edge is what every request of the HTTP API goes through, whoever sends it
// and whatever it asks for: an id, limits, compression, headers, a line in the log, a
// count, and an answer when something panics.
//
// [Edge.Outer] stands before sign-in and limits addresses, [Edge.Inner] behind it
// and limits people. In between, and in the operations, [From] is the note of the
// request that ends up in the log and the metrics.
package edge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// The limits of a request.
const (
	MaxBody  = 256 << 10
	MaxQuery = 8 << 10
	// Timeout is how long an operation may take; streams end by themselves.
	Timeout = 30 * time.Second

	headerID = "X-Request-Id"
)

// Note is what is known of a request so far. It belongs to the goroutine that serves
// the request.
type Note struct {
	ID        string
	Operation string // id of the operation, "" for none
	Person    string
	Address   string
}

type noteKey struct{}

// From returns the note of a request; one that nobody reads where there is none.
func From(ctx context.Context) *Note {
	if n, ok := ctx.Value(noteKey{}).(*Note); ok {
		return n
	}
	return &Note{}
}

// Edge is safe for concurrent use.
type Edge struct {
	log       *slog.Logger
	addresses *buckets
	people    *buckets
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	open      prometheus.Gauge
	address   func(*http.Request) string
}

// New returns an Edge that registers its metrics with reg.
func New(log *slog.Logger, reg prometheus.Registerer) *Edge {
	e := &Edge{
		log: log, address: Address,
		// An address may be that of a proxy with everybody behind it; a person is one,
		// with some tabs.
		addresses: newBuckets(500, 4000),
		people:    newBuckets(30, 120),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_http_requests_total",
			Help: "Requests of the HTTP API by operation and class of the answer: 2xx, 3xx, 4xx, 5xx.",
		}, []string{"operation", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_http_request_duration_seconds",
			Help:    "How long requests of the HTTP API took, by operation; streams are not among them.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"operation"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lockstep_http_streams",
			Help: "Streams of events that are open.",
		}),
	}
	reg.MustRegister(e.requests, e.seconds, e.open)
	return e
}

// Behind has e take the word of address on where a request comes from: of somebody who
// knows which proxies to believe.
func (e *Edge) Behind(address func(*http.Request) string) { e.address = address }

// Streamed counts a stream as open until leave is called.
func (e *Edge) Streamed() (leave func()) {
	e.open.Inc()
	return e.open.Dec
}

// Outer is before anything else.
func (e *Edge) Outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		n := &Note{ID: requestID(r), Address: e.address(r)}
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		out := &response{ResponseWriter: w, gzip: acceptsGzip(r)}
		head := w.Header()
		head.Set(headerID, n.ID)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		head.Set("Cache-Control", "no-store")
		head.Add("Vary", "Accept-Encoding, Authorization, Cookie")
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				e.log.Error("a request panicked", "request", n.ID, "operation", n.Operation, "panic", p, "stack", string(debug.Stack()))
				if !out.forget() {
					// What has gone out must not look whole.
					e.done(r, n, out, time.Since(began))
					panic(http.ErrAbortHandler)
				}
				e.refuse(out, n, fault.New(fault.KindInternal, "something went wrong inside the server").WithHint("the server's log has more under request %s", n.ID))
			}
			out.close()
			e.done(r, n, out, time.Since(began))
		}()
		if f, wait := e.admit(r, n); f != nil {
			if wait > 0 {
				head.Set("Retry-After", strconv.Itoa(seconds(wait)))
			}
			e.refuse(out, n, f)
			return
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(out, r.Body, MaxBody)
		}
		if !streams(r) {
			ctx, cancel := context.WithTimeout(r.Context(), Timeout)
			defer cancel()
			r = r.WithContext(ctx)
			// Also for who reads the answer one byte a minute.
			_ = http.NewResponseController(w).SetWriteDeadline(began.Add(2 * Timeout))
		}
		if streams(r) {
			// The time to read a request is over long before a stream is.
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		}
		next.ServeHTTP(out, r)
	})
}

// streams says whether a request is for something that takes as long as it takes.
func streams(r *http.Request) bool {
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	return path == "/events" || strings.HasSuffix(path, "/logs") || strings.HasSuffix(path, "/events/stream")
}

func (e *Edge) admit(r *http.Request, n *Note) (f *fault.Fault, wait time.Duration) {
	if wait, ok := e.addresses.take(n.Address); !ok {
		return tooMany("this address", wait), wait
	}
	if len(r.URL.RawQuery) > MaxQuery {
		return fault.TooLarge("the query has %d bytes, and %d are allowed", len(r.URL.RawQuery), MaxQuery), 0
	}
	if r.ContentLength > MaxBody {
		return fault.TooLarge("the body has %d bytes, and %d are allowed", r.ContentLength, MaxBody), 0
	}
	return nil, 0
}

func tooMany(who string, wait time.Duration) *fault.Fault {
	return fault.TooMany("%s asks too often", who).WithHint("try again in %d s", seconds(wait))
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Inner is behind sign-in.
func (e *Edge) Inner(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := From(r.Context())
		if p, ok := access.Who(r.Context()); ok {
			n.Person = p.Name
			if wait, ok := e.people.take(p.Name); !ok {
				w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
				e.refuse(w, n, tooMany(p.Name, wait))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers with a problem, if nothing was answered yet.
func (e *Edge) refuse(w http.ResponseWriter, n *Note, f *fault.Fault) {
	if out, ok := w.(*response); ok && out.status != 0 {
		return
	}
	status := f.Kind.Consequence().Status
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the peer may be gone
		"type": "about:blank", "title": f.Kind.String(), "status": status, "detail": f.What, "hint": f.Hint, "request": n.ID,
	})
}

func (e *Edge) done(r *http.Request, n *Note, out *response, took time.Duration) {
	operation := n.Operation
	if operation == "" {
		operation = "none" // a path or a refusal that is no operation's: addresses are not for labels
	}
	status := out.status
	if status == 0 {
		status = http.StatusOK
	}
	e.requests.WithLabelValues(operation, strconv.Itoa(status/100)+"xx").Inc()
	if !streams(r) {
		e.seconds.WithLabelValues(operation).Observe(took.Seconds())
	}
	level := slog.LevelDebug
	if status >= 500 || r.Method != http.MethodGet && r.Method != http.MethodHead {
		level = slog.LevelInfo
	}
	// The path without its query: that may hold what somebody searched for.
	e.log.Log(r.Context(), level, "request", "request", n.ID, "method", r.Method, "path", r.URL.Path, "operation", n.Operation,
		"status", status, "bytes", out.bytes, "ms", took.Milliseconds(), "person", n.Person, "address", n.Address)
}

// Address is the peer that sent a request, without the port.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// requestID takes an id that a proxy gave, if it is one.
func requestID(r *http.Request) string {
	id := r.Header.Get(headerID)
	if len(id) < 8 || len(id) > 64 {
		return rand.Text()[:16]
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return rand.Text()[:16]
		}
	}
	return id
}
