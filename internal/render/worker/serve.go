package worker

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// argv0 is the name under which a worker is started, and which ps shows.
const argv0 = "lockstep-worker"

// How a worker ends by itself.
const (
	exitGone   = 0 // nobody wants anything any more
	exitLost   = 3 // the one that started it cannot be understood or is gone
	exitMemory = 4 // it has more memory than allowed
)

// A Job is something that a worker can do. It runs alone in its process; what it
// leaves in variables is there for the next job.
type Job func(c *Call, in []byte) ([]byte, error)

// Jobs are those that a binary can do, by name.
type Jobs map[string]Job

// Main serves jobs until the one that started the process has no more, and ends
// the process, if it was started as a worker. Otherwise it returns at once.
func Main(jobs Jobs) {
	if len(os.Args) != 1 || os.Args[0] != argv0 {
		return
	}
	s := &server{jobs: jobs, in: bufio.NewReaderSize(os.Stdin, 64<<10), out: bufio.NewWriterSize(os.Stdout, 64<<10)}
	// Nobody but us speaks on these two.
	os.Stdin, os.Stdout = nil, os.Stderr
	log.SetOutput(io.Discard)
	os.Exit(s.serve())
}

type server struct {
	jobs Jobs
	in   *bufio.Reader
	out  *bufio.Writer
	page *page
	buf  []byte
}

func (s *server) serve() int {
	s.openPage()
	closeInherited()
	k, body, err := readFrame(s.in, MaxFrame)
	if err != nil || k != hello {
		return exitLost
	}
	l, c, err := decodeHello(body)
	if err != nil {
		return exitLost
	}
	runtime.GOMAXPROCS(min(2, runtime.NumCPU()))
	debug.SetMaxStack(int(l.stack()))
	debug.SetMemoryLimit(l.Memory / 4 * 3) // collect harder before the limit is reached
	if s.send(ready, []byte(confine(l, c))) != nil {
		return exitLost
	}
	for {
		k, body, err := readFrame(s.in, MaxFrame)
		if err != nil {
			return exitGone
		}
		if k != job || s.job(body) != nil {
			return exitLost
		}
	}
}

// openPage maps the memory that is shared with the one that started us.
func (s *server) openPage() {
	f := os.NewFile(3, "page")
	if f == nil {
		return
	}
	s.page, _ = mapPage(f) // without it, messages say less
	_ = f.Close()          // the memory stays
}

func (s *server) send(k kind, parts ...[]byte) error {
	if err := s.queue(k, parts...); err != nil {
		return err
	}
	return s.out.Flush()
}

func (s *server) queue(k kind, parts ...[]byte) error {
	s.buf = appendFrame(s.buf[:0], k, parts...)
	_, err := s.out.Write(s.buf)
	if cap(s.buf) > 1<<20 {
		s.buf = nil
	}
	return err
}

func (s *server) job(body []byte) error {
	r := wire.NewReader(body)
	name, in := r.String(), r.Blob()
	if r.Err() != nil {
		return r.Err()
	}
	out, err := s.do(name, in)
	s.page.write(doing{})
	switch {
	case err != nil:
		return s.send(failed, EncodeFaults(err))
	case len(out) > MaxFrame:
		return s.send(failed, EncodeFaults(fault.Invalid("the result has %s, more than the limit of %s", Size(int64(len(out))), Size(MaxFrame))))
	}
	return s.send(done, out)
}

func (s *server) do(name string, in []byte) (out []byte, err error) {
	f := s.jobs[name]
	if f == nil {
		return nil, fault.New(fault.KindInternal, "this binary has no job %q", name)
	}
	c := &Call{s: s}
	defer func() {
		if p := recover(); p != nil {
			err = fault.Invalid("%s stopped unexpectedly: %v", c.subject(), p).At("%s", c.at.place).
				Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return f(c, in)
}

// A Call is one job under way, seen from inside of the worker.
type Call struct {
	s  *server
	at doing
}

func (c *Call) subject() string {
	if c.at.what == "" {
		return "the job"
	}
	return c.at.what
}

// Doing says what the job is at: the beginning of a sentence ("the template") and
// the place where a person finds it. It is nearly free. When the worker is killed
// the fault names what was said last.
func (c *Call) Doing(what, place string) {
	c.at = doing{what: what, place: place}
	c.s.page.write(c.at)
}

// Ask asks the Host something and waits for the answer, during which the job's
// time stands still.
func (c *Call) Ask(question []byte) ([]byte, error) {
	if c.s.send(ask, question) != nil {
		os.Exit(exitLost)
	}
	k, body, err := readFrame(c.s.in, MaxFrame)
	if err != nil || k != answer || len(body) == 0 {
		os.Exit(exitLost)
	}
	if body[0] != 0 {
		return nil, DecodeFaults(body[1:])
	}
	return body[1:], nil
}

// Note tells the Host something. It goes with the next thing that is sent; Flush
// sends it now, so that the Host has it even if the worker is killed.
func (c *Call) Note(b []byte) {
	if c.s.queue(note, b) != nil {
		os.Exit(exitLost)
	}
}

// Flush sends what was noted.
func (c *Call) Flush() {
	if c.s.out.Flush() != nil {
		os.Exit(exitLost)
	}
}
