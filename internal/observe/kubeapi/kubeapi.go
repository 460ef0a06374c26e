// Package kubeapi counts and traces requests to Kubernetes APIs, at the one place
// that every client passes: the HTTP transport.
//
// No label grows with what is managed. A path becomes one of a few classes of
// resource, a status one of a few codes, and of Targets so many are told apart
// and the rest share a name.
package kubeapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"

	"github.com/lockstep-dev/lockstep/internal/observe"
)

// Local is the name of the cluster that holds the Stacks.
const Local = "in-cluster"

// maxTargets is how many Targets have series of their own. A server with more is
// told apart by its traces.
const maxTargets = 200

// others is the name that Targets beyond that share.
const others = "other"

// Metrics of requests. A nil Metrics counts nothing.
type Metrics struct {
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec

	mu    sync.Mutex
	users map[string]int // transports by the name of their Target
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_api_requests_total",
			Help: "Requests to Kubernetes APIs, by target, verb, class of resource and status.",
		}, []string{"target", "verb", "resource", "code"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lockstep_api_request_duration_seconds",
			Help:    "Time from a request to a Kubernetes API until its answer begins, by target and verb; watches are left out.",
			Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30},
		}, []string{"target", "verb"}),
		users: map[string]int{},
	}
	reg.MustRegister(m.requests, m.latency)
	return m
}

// Wrap returns what a client's transport is wrapped in. Its requests count for
// target, a name that a person knows: namespace/name of a Target, or [Local].
func (m *Metrics) Wrap(target string) func(http.RoundTripper) http.RoundTripper {
	if m == nil {
		return func(rt http.RoundTripper) http.RoundTripper { return &transport{next: rt, target: target} }
	}
	label := m.label(target)
	return func(rt http.RoundTripper) http.RoundTripper {
		return &transport{next: rt, metrics: m, target: target, label: label}
	}
}

func (m *Metrics) label(target string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.users[target] == 0 && len(m.users) >= maxTargets {
		return others
	}
	m.users[target]++
	return target
}

// Forget drops the series of a Target that was deleted.
func (m *Metrics) Forget(target string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	delete(m.users, target)
	m.mu.Unlock()
	match := prometheus.Labels{"target": target}
	m.requests.DeletePartialMatch(match)
	m.latency.DeletePartialMatch(match)
}

type transport struct {
	next    http.RoundTripper
	metrics *Metrics
	target  string
	label   string
}

// WrappedRoundTripper lets client-go find what is below.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	what := classify(req)
	var span observe.Span
	if observe.Traced(req.Context()) { // a name costs an allocation
		req, span = t.traced(req, what)
	}
	start := time.Now()
	resp, err := t.next.RoundTrip(req)
	t.count(what, statusOf(resp, err), time.Since(start))
	if span.On() {
		finish(span, resp, err)
	}
	return resp, err
}

func (t *transport) count(w what, status string, took time.Duration) {
	if t.metrics == nil {
		return
	}
	t.metrics.requests.WithLabelValues(t.label, w.verb, w.class, status).Inc()
	if w.verb != "watch" {
		t.metrics.latency.WithLabelValues(t.label, w.verb).Observe(took.Seconds())
	}
}

// traced begins the span of a request and tells the API of it. What the span says
// holds no content: neither query nor body.
func (t *transport) traced(req *http.Request, w what) (*http.Request, observe.Span) {
	ctx, span := observe.Calling(req.Context(), w.verb+" "+w.named())
	req = req.Clone(ctx)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	span.Set("http.request.method", req.Method)
	span.Set("server.address", req.URL.Host)
	span.Set("url.path", req.URL.Path)
	span.Set("k8s.verb", w.verb)
	span.Set("lockstep.target", t.target)
	return req, span
}

func finish(span observe.Span, resp *http.Response, err error) {
	if err != nil {
		// What a transport says may quote an address with a credential in it.
		span.Fail("transport", "no answer")
		span.End(nil)
		return
	}
	span.Count("http.response.status_code", resp.StatusCode)
	if resp.StatusCode >= 400 {
		span.Fail(statusOf(resp, nil), http.StatusText(resp.StatusCode))
	}
	span.End(nil)
}

// statusOf is one of a dozen values. Those that ask for different action have a
// number of their own.
func statusOf(resp *http.Response, err error) string {
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	if err != nil {
		return "error"
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return "401"
	case http.StatusForbidden:
		return "403"
	case http.StatusNotFound:
		return "404"
	case http.StatusConflict:
		return "409"
	case http.StatusGone:
		return "410"
	case http.StatusUnprocessableEntity:
		return "422"
	case http.StatusTooManyRequests:
		return "429"
	}
	return [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[min(max(resp.StatusCode/100, 1), 5)-1]
}

func isWatch(u *url.URL) bool {
	return strings.Contains(u.RawQuery, "watch=true") || strings.Contains(u.RawQuery, "watch=1")
}
