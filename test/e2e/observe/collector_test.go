package observe

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is the smallest that speaks OTLP over HTTP.
type collector struct {
	URL string

	mu    sync.Mutex
	raw   strings.Builder
	spans []*tracev1.Span
	about map[string]string // of the process
	down  bool
}

func newCollector(t testing.TB) *collector {
	c := &collector{about: map[string]string{}}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	c.URL = srv.URL
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	req := &collectorv1.ExportTraceServiceRequest{}
	switch {
	case c.down:
		http.Error(w, "out of order", http.StatusServiceUnavailable) // which the protocol says to try again
		return
	case err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf":
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	if err := proto.Unmarshal(body, req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.raw.Write(body)
	for _, rs := range req.ResourceSpans {
		for _, kv := range rs.Resource.Attributes {
			c.about[kv.Key] = kv.Value.GetStringValue()
		}
		for _, ss := range rs.ScopeSpans {
			c.spans = append(c.spans, ss.Spans...)
		}
	}
	out, err := proto.Marshal(&collectorv1.ExportTraceServiceResponse{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(out)
}

func (c *collector) fail(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}

// span is one span with what is below it.
type span struct {
	*tracev1.Span
	attrs    map[string]string
	children []*span
}

// trees are the traces that have arrived, by the name of their root.
func (c *collector) trees() map[string][]*span {
	c.mu.Lock()
	defer c.mu.Unlock()
	byID := map[string]*span{}
	for _, s := range c.spans {
		attrs := map[string]string{}
		for _, kv := range s.Attributes {
			attrs[kv.Key] = kv.Value.GetStringValue()
			if attrs[kv.Key] == "" {
				attrs[kv.Key] = fmt.Sprint(kv.Value.GetIntValue())
			}
		}
		byID[id(s.TraceId, s.SpanId)] = &span{Span: s, attrs: attrs}
	}
	roots := map[string][]*span{}
	for _, s := range c.spans {
		x := byID[id(s.TraceId, s.SpanId)]
		if parent := byID[id(s.TraceId, s.ParentSpanId)]; parent != nil {
			parent.children = append(parent.children, x)
			continue
		}
		if len(s.ParentSpanId) == 0 {
			roots[s.Name] = append(roots[s.Name], x)
		}
	}
	return roots
}

func id(trace, span []byte) string { return hex.EncodeToString(trace) + "/" + hex.EncodeToString(span) }

// find returns the spans of a name at or below s.
func (s *span) find(name string) []*span {
	var out []*span
	if s.Name == name {
		out = append(out, s)
	}
	for _, c := range s.children {
		out = append(out, c.find(name)...)
	}
	return out
}

// print writes a tree of names.
func (s *span) print(indent string, to *strings.Builder) {
	fmt.Fprintf(to, "%s%s %v\n", indent, s.Name, s.attrs)
	for _, c := range s.children {
		c.print(indent+"  ", to)
	}
}
