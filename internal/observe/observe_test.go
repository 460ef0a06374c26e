package observe

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// work is what a pass does with its span.
func work(ctx context.Context, t *Tracer) {
	ctx, root := t.Root(ctx, "pass")
	root.Set("lockstep.stack.name", "shop")
	ctx, span := Start(ctx, "render")
	Current(ctx).Count("lockstep.objects", 3)
	span.Follows(Cause{})
	span.End(nil)
	root.End(nil)
}

// Nobody listens as a rule, and then nothing may be paid for.
func TestOffCostsNothing(t *testing.T) {
	ctx := context.Background()
	if n := testing.AllocsPerRun(1000, func() { work(ctx, nil) }); n != 0 {
		t.Errorf("without a tracer a pass's spans cost %v allocations, want none", n)
	}
	never := NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())))
	_, span := never.Root(ctx, "pass")
	if span.On() {
		t.Error("a pass that the sampler left out is recorded")
	}
}

func BenchmarkSpansOff(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		work(context.Background(), nil)
	}
}

func recorder() (*Tracer, *tracetest.SpanRecorder) {
	rec := tracetest.NewSpanRecorder()
	return NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))), rec
}

func TestTree(t *testing.T) {
	tracer, rec := recorder()
	causes := NewCauses()
	src := lockstep.Unit{Namespace: "a", Name: "s"}

	_, hook := tracer.Root(context.Background(), "webhook")
	causes.Asked(src, hook.Cause())
	hook.End(nil)
	_, fetch := tracer.After(context.Background(), causes.Take(src), "fetch")
	causes.Brought(src, "c1", fetch.Cause())
	fetch.End(nil)
	ctx, pass := tracer.Root(context.Background(), "pass")
	pass.Follows(causes.Of(src, "c1"))
	_, apply := Start(ctx, "apply")
	apply.End(fault.Invalid("no"))
	pass.End(nil)

	got := map[string]sdktrace.ReadOnlySpan{}
	for _, s := range rec.Ended() {
		got[s.Name()] = s
	}
	if got["fetch"].SpanContext().TraceID() != got["webhook"].SpanContext().TraceID() {
		t.Error("a fetch that a webhook asked for is not in its trace")
	}
	if got["pass"].SpanContext().TraceID() == got["fetch"].SpanContext().TraceID() {
		t.Error("a pass is not a trace of its own")
	}
	if links := got["pass"].Links(); len(links) != 1 || links[0].SpanContext.SpanID() != got["fetch"].SpanContext().SpanID() {
		t.Errorf("the pass follows from %v, want the fetch", links)
	}
	if got["apply"].Parent().SpanID() != got["pass"].SpanContext().SpanID() {
		t.Error("apply is not below the pass")
	}
	if causes.Take(src).span.IsValid() {
		t.Error("one webhook led to two fetches")
	}
	causes.Brought(src, "c1", Cause{})
	if !causes.Of(src, "c1").span.Equal(fetch.Cause().span) {
		t.Error("a fetch that found nothing new took the place of the one that did")
	}
	if causes.Of(src, "c0").span.IsValid() {
		t.Error("a commit that is not the newest has a cause")
	}
}

func TestFailureWords(t *testing.T) {
	cases := map[string]struct {
		why  string
		err  error
		want string
	}{
		"Fault":   {why: "A fault is made to be shown.", err: fault.Invalid("replicas is %d", -1).At("a.yaml:3"), want: "a.yaml:3: replicas is -1"},
		"Several": {why: "All faults of a pass are told at once.", err: fault.Join(fault.Invalid("a"), fault.Invalid("b")), want: "a\nb"},
		"Other":   {why: "Any other error may quote the object that it is about.", err: errors.New("password: hunter2"), want: "internal error; the log says which"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tracer, rec := recorder()
			_, s := tracer.Root(context.Background(), "pass")
			s.End(tc.err)
			if diff := cmp.Diff(tc.want, rec.Ended()[0].Status().Description); diff != "" {
				t.Errorf("%s\ndescription (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

type passKey struct{}

func passOf(ctx context.Context) string { s, _ := ctx.Value(passKey{}).(string); return s }

func TestLines(t *testing.T) {
	var buf bytes.Buffer
	base := Handler(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}), passOf)
	log := slog.New(base)
	ctx := context.WithValue(context.Background(), passKey{}, "p1")

	log.With("url", "u").InfoContext(ctx, "git")
	log.Info("ready")
	tracer, rec := recorder()
	tctx, span := tracer.Root(ctx, "pass")
	log.InfoContext(tctx, "traced")
	span.End(nil)
	lib := slog.New(Library(base, "client-go"))
	lib.Info("starting")
	lib.Error("lost a watch")
	lib.Debug("deeper than anybody asks")

	id := rec.Ended()[0].SpanContext()
	want := strings.Join([]string{
		`level=INFO msg=git url=u pass=p1`,
		`level=INFO msg=ready`,
		`level=INFO msg=traced pass=p1 trace_id=` + id.TraceID().String() + ` span_id=` + id.SpanID().String(),
		`level=DEBUG msg=starting library=client-go`,
		`level=WARN msg="lost a watch" library=client-go`,
		"",
	}, "\n")
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestLasting(t *testing.T) {
	life, end := context.WithCancel(context.Background())
	caller, gone := context.WithCancel(context.WithValue(context.Background(), passKey{}, "p1"))
	both := Lasting(life, caller)
	gone()
	if both.Err() != nil {
		t.Error("shared work ended with the caller that began it")
	}
	if passOf(both) != "p1" {
		t.Error("shared work has lost its pass")
	}
	child, cancel := context.WithCancel(both)
	defer cancel()
	end()
	if <-child.Done(); both.Err() == nil {
		t.Error("shared work outlived its life")
	}
}
