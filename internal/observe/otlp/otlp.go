// Package otlp sends traces to a collector, by the OpenTelemetry protocol over
// HTTP.
//
// The standard OTEL_ variables are all there is to set, and without one that names
// a collector nothing is recorded. Sending happens beside the work: what cannot
// be sent is dropped and said once, and no pass waits for it.
package otlp

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/observe"
)

// flushTime bounds how long the end of the server waits for a collector.
const flushTime = 3 * time.Second

// retry comes back sooner than the exporter's own five seconds: what a collector
// refused while it restarted is to be sent within flushTime when we end too.
var retry = otlptracehttp.RetryConfig{Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: time.Minute}

// Start returns a Tracer as the environment says, nil when it names no collector,
// and a function that sends what is left and ends it.
//
// The variables themselves are read by OpenTelemetry's own SDK, so that they mean
// what they mean elsewhere: OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER(_ARG),
// OTEL_BSP_*, OTEL_SPAN_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
func Start(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (t *observe.Tracer, stop func(), err error) {
	on, err := wanted(getenv)
	if err != nil || !on {
		return nil, func() {}, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithRetry(retry))
	if err != nil {
		return nil, nil, fault.Invalid("the OTEL_EXPORTER_OTLP_ variables cannot be used: %v", err).Because(err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "lockstep"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID(),
		resource.WithFromEnv(), // last, so that it wins
	)
	if err != nil {
		// A part that could not be found out: the others stand.
		log.Warn("not all is known that traces say about this process", "err", err)
	}
	otel.SetErrorHandler(&complaints{log: log})
	otel.SetLogger(logr.FromSlogHandler(observe.Library(log.Handler(), "opentelemetry")))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	stop = func() {
		// ctx has ended by now, and what is left is to be sent all the same.
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := provider.Shutdown(grace); err != nil {
			log.Warn("the last traces could not be sent", "err", err)
		}
	}
	return observe.NewTracer(provider), stop, nil
}

// wanted says whether the environment names a collector. What it asks for and we
// cannot do is an error at the start, when somebody reads it.
func wanted(getenv func(string) string) (bool, error) {
	if getenv("OTEL_SDK_DISABLED") == "true" {
		return false, nil
	}
	named := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	switch exporter := getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
		named = true
	case "":
	default:
		return false, fault.Usage("OTEL_TRACES_EXPORTER is %q", exporter).WithHint("otlp or none")
	}
	protocol := getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	if named && protocol != "" && protocol != "http/protobuf" {
		return false, fault.Usage("the OTLP protocol %q is not spoken here", protocol).
			WithHint("set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, and the endpoint to the collector's port for it, 4318 as a rule")
	}
	return named, nil
}

// complaints says that spans are lost, but not for each batch of them.
type complaints struct {
	log  *slog.Logger
	last atomic.Int64
}

const quiet = 5 * time.Minute

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	now := time.Now().UnixNano()
	last := c.last.Load()
	if now-last < int64(quiet) || !c.last.CompareAndSwap(last, now) {
		return
	}
	c.log.Warn("traces cannot be sent; they are dropped", "err", err)
}
