package observe

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// scope names us in what is exported.
const scope = "github.com/lockstep-dev/lockstep"

// Tracer begins traces. A nil Tracer begins none.
type Tracer struct{ tracer trace.Tracer }

// NewTracer begins traces at a provider.
func NewTracer(p trace.TracerProvider) *Tracer { return &Tracer{tracer: p.Tracer(scope)} }

// Root begins a trace of its own, whatever ctx is part of.
func (t *Tracer) Root(ctx context.Context, name string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, s := t.tracer.Start(ctx, name, trace.WithNewRoot())
	return ctx, recorded(s)
}

// After begins a span that cause led to, in its trace. A cause that was not
// recorded leads to a trace of its own.
func (t *Tracer) After(ctx context.Context, cause Cause, name string) (context.Context, Span) {
	if t == nil || !cause.span.IsValid() {
		return t.Root(ctx, name)
	}
	ctx, s := t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, cause.span), name)
	return ctx, recorded(s)
}

// recorded is s, or the zero Span for one that the sampler left out.
func recorded(s trace.Span) Span {
	if !s.IsRecording() {
		return Span{}
	}
	return Span{s}
}

// Span is one piece of work in a trace. The zero Span is one that nobody records;
// everything may be called on it.
type Span struct{ span trace.Span }

// Cause is a span that others can be said to follow from, after it has ended.
type Cause struct{ span trace.SpanContext }

// Start begins a span below the one in ctx. Without one it returns ctx as it is.
func Start(ctx context.Context, name string) (context.Context, Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, s := parent.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, Span{s}
}

// Traced says whether a request made with ctx would be part of a trace, be it
// below a span that has ended: a status is written after its pass.
func Traced(ctx context.Context) bool {
	return trace.SpanContextFromContext(ctx).IsSampled()
}

// Calling is Start for a request to another process.
func Calling(ctx context.Context, name string) (context.Context, Span) {
	if !Traced(ctx) {
		return ctx, Span{}
	}
	parent := trace.SpanFromContext(ctx)
	ctx, s := parent.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	return ctx, Span{s}
}

// Current is the span in ctx.
func Current(ctx context.Context) Span {
	return recorded(trace.SpanFromContext(ctx))
}

// On says whether anybody will see the span: what is dear to compute for it need
// not be computed otherwise.
func (s Span) On() bool { return s.span != nil }

// Set adds an attribute. Callers never pass what may hold a secret: names, hashes
// and counts only.
func (s Span) Set(key, value string) {
	if s.span != nil && value != "" {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Count adds a number.
func (s Span) Count(key string, n int) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int(key, n))
	}
}

// Follows says what led to this span, in another trace.
func (s Span) Follows(c Cause) {
	if s.span != nil && c.span.IsValid() {
		s.span.AddLink(trace.Link{SpanContext: c.span})
	}
}

// Cause is s for [Span.Follows] and [Tracer.After].
func (s Span) Cause() Cause {
	if s.span == nil {
		return Cause{}
	}
	return Cause{s.span.SpanContext()}
}

// End ends the span. Of an error only a fault's own words are kept, which are
// made to be shown; what any other error says may quote an object.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.Failed(err)
	}
	s.span.End()
}

// Failed marks the span as failed by err without ending it.
func (s Span) Failed(err error) { s.Fail(fault.KindOf(err).String(), words(err)) }

// Fail marks the span as failed without ending it.
func (s Span) Fail(kind, words string) {
	if s.span == nil {
		return
	}
	s.span.SetAttributes(attribute.String("error.type", kind))
	s.span.SetStatus(codes.Error, words)
}

func words(err error) string {
	faults := fault.All(err)
	lines := make([]string, 0, len(faults))
	for _, f := range faults {
		if f.Kind == fault.KindInternal {
			lines = append(lines, "internal error; the log says which")
			continue
		}
		lines = append(lines, f.Error())
	}
	return strings.Join(lines, "\n")
}

// traceOf returns the trace and span ids in ctx, "" without.
func traceOf(ctx context.Context) (traceID, spanID string) {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsSampled() || !sc.IsValid() {
		return "", ""
	}
	return sc.TraceID().String(), sc.SpanID().String()
}
