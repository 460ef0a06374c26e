package component

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A Child is a component's process, seen from the parent.
type Child struct {
	Name string
	PID  int

	log  string
	done chan struct{}
	err  error // valid once done is closed
}

// A Launch says how to start a child.
type Launch struct {
	Name     string
	Flags    []string
	Log      string           // file that takes stdout and stderr
	Env      []string         // on top of the parent's
	Listener *net.TCPListener // handed over to the child, nil if it needs none
}

// Start returns when the process exists, which is long before it is of use.
func Start(l Launch) (*Child, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's file: %w", err)
	}
	log, err := os.OpenFile(l.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", l.Name, err)
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(binary, append([]string{verb, l.Name}, l.Flags...)...)
	cmd.Env = append(os.Environ(), l.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = bound()
	if l.Listener != nil {
		socket, err := l.Listener.File()
		if err != nil {
			return nil, fmt.Errorf("hand the listener to %s: %w", l.Name, err)
		}
		defer func() { _ = socket.Close() }()
		cmd.ExtraFiles = []*os.File{socket} // becomes listenerFD
	}

	c := &Child{Name: l.Name, log: l.Log, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ties a child to the thread that started it, not to the
		// process: if Go retired that thread, the child would be killed.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", l.Name, err)
	}
	c.PID = cmd.Process.Pid
	return c, nil
}

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Failure explains an end that nobody asked for.
func (c *Child) Failure() error {
	return fmt.Errorf("%s ended unexpectedly (%v); the end of %s:\n%s", c.Name, c.err, c.log, tail(c.log))
}

// Stop asks the process to end and insists after the grace period.
func (c *Child) Stop(grace time.Duration) {
	_ = syscall.Kill(c.PID, syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(grace):
		_ = syscall.Kill(c.PID, syscall.SIGKILL)
		<-c.done
	}
}

// tail is the last lines of a log: enough to see a wrong flag or a panic's head.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-15):], "\n  ")
}
