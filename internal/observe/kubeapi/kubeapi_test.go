package kubeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/lockstep-dev/lockstep/internal/observe"
)

func TestClassify(t *testing.T) {
	cases := map[string]struct {
		why               string
		method, url, kind string
		want              what
	}{
		"Apply":      {why: "What nearly every write is.", method: "PATCH", url: "/apis/apps/v1/namespaces/web/deployments/api?force=true", kind: "application/apply-patch+yaml", want: what{"apply", classObject, "deployments"}},
		"Patch":      {why: "A status is patched, not applied.", method: "PATCH", url: "/apis/lockstep.dev/v1alpha1/namespaces/web/stacks/shop/status", kind: "application/merge-patch+json", want: what{"patch", classOwn, "stacks/status"}},
		"List":       {why: "A list is a thousand times a get.", method: "GET", url: "/api/v1/configmaps?labelSelector=x", want: what{"list", classObject, "configmaps"}},
		"Watch":      {why: "A watch lasts minutes and says nothing about latency.", method: "GET", url: "/api/v1/configmaps?allowWatchBookmarks=true&watch=true", want: what{"watch", classObject, "configmaps"}},
		"Bookmarks":  {why: "A list may allow bookmarks and is none the less no watch.", method: "GET", url: "/api/v1/configmaps?allowWatchBookmarks=true", want: what{"list", classObject, "configmaps"}},
		"Namespace":  {why: "A namespace is an object, not a prefix.", method: "GET", url: "/api/v1/namespaces/web", want: what{"get", classObject, "namespaces"}},
		"NsStatus":   {why: "Nor is its status an object called status.", method: "PUT", url: "/api/v1/namespaces/web/finalize", want: what{"update", classObject, "namespaces/finalize"}},
		"Namespaces": {why: "All of them.", method: "GET", url: "/api/v1/namespaces", want: what{"list", classObject, "namespaces"}},
		"Lease":      {why: "Idle, leases are most of what is left.", method: "PUT", url: "/apis/coordination.k8s.io/v1/namespaces/l/leases/a", want: what{"update", classLease, "leases"}},
		"OldEvent":   {why: "Events live in two groups.", method: "POST", url: "/api/v1/namespaces/web/events", want: what{"create", classEvent, "events"}},
		"Event":      {why: "This is the newer.", method: "POST", url: "/apis/events.k8s.io/v1/namespaces/web/events", want: what{"create", classEvent, "events"}},
		"Access":     {why: "May I?", method: "POST", url: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", want: what{"create", classAccess, "selfsubjectaccessreviews"}},
		"Groups":     {why: "What is served.", method: "GET", url: "/apis", want: what{"get", classDiscovery, ""}},
		"Group":      {why: "What one group serves.", method: "GET", url: "/apis/apps/v1", want: what{"get", classDiscovery, ""}},
		"Version":    {why: "The first thing that is asked.", method: "GET", url: "/version", want: what{"get", classDiscovery, ""}},
		"Prefix":     {why: "Rancher serves the API of its clusters below a path.", method: "GET", url: "/k8s/clusters/c-1/api/v1/namespaces/web/pods/p", want: what{"get", classObject, "pods"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(tc.method, tc.url, nil)
			req.Header.Set("Content-Type", tc.kind)
			if diff := cmp.Diff(tc.want, classify(req), cmp.AllowUnexported(what{})); diff != "" {
				t.Errorf("%s\nclassify (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// FuzzClassify: whatever a path is, the labels stay the few that they are.
func FuzzClassify(f *testing.F) {
	for _, p := range []string{"/api/v1/pods", "/apis//", "/apis/a/b/namespaces", "/api/v1/namespaces//", "/apis/g/v1/namespaces/n/r/n/s/x"} {
		f.Add("GET", p)
	}
	verbs := map[string]bool{"get": true, "list": true, "watch": true, "create": true, "update": true, "patch": true, "apply": true, "delete": true, "other": true}
	known := map[string]bool{classObject: true, classDiscovery: true}
	for _, c := range classes {
		known[c] = true
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		req := &http.Request{Method: method, Header: http.Header{}}
		req.URL = httptest.NewRequest("GET", "/", nil).URL
		req.URL.Path = path
		if w := classify(req); !verbs[w.verb] || !known[w.class] {
			t.Errorf("%s %q is %+v", method, path, w)
		}
	})
}

type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func series(c prometheus.Collector) int {
	ch := make(chan prometheus.Metric, 2*maxTargets)
	c.Collect(ch)
	return len(ch)
}

func TestTargetsAreBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	ok := answers(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 200}, nil })
	for i := range maxTargets + 50 {
		rt := m.Wrap(fmt.Sprintf("ns/t%d", i))(ok)
		if _, err := rt.RoundTrip(httptest.NewRequest("GET", "/api/v1/pods", nil)); err != nil {
			t.Fatal(err)
		}
	}
	if n := series(m.requests); n != maxTargets+1 {
		t.Errorf("%d targets have %d series, want %d", maxTargets+50, n, maxTargets+1)
	}
	m.Forget("ns/t0")
	if n := series(m.requests); n != maxTargets {
		t.Errorf("a target that was deleted has left %d series, want %d", n, maxTargets)
	}
}

func TestCodes(t *testing.T) {
	cases := map[string]struct {
		why  string
		code int
		err  error
		want string
	}{
		"Created":   {why: "All that went well is one series.", code: 201, want: "2xx"},
		"Busy":      {why: "The API asks for patience: who is asked has to know.", code: 429, want: "429"},
		"Conflict":  {why: "Somebody else writes the same.", code: 409, want: "409"},
		"Teapot":    {why: "The rest is one series.", code: 418, want: "4xx"},
		"Broken":    {why: "So are faults of the API.", code: 503, want: "5xx"},
		"Odd":       {why: "What is no status must not be an index out of range.", code: 999, want: "5xx"},
		"NoAnswer":  {why: "The wire was cut.", err: errors.New("connection reset"), want: "error"},
		"Cancelled": {why: "Nobody wants the answer any more: no fault of the API.", err: fmt.Errorf("get: %w", context.Canceled), want: "cancelled"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := statusOf(&http.Response{StatusCode: tc.code}, tc.err); got != tc.want {
				t.Errorf("%s\nstatusOf = %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

// A span says which request it was, and nothing of what was in it.
func TestSpan(t *testing.T) {
	rec := tracetest.NewSpanRecorder()
	tracer := observe.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec)))
	var sent http.Header
	rt := (*Metrics)(nil).Wrap("ns/t")(answers(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		return &http.Response{StatusCode: 409}, nil
	}))
	ctx, root := tracer.Root(t.Context(), "pass")
	req := httptest.NewRequest("PATCH", "/api/v1/namespaces/n/secrets/s?token=hunter2", strings.NewReader("hunter2")).WithContext(ctx)
	if _, err := rt.RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	root.End(nil)
	span := rec.Ended()[0]
	if span.Name() != "patch secrets" || !strings.Contains(sent.Get("traceparent"), span.SpanContext().SpanID().String()) {
		t.Errorf("span %q, traceparent %q", span.Name(), sent.Get("traceparent"))
	}
	if text := fmt.Sprint(span.Attributes(), span.Status()); strings.Contains(text, "hunter2") {
		t.Errorf("the span quotes the request: %s", text)
	}
	plain := httptest.NewRequest("GET", "/api/v1/pods", nil)
	if _, err := rt.RoundTrip(plain); err != nil {
		t.Fatal(err)
	}
	if len(rec.Ended()) != 2 || sent.Get("traceparent") != "" {
		t.Error("a request outside of any trace is traced")
	}
}
