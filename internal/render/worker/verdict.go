package worker

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Reason says why a worker ended in the middle of a job.
type Reason string

// The reasons.
const (
	Deadline  Reason = "deadline"  // the job ran for too long
	Memory    Reason = "memory"    // it needed too much memory
	Stack     Reason = "stack"     // it recursed without end
	Cancelled Reason = "cancelled" // nobody waits for the result any more
	Protocol  Reason = "protocol"  // it sent something that no worker sends
	Killed    Reason = "killed"    // somebody else killed it
	Crashed   Reason = "crashed"   // it ended by itself, for none of the reasons above
)

// ErrDeadline is in the chain of every fault that says that a job ran for too
// long, to tell it from other timeouts. The same job would take as long again.
var ErrDeadline = errors.New("the deadline of a job")

// Died is in the chain of every fault that says that a worker died.
type Died struct {
	Reason Reason
	cause  error
}

// Error says why, for the log.
func (d *Died) Error() string {
	if d.cause == nil {
		return "the worker died: " + string(d.Reason)
	}
	return d.cause.Error()
}

// Unwrap returns the cause.
func (d *Died) Unwrap() error { return d.cause }

// Is makes errors.Is(err, ErrDeadline) work.
func (d *Died) Is(target error) bool { return target == ErrDeadline && d.Reason == Deadline }

// own says whether the job itself is to blame, so that it would end the same way
// in the next worker.
func (r Reason) own() bool { return r != Killed && r != Crashed }

// tail keeps the beginning of what a worker writes to standard error: the runtime
// says first why it gives up, and the rest is of no use to us and may hold values.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const maxTail = 4 << 10

// Write takes everything and keeps little of it.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[:min(len(b), maxTail-len(t.buf))]...)
	return len(b), nil
}

// last words of the Go runtime. It tells them in no other way: such a process
// cannot run any code any more.
const (
	overflow = "fatal error: stack overflow"
	noMemory = "out of memory"
	noMap    = "cannot allocate memory"
	fatal    = "fatal error: "
)

// lastWords returns what the runtime gave up for, "" when it did not say.
func (t *tail) lastWords() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for lines := bufio.NewScanner(bytes.NewReader(t.buf)); lines.Scan(); {
		if words := lines.Text(); strings.HasPrefix(words, fatal) {
			return printable(words)
		}
	}
	return ""
}

// judge says why a process ended that we did not kill.
func judge(s *os.ProcessState, words string) Reason {
	switch {
	case s.ExitCode() == exitMemory, strings.Contains(words, noMemory), strings.Contains(words, noMap):
		return Memory
	case words == overflow:
		return Stack
	case killedBySignal(s):
		return Killed
	}
	return Crashed
}

// ended is the error of a job whose worker is gone.
type ended struct {
	reason Reason
	at     doing
	words  string
	limits Limits
	ran    time.Duration
	cause  error
}

// fault puts it into words.
func (e *ended) fault() *fault.Fault {
	return e.sentence().At("%s", e.at.place).Because(&Died{Reason: e.reason, cause: e.cause})
}

func (e *ended) sentence() *fault.Fault {
	what := e.at.what
	if what == "" {
		what = "the job"
	}
	switch e.reason {
	case Deadline:
		return fault.Timeout("%s ran for more than %s", what, e.limits.Time).
			WithHint("look for a loop or for a range over very many elements; --render-timeout of the server sets the limit")
	case Memory:
		return fault.Invalid("%s needed more than %s of memory", what, Size(e.limits.Memory)).
			WithHint("look for text or lists that grow with each turn of a loop; --render-memory of the server sets the limit")
	case Stack:
		return fault.Invalid("%s calls itself without end", what).
			WithHint("look for a tpl or include that leads back to itself; the stack may have %s", Size(e.limits.stack()))
	case Cancelled:
		return fault.Timeout("%s was stopped, because nobody waits for it any more", what)
	case Protocol:
		return fault.Invalid("%s gave a result that cannot be read", what)
	case Killed:
		return fault.Unavailable("the process of %s was killed twice from outside", what).
			WithHint("the machine may be short of memory; a smaller --render-memory or a larger limit of the server's pod helps")
	}
	return fault.Invalid("the process of %s crashed twice", what).
		WithHint("the log of the server has what it said last")
}
