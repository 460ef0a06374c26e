package target

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// line is the way to one Target. It notices when the Target stops answering:
// requests that cannot be sent, break off or wait too long raise a suspicion, which
// one probe then settles. Meanwhile nobody else tries, and when the probe fails
// those who wait are let go: a Target that is down costs one request at a time and
// no worker.
type line struct {
	// patience is how long a request may go unanswered before the Target is
	// suspected; that is no limit for the request.
	patience time.Duration
	suspect  func() // told of a suspicion; must not block

	mu        sync.Mutex
	suspected bool
	broken    context.Context // ends when the line is found broken
	cut       context.CancelFunc
}

// patience is beyond what a healthy API takes for anything but a slow admission
// webhook.
const patience = 10 * time.Second

// probeTime bounds the one request that settles a suspicion.
const probeTime = 5 * time.Second

var errSilent = errors.New("the target does not answer")

func newLine(suspect func()) *line {
	l := &line{patience: patience, suspect: suspect}
	l.broken, l.cut = context.WithCancel(context.Background())
	return l
}

// doubted says whether a probe is to settle whether the Target answers.
func (l *line) doubted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.suspected
}

// cleared ends a suspicion: the probe was answered.
func (l *line) cleared() (was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, l.suspected = l.suspected, false
	return was
}

// close lets everybody go who waits for an answer.
func (l *line) close() { l.cut() }

func (l *line) doubt() {
	l.mu.Lock()
	news := !l.suspected
	l.suspected = true
	l.mu.Unlock()
	if news {
		l.suspect()
	}
}

type probeKey struct{}

// probing marks the requests of a probe, which go through whatever is suspected.
func probing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, probeKey{}, true), probeTime)
}

// wrap has the requests of a client go over the line.
func (l *line) wrap(next http.RoundTripper) http.RoundTripper { return lined{l, next} }

type lined struct {
	l    *line
	next http.RoundTripper
}

// WrappedRoundTripper is how client-go looks through.
func (t lined) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip sends a request unless the Target is suspected.
func (t lined) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Context().Value(probeKey{}) != nil {
		return t.next.RoundTrip(req)
	}
	if t.l.doubted() || t.l.broken.Err() != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, silent()
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	release := context.AfterFunc(t.l.broken, func() { cancel(errSilent) })
	alarm := time.AfterFunc(t.l.patience, t.l.doubt)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	alarm.Stop()
	end := func() { release(); cancel(nil) }
	if err != nil {
		cause := context.Cause(ctx)
		end()
		if errors.Is(cause, errSilent) {
			return nil, silent()
		}
		if req.Context().Err() == nil {
			t.l.doubt()
		}
		return nil, err
	}
	// A watch lives on in its body.
	resp.Body = &body{ReadCloser: resp.Body, end: end}
	return resp, nil
}

func silent() error {
	return fault.Unavailable("the target does not answer").Because(errSilent).
		WithHint("is the cluster up, and is there a way to it from here? one probe at a time looks whether it is back")
}

// body ends its request's context when it is closed.
type body struct {
	io.ReadCloser
	end func()
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}
