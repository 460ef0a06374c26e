package keeper

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/tfplan"
)

// argv0 is the name under which a keeper is started, and which ps shows.
const argv0 = "lockstep-keeper"

// Here and not in main, so that a keeper costs neither flags nor loggers, and so that
// every binary that can start one can be one. The system's word to the tool that its
// keeper is gone goes by the thread that started it, which has to be one that stays:
// this one.
func init() {
	if len(os.Args) > 0 && os.Args[0] == argv0 {
		os.Exit(serve(os.Stdin, os.Stdout))
	}
}

// serve carries out the order that it is given. What it says is one line: that the
// tool runs, or why not.
func serve(in io.Reader, out io.WriteCloser) int {
	// What we were lent is ours to hold, not the tool's.
	for fd := 3; fd < 10; fd++ {
		syscall.CloseOnExec(fd)
	}
	var o Order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return 2 // whoever started us is gone
	}
	k := &keep{Order: o, redactor: tfplan.NewRedactor(o.Secrets)}
	err := k.begin()
	if err != nil {
		_, _ = fmt.Fprintln(out, err)
	}
	_ = out.Close() // that is the word that it runs
	if err != nil {
		return 1
	}
	if err := k.finish(); err != nil {
		return 1
	}
	return 0
}

// keep is one run.
type keep struct {
	Order
	redactor *tfplan.Redactor
	cmd      *exec.Cmd
	signals  chan os.Signal
	stdout   *os.File
	stderr   *os.File
	events   *os.File

	lock    sync.Mutex // of what both readers write
	result  Result
	report  Report
	said    int // bytes of report
	written int
}

func (k *keep) begin() (err error) {
	k.signals = make(chan os.Signal, 8)
	signal.Notify(k.signals, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
	if k.events, err = os.OpenFile(filepath.Join(k.Dir, eventsFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	if err := writeFile(k.Dir, keeperFile, identify(os.Getpid())); err != nil {
		return err
	}
	if err := k.start(); err != nil {
		k.removeAll()
		return err
	}
	k.result.Started = time.Now()
	dir, name := filepath.Split(k.Tool)
	return writeFile(dir, name, identify(k.cmd.Process.Pid))
}

func (k *keep) start() error {
	var err error
	var out, errs *os.File
	if k.stdout, out, err = os.Pipe(); err != nil {
		return err
	}
	if k.stderr, errs, err = os.Pipe(); err != nil {
		return err
	}
	k.cmd = &exec.Cmd{
		Path: k.Path, Args: append([]string{filepath.Base(k.Path)}, k.Args...), Env: k.Env, Dir: k.WorkDir,
		Stdout: out, Stderr: errs,
		// The tool has the other ends too: a write into a pipe that nobody can read kills
		// it on the spot, and it is to have time when we are gone.
		ExtraFiles:  []*os.File{k.stdout, k.stderr},
		SysProcAttr: attributes(),
	}
	if k.cmd.Env == nil {
		k.cmd.Env = []string{}
	}
	err = k.cmd.Start()
	return errors.Join(err, out.Close(), errs.Close())
}

// finish looks after the tool until it has ended, and says how.
func (k *keep) finish() error {
	lines, words := make(chan struct{}), make(chan struct{})
	go func() { defer close(lines); k.readLines() }()
	go func() { defer close(words); k.readWords() }()
	ended := make(chan error, 1)
	go func() { ended <- k.cmd.Wait() }()
	k.wait(ended)
	// What the tool started may hold the pipes open; what it said itself is in them.
	deadline := time.Now().Add(time.Second)
	_ = k.stdout.SetReadDeadline(deadline) // pipes have deadlines
	_ = k.stderr.SetReadDeadline(deadline)
	<-lines
	<-words
	return k.conclude()
}

// wait returns when the tool has ended.
func (k *keep) wait(ended <-chan error) {
	var kill <-chan time.Time
	for {
		select {
		case <-ended:
			return
		case s := <-k.signals:
			if s == syscall.SIGHUP || k.result.Stopped {
				continue // a second time would mean: at once, lock or no lock
			}
			k.result.Stopped = true
			// The tool alone: it tells its providers itself, in an order that saves the state.
			_ = k.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
			if k.Grace > 0 {
				kill = time.After(k.Grace)
			}
		case <-kill:
			_ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL) // it may have ended already
		}
	}
}

func (k *keep) conclude() error {
	k.result.Ended = time.Now()
	k.result.Exit = k.cmd.ProcessState.ExitCode()
	if ws, ok := k.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		k.result.Signal = int(ws.Signal())
	}
	var errs []error
	report, err := json.Marshal(k.report)
	if err == nil {
		k.result.Sealed, err = Seal(k.Key, report, forReport)
	}
	errs = append(errs, err, k.saveState(), k.events.Close())
	k.removeAll()
	// Last, because whoever finds it relies on all that comes before.
	errs = append(errs, writeFile(k.Dir, resultFile, k.result))
	return errors.Join(errs...)
}

// saveState seals the state that the tool could not save: it is the only record of
// what was made.
func (k *keep) saveState() error {
	left := filepath.Join(k.WorkDir, toolsUnsaved)
	data, err := os.ReadFile(left)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sealed, err := Seal(k.Key, data, forState)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(k.Dir, unsavedFile), sealed, 0o600); err != nil {
		return err
	}
	k.result.Unsaved = true
	return os.Remove(left)
}

func (k *keep) removeAll() {
	for _, file := range append(k.Remove, k.Tool) {
		_ = os.Remove(file) // it may never have been made
	}
}

func (k *keep) readLines() {
	r := bufio.NewReaderSize(k.stdout, 64<<10)
	var line []byte
	skip := false
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			k.result.Dropped += int64(len(line) + len(part))
			line, skip = line[:0], true
		}
		if !skip {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		k.line(line)
		line, skip = line[:0], false
		if err != nil {
			return
		}
	}
}

// line notes one line of the tool's.
func (k *keep) line(b []byte) {
	l, ok := tfplan.ParseLine(b)
	if !ok {
		if words := bytes.TrimSpace(b); len(words) > 0 {
			k.words(append(words, '\n')) // what a library below the tool printed
		}
		return
	}
	if l.Diagnostic != nil {
		if k.said += len(b); k.said > maxReport {
			k.result.Dropped += int64(len(b))
			return
		}
		k.report.Diagnostics = append(k.report.Diagnostics, *l.Diagnostic)
		return
	}
	e := Event{Type: l.Type, Address: l.Address, Action: l.Action, Seconds: l.Seconds}
	switch l.Type {
	case "change_summary":
		e.Message = l.Operation
	case "provision_progress":
		e.Message = k.redactor.Text(l.Output)
	case "apply_start", "apply_progress", "apply_complete", "apply_errored", "refresh_start", "refresh_complete", "provision_start", "provision_complete", "provision_errored":
	default:
		return
	}
	k.write(e)
}

func (k *keep) write(e Event) {
	b, err := json.Marshal(e)
	if err != nil || k.written+len(b) > maxEvents {
		k.result.Dropped += int64(len(b))
		return
	}
	k.written += len(b) + 1
	// A disk that is full costs progress, not the run.
	_, _ = k.events.Write(append(b, '\n'))
}

func (k *keep) readWords() {
	buf := make([]byte, 16<<10)
	for {
		n, err := k.stderr.Read(buf)
		k.words(buf[:n])
		if err != nil {
			return
		}
	}
}

// words keeps the beginning of what is no message: a panic says there what happened.
func (k *keep) words(b []byte) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if len(b) == 0 {
		return
	}
	room := maxStderr - len(k.report.Stderr)
	if room < len(b) {
		k.result.Dropped += int64(len(b) - max(room, 0))
		b = b[:max(room, 0)]
	}
	k.report.Stderr += string(b)
}
