package otlp

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestWanted(t *testing.T) {
	cases := map[string]struct {
		why  string
		env  map[string]string
		want bool
		err  error
	}{
		"Nothing":       {why: "Traces are off until somebody asks for them.", env: nil},
		"Endpoint":      {why: "A collector that is named is used.", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, want: true},
		"TraceEndpoint": {why: "So is one for traces alone.", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, want: true},
		"Exporter":      {why: "The exporter's default address is this machine.", env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, want: true},
		"None":          {why: "The operator's variables for all pods can be undone for one.", env: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}},
		"Disabled":      {why: "The SDK's own switch holds.", env: map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}},
		"Zipkin":        {why: "What we cannot do is said, not ignored.", env: map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, err: fault.KindUsage},
		"Grpc":          {why: "Traces that silently go nowhere are found out a month later.", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, err: fault.KindUsage},
		"GrpcUnused":    {why: "A protocol without a collector is nobody's trouble.", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}},
		"TracesProto":   {why: "The nearer variable wins.", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := wanted(func(k string) string { return tc.env[k] })
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%s\nwanted = %v, %v; want %v, %v", tc.why, got, err, tc.want, tc.err)
			}
		})
	}
}

// A collector that is not there costs neither a pass nor the end of the server.
func TestCollectorGone(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	var log strings.Builder
	tracer, stop, err := Start(context.Background(), func(k string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}[k]
	}, "v0", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 5000 {
		_, span := tracer.Root(context.Background(), "pass")
		span.End(nil)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("5,000 spans without a collector took %s", took)
	}
	began = time.Now()
	stop()
	if took := time.Since(began); took > 2*flushTime {
		t.Errorf("stopping without a collector took %s", took)
	}
	if n := strings.Count(log.String(), "level=WARN"); n == 0 || n > 2 {
		t.Errorf("%d warnings, want one or two:\n%s", n, log.String())
	}
}
