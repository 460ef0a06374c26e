package observe

import (
	"context"
	"log/slog"
	"time"
)

// Handler gives every log line that is written with a context the id of the pass
// that it belongs to, and of the trace if one is recorded.
//
// pass finds the id in a context, "" without one. It is handed in, because what
// numbers passes is above this package.
func Handler(inner slog.Handler, pass func(context.Context) string) slog.Handler {
	return handler{inner, pass}
}

type handler struct {
	slog.Handler
	pass func(context.Context) string
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := h.pass(ctx); id != "" {
		r.AddAttrs(slog.String("pass", id))
	}
	if trace, span := traceOf(ctx); trace != "" {
		r.AddAttrs(slog.String("trace_id", trace), slog.String("span_id", span))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.pass}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.pass}
}

// Library is a handler for what libraries have to say. What they call
// information is about their own working, and is for whoever debugs; what they
// call an error, they try again, and where it matters somebody above them has
// said so in words of our own.
func Library(inner slog.Handler, name string) slog.Handler {
	return library{inner.WithAttrs([]slog.Attr{slog.String("library", name)})}
}

type library struct{ slog.Handler }

func lowered(l slog.Level) slog.Level {
	switch {
	case l >= slog.LevelError:
		return slog.LevelWarn
	case l >= slog.LevelWarn:
		return slog.LevelInfo
	}
	// Deeper than debug is more than anybody asks for.
	return l + slog.LevelDebug
}

func (l library) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Handler.Enabled(ctx, lowered(level))
}

func (l library) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lowered(r.Level)
	return l.Handler.Handle(ctx, r)
}

func (l library) WithAttrs(attrs []slog.Attr) slog.Handler {
	return library{l.Handler.WithAttrs(attrs)}
}

func (l library) WithGroup(name string) slog.Handler { return library{l.Handler.WithGroup(name)} }

// Lasting is a context that ends with life and otherwise is ctx: work that
// several callers share must not end with the first of them, and still belongs to
// the pass and the trace that began it.
func Lasting(life, ctx context.Context) context.Context { return lasting{life, ctx} }

type lasting struct{ life, values context.Context }

func (l lasting) Deadline() (time.Time, bool) { return l.life.Deadline() }
func (l lasting) Done() <-chan struct{}       { return l.life.Done() }
func (l lasting) Err() error                  { return l.life.Err() }

func (l lasting) Value(key any) any {
	// The life is asked first: it answers for how it is cancelled.
	if v := l.life.Value(key); v != nil {
		return v
	}
	return l.values.Value(key)
}
