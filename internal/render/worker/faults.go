package worker

import (
	"context"
	"errors"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

const (
	maxFaults = 1000
	maxText   = 64 << 10
)

// marks are the causes that somebody may ask for with errors.Is.
var marks = []error{lockstep.ErrNotExist, lockstep.ErrOutside, context.DeadlineExceeded, context.Canceled}

// remoteCause is the cause of a fault in the other process: its text, and which
// of the marks it is.
type remoteCause struct {
	text string
	mark error
}

// Error returns the text that the cause had.
func (c *remoteCause) Error() string { return c.text }

// Unwrap returns the mark, if any.
func (c *remoteCause) Unwrap() error { return c.mark }

// EncodeFaults writes every fault of err.
func EncodeFaults(err error) []byte {
	var w wire.Writer
	all := fault.All(err)
	all = all[:min(len(all), maxFaults)]
	w.Count(len(all))
	for _, f := range all {
		w.Byte(byte(f.Kind))
		for _, text := range []string{f.Where, f.What, f.Hint} {
			w.String(text[:min(len(text), maxText)])
		}
		encodeCause(&w, f.Unwrap())
	}
	return w.Bytes()
}

func encodeCause(w *wire.Writer, cause error) {
	w.Bool(cause != nil)
	if cause == nil {
		return
	}
	text := cause.Error()
	w.String(text[:min(len(text), maxText)])
	for i, m := range marks {
		if errors.Is(cause, m) {
			w.Byte(byte(i + 1))
			return
		}
	}
	w.Byte(0)
}

// DecodeFaults reads what EncodeFaults wrote. It returns an error in any case.
func DecodeFaults(b []byte) error {
	r := wire.NewReader(b)
	var errs []error
	for range r.Count() {
		f := &fault.Fault{Kind: fault.Kind(r.Byte()), Where: r.String(), What: r.String(), Hint: r.String()}
		if r.Bool() {
			c := &remoteCause{text: r.String()}
			if i := int(r.Byte()); i > 0 && i <= len(marks) {
				c.mark = marks[i-1]
			}
			f = f.Because(c)
		}
		errs = append(errs, f)
	}
	if err := r.Err(); err != nil || len(errs) == 0 {
		return wire.ErrMalformed
	}
	return fault.Join(errs...)
}
