package worker

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// startTime is how long a process may take to say that it is ready, on a machine
// that is busy with other things.
const startTime = 30 * time.Second

// process is one worker.
type process struct {
	cmd      *exec.Cmd
	class    class
	in       *os.File
	out      *os.File
	read     *bufio.Reader
	page     *page
	meter    meter
	tail     tail
	peer     Peer
	jobs     int
	timer    *time.Timer
	confined string // what it gave up
	home     string // of a networked one
	buf      []byte

	reason atomic.Value // Reason, for which we killed it
	exited chan struct{}
}

func start(l Limits, c class, plain bool) (*process, error) {
	exe, err := executable()
	if err != nil {
		return nil, err
	}
	w := &process{class: c, exited: make(chan struct{})}
	// No environment, and no descriptor but the three and the page.
	w.cmd = &exec.Cmd{Path: exe, Args: []string{argv0}, Env: []string{}, Dir: "/", SysProcAttr: attributes(c, plain), Stderr: &w.tail, WaitDelay: time.Second}
	if c == networked {
		if err := w.furnish(); err != nil {
			return nil, err
		}
	}
	if err := w.launch(); err != nil {
		w.release()
		return nil, err
	}
	if err := w.greet(l); err != nil {
		w.end(Protocol)
		w.close()
		return nil, fmt.Errorf("%w: %s", err, w.tail.lastWords())
	}
	return w, nil
}

func (w *process) launch() error {
	in, parentIn, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // the worker has it
	w.in = parentIn
	parentOut, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the worker has it
	w.out = parentOut
	p, f, err := newPage()
	if err == nil && f != nil {
		w.page, w.cmd.ExtraFiles = p, []*os.File{f}
		defer func() { _ = f.Close() }() // the memory stays
	}
	w.cmd.Stdin, w.cmd.Stdout = in, out
	if err := w.cmd.Start(); err != nil {
		return err
	}
	w.read = bufio.NewReaderSize(w.out, 64<<10)
	w.meter = newMeter(w.cmd.Process.Pid)
	go func() {
		_ = w.cmd.Wait() // its state says more than the error
		close(w.exited)
	}()
	return nil
}

// greet sends the limits and waits until the worker has confined itself.
func (w *process) greet(l Limits) error {
	_ = w.out.SetReadDeadline(time.Now().Add(startTime)) // a pipe has deadlines wherever Go runs
	defer func() { _ = w.out.SetReadDeadline(time.Time{}) }()
	if err := w.send(hello, encodeHello(l, w.class)); err != nil {
		return err
	}
	k, body, err := readFrame(w.read, maxTail)
	if err != nil {
		return err
	}
	if k != ready {
		return errFrame
	}
	w.confined = printable(string(body))
	return nil
}

func (w *process) send(k kind, parts ...[]byte) error {
	w.buf = appendFrame(w.buf[:0], k, parts...)
	_, err := w.in.Write(w.buf)
	if cap(w.buf) > 1<<20 {
		w.buf = nil
	}
	return err
}

func (w *process) alive() bool {
	select {
	case <-w.exited:
		return false
	default:
		return w.reason.Load() == nil
	}
}

// end kills the process for a reason, of which the first counts.
func (w *process) end(r Reason) {
	w.reason.CompareAndSwap(nil, r)
	kill(w.cmd)
}

// why says why a process is gone.
func (w *process) why() Reason {
	select {
	case <-w.exited:
	case <-time.After(goodbye): // it stopped to talk, and goes on
		w.end(Protocol)
		<-w.exited
	}
	if r, ok := w.reason.Load().(Reason); ok {
		return r
	}
	return judge(w.cmd.ProcessState, w.tail.lastWords())
}

// goodbye is how long a process may take to end when it has nothing to do.
const goodbye = 2 * time.Second

// close ends the process and lets go of what belongs to it.
func (w *process) close() {
	_ = w.in.Close() // that is what ends it
	select {
	case <-w.exited:
	case <-time.After(goodbye):
		kill(w.cmd)
		<-w.exited
	}
	w.release()
}

func (w *process) release() {
	for _, f := range []*os.File{w.in, w.out} {
		if f != nil {
			_ = f.Close() // nothing is lost
		}
	}
	if w.page != nil {
		w.page.close()
	}
	w.meter.close()
	if w.home != "" {
		_ = os.RemoveAll(w.home) // the system clears it one day
	}
}

// passed are the variables that a networked worker gets: how to find git and the
// way out, and nothing that logs in anywhere.
var passed = []string{"PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"}

// furnish gives a networked worker a home of its own, empty, in which everything
// that it leaves behind is removed.
func (w *process) furnish() error {
	dir, err := os.MkdirTemp("", "lockstep-worker-")
	if err != nil {
		return err
	}
	w.home = dir
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	w.cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + tmp, "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_ALLOW_PROTOCOL=https:http:ssh:git", "LC_ALL=C"}
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		for _, p := range passed {
			if name == p {
				w.cmd.Env = append(w.cmd.Env, e)
			}
		}
	}
	return nil
}
