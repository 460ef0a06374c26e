// Package fault holds the errors that somebody will read.
//
// An error that reaches a condition, an event, the CLI or the HTTP API is a
// [Fault]: it says what kind of trouble it is, where, what, and what to try
// next. Kind alone decides requeue, HTTP status and exit code, from the one
// table in kinds.go. Every other error is wrapped by [Internal] at the edge,
// with its text kept for the log only.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// A Fault is an error somebody will read. Error returns only text that is safe
// and useful to show; the cause goes to the log.
type Fault struct {
	Kind  Kind
	Where string // as the user would say it: stack payments/prod
	What  string // one line, no capital, no full stop, values quoted
	Hint  string // what to try next; empty beats filler
	cause error
}

// New returns a Fault of kind k.
func New(k Kind, format string, args ...any) *Fault {
	return &Fault{Kind: k, What: fmt.Sprintf(format, args...)}
}

// Invalid: what Git or a spec says cannot be carried out; only a new commit or
// an edit helps.
func Invalid(format string, args ...any) *Fault { return New(KindInvalid, format, args...) }

// NotFound: something that is named does not exist.
func NotFound(format string, args ...any) *Fault { return New(KindNotFound, format, args...) }

// Denied: a credential was refused or a permission is missing.
func Denied(format string, args ...any) *Fault { return New(KindDenied, format, args...) }

// Unavailable: a server cannot be reached or does not answer; trying again may
// help.
func Unavailable(format string, args ...any) *Fault { return New(KindUnavailable, format, args...) }

// Conflict: somebody else owns it or changed it first.
func Conflict(format string, args ...any) *Fault { return New(KindConflict, format, args...) }

// Blocked: a gate holds it; a person must act.
func Blocked(format string, args ...any) *Fault { return New(KindBlocked, format, args...) }

// Waiting: nothing is wrong, something else has to come first.
func Waiting(format string, args ...any) *Fault { return New(KindWaiting, format, args...) }

// Timeout: it took longer than allowed.
func Timeout(format string, args ...any) *Fault { return New(KindTimeout, format, args...) }

// Usage: the command line is wrong.
func Usage(format string, args ...any) *Fault { return New(KindUsage, format, args...) }

// Unauthenticated is for requests of somebody who has not proved who they are.
func Unauthenticated(format string, args ...any) *Fault {
	return New(KindUnauthenticated, format, args...)
}

// TooMany is for somebody who asks more often than they may.
func TooMany(format string, args ...any) *Fault { return New(KindTooMany, format, args...) }

// TooLarge is for input beyond its limit.
func TooLarge(format string, args ...any) *Fault { return New(KindTooLarge, format, args...) }

// Internal wraps an error that nobody foresaw. Its text is shown, because no
// better one exists.
func Internal(err error) *Fault {
	return &Fault{Kind: KindInternal, What: err.Error(), cause: err}
}

// At says where, as the user would say it. The outermost At wins nothing: a
// place that is already set is kept, because it is the nearer one.
func (f *Fault) At(format string, args ...any) *Fault {
	if f.Where == "" {
		f.Where = fmt.Sprintf(format, args...)
	}
	return f
}

// WithHint says what to try next.
func (f *Fault) WithHint(format string, args ...any) *Fault {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// Because keeps the cause for the log and for errors.Is and errors.As.
func (f *Fault) Because(err error) *Fault {
	f.cause = err
	return f
}

// Error returns "where: what".
func (f *Fault) Error() string {
	if f.Where == "" {
		return f.What
	}
	return f.Where + ": " + f.What
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.cause }

// Is makes errors.Is(err, fault.KindX) work.
func (f *Fault) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && f.Kind == k
}

// As returns err as a Fault: itself if it is one, the first one it wraps, or an
// Internal. It returns nil for nil.
func As(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return Internal(err)
}

// KindOf returns the kind of err: KindInternal for an error that is no Fault, KindNone
// for none.
func KindOf(err error) Kind {
	if err == nil {
		return KindNone
	}
	return As(err).Kind
}

// Many is several faults from one pass, all reported at once.
type Many []*Fault

// Join collects errors into Many, flattening nested ones and leaving nil out.
// It returns nil when nothing is left.
func Join(errs ...error) error {
	var out Many
	for _, err := range errs {
		if err == nil {
			continue
		}
		var m Many
		if errors.As(err, &m) {
			out = append(out, m...)
			continue
		}
		out = append(out, As(err))
	}
	switch len(out) {
	case 0:
		return nil
	case 1:
		return out[0]
	}
	return out
}

// Error returns one fault a line.
func (m Many) Error() string {
	lines := make([]string, len(m))
	for i, f := range m {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As see each fault.
func (m Many) Unwrap() []error {
	out := make([]error, len(m))
	for i, f := range m {
		out[i] = f
	}
	return out
}

// All returns every fault in err, in order.
func All(err error) []*Fault {
	if err == nil {
		return nil
	}
	var m Many
	if errors.As(err, &m) {
		return m
	}
	return []*Fault{As(err)}
}
