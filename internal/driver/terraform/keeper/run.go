package keeper

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// State says how far a run has got.
type State uint8

// The states.
const (
	Absent  State = iota // it never began
	Running              // its keeper is at work
	Ended                // there is a Result
	Lost                 // it began, and nobody is left to say how it ended
)

// Run is a run as seen by who waits for it.
type Run struct {
	dir    string
	keeper Process
	child  <-chan struct{} // closed when the keeper ended; nil for one that somebody else started
}

// ErrLost is returned for a run whose keeper is gone without a result.
var ErrLost = errors.New("the keeper ended without a result")

// Begin starts a keeper on an order. The files in lend stay open in it: a lock that the
// caller holds is held as long as it lives.
func Begin(o Order, lend ...*os.File) (*Run, error) {
	order, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	exe, err := executable()
	if err != nil {
		return nil, err
	}
	var word bytes.Buffer
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// No environment: what the server knows of credentials is none of the tool's business.
	cmd := &exec.Cmd{Path: exe, Args: []string{argv0}, Env: []string{}, Dir: "/", Stdin: bytes.NewReader(order), Stdout: in, ExtraFiles: lend, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	err = errors.Join(cmd.Start(), in.Close())
	if err != nil {
		_ = out.Close() // the first error says it
		return nil, err
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = cmd.Wait() // the result says more
	}()
	_, err = io.Copy(&word, io.LimitReader(out, 64<<10))
	err = errors.Join(err, out.Close())
	if said := strings.TrimSpace(word.String()); said != "" {
		err = errors.New(said)
	}
	if err != nil {
		<-gone
		return nil, err
	}
	return &Run{dir: o.Dir, keeper: identify(cmd.Process.Pid), child: gone}, nil
}

// executable is this very binary, also when another has taken its place on disk.
func executable() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// Look finds a run that was begun in dir, by whomever.
func Look(dir string) (*Run, State, error) {
	r := &Run{dir: dir}
	began, err := readFile(filepath.Join(dir, keeperFile), &r.keeper)
	if err != nil || !began {
		return nil, Absent, err
	}
	alive := r.keeper.Alive()
	if _, err := os.Stat(filepath.Join(dir, resultFile)); err == nil {
		return r, Ended, nil
	}
	if alive {
		return r, Running, nil
	}
	return r, Lost, nil
}

// every is how often a run that somebody else started is looked at, and how often lines
// are looked for.
const every = 50 * time.Millisecond

// Wait tells every event from the beginning on and returns the result. When ctx ends
// the tool is asked to stop, and Wait goes on to wait.
func (r *Run) Wait(ctx context.Context, tell func(Event)) (Result, error) {
	t := tail{path: filepath.Join(r.dir, eventsFile), tell: tell}
	defer t.close()
	tick := time.NewTicker(every)
	defer tick.Stop()
	done := ctx.Done()
	for {
		select {
		case <-r.child: // nil for one that we did not start: never
			return r.end(&t)
		case <-done:
			r.keeper.Stop()
			done = nil
		case <-tick.C:
			t.read()
			if r.child == nil && !r.keeper.Alive() {
				return r.end(&t)
			}
		}
	}
}

func (r *Run) end(t *tail) (Result, error) {
	t.read()
	var out Result
	there, err := readFile(filepath.Join(r.dir, resultFile), &out)
	if err != nil {
		return out, err
	}
	if !there {
		return out, ErrLost
	}
	return out, nil
}

// PID of the keeper.
func (r *Run) PID() int { return r.keeper.PID }

// Unsaved returns the state that the tool could not save; nil if there is none.
func Unsaved(dir string, key []byte) ([]byte, error) {
	sealed, err := os.ReadFile(filepath.Join(dir, unsavedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return Open(key, sealed, forState)
}

// Saved forgets the state that Unsaved returns.
func Saved(dir string) error { return os.Remove(filepath.Join(dir, unsavedFile)) }

// tail reads the lines that were added to a file.
type tail struct {
	path string
	tell func(Event)
	file *os.File
	rest []byte
}

func (t *tail) read() {
	if t.file == nil {
		f, err := os.Open(t.path)
		if err != nil {
			return // not yet
		}
		t.file = f
	}
	r := bufio.NewReader(t.file)
	for {
		part, err := r.ReadBytes('\n')
		t.rest = append(t.rest, part...)
		if err != nil {
			return // half a line: the other half comes
		}
		var e Event
		if json.Unmarshal(t.rest, &e) == nil {
			t.tell(e)
		}
		t.rest = t.rest[:0]
	}
}

func (t *tail) close() {
	if t.file != nil {
		_ = t.file.Close() // nothing to lose in a reader
	}
}

// String names the run in logs.
func (r *Run) String() string {
	return fmt.Sprintf("%s (keeper %d)", filepath.Base(r.dir), r.keeper.PID)
}

// Stop asks the tool to stop; Wait says how that ended.
func (r *Run) Stop() { r.keeper.Stop() }
