package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// run is one job in one process.
type run struct {
	w       *process
	limits  Limits
	started time.Time
	watch   watch
	peak    int64
}

func (r *run) do(ctx context.Context, name string, h Host) ([]byte, error) {
	w := r.w
	stop := context.AfterFunc(ctx, func() { w.end(Cancelled) })
	defer stop()
	r.watch.begin(w, r.limits)
	out, err, answered := r.talk(ctx, name, h)
	r.peak = r.watch.finish()
	if answered {
		return out, err
	}
	if err != nil {
		w.end(Protocol) // or it is dead already, which is then the reason
	}
	// Not before it is dead: until then it may write the page.
	reason := w.why()
	e := &ended{reason: reason, at: w.page.read(), words: w.tail.lastWords(), limits: r.limits, ran: time.Since(r.started)}
	switch {
	case reason == Cancelled:
		e.cause = context.Cause(ctx)
	case e.words != "":
		e.cause = fmt.Errorf("the worker ended with %q", e.words)
	default:
		e.cause = fmt.Errorf("the worker ended: %s", w.cmd.ProcessState)
	}
	return nil, e
}

// maxAsks bounds the questions of one job. A build that reads ten thousand files
// stays below it.
const maxAsks = 100_000

// talk sends the job and answers what it asks until it is done. answered says
// that the worker gave its result, which may be an error.
func (r *run) talk(ctx context.Context, name string, h Host) (out []byte, err error, answered bool) { //nolint:revive // the error is the job's
	w := r.w
	var head wire.Writer
	head.String(name)
	in := h.Input(&w.peer)
	head.Count(len(in))
	if err := w.send(job, head.Bytes(), in); err != nil {
		return nil, gone(err), false
	}
	for asks := 0; ; {
		k, body, err := readFrame(w.read, MaxFrame)
		if err != nil {
			return nil, gone(err), false
		}
		switch k {
		case note:
			h.Note(body)
		case ask:
			if asks++; asks > maxAsks {
				return nil, errFrame, false
			}
			if err := r.answer(ctx, h, body); err != nil {
				return nil, gone(err), false
			}
		case done:
			return body, nil, true
		case failed:
			return nil, DecodeFaults(body), true
		default:
			return nil, errFrame, false
		}
	}
}

// gone returns nil for the errors of a worker that has died, whose end says more.
func gone(err error) error {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.EPIPE, os.ErrClosed} {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

func (r *run) answer(ctx context.Context, h Host, question []byte) error {
	r.watch.pause()
	defer r.watch.resume()
	out, err := h.Answer(ctx, question)
	if err != nil {
		return r.w.send(answer, []byte{1}, EncodeFaults(err))
	}
	return r.w.send(answer, []byte{0}, out)
}

// busy is how long the worker worked.
func (r *run) busy() time.Duration { return r.watch.ran() }
