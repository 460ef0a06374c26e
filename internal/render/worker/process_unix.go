//go:build unix && !linux

package worker

import (
	"os"
	"os/exec"
	"syscall"
)

func executable() (string, error) { return os.Executable() }

// attributes make the worker a session of its own. There are no namespaces here,
// and nothing that ends it with us; it sees that we are gone by its input.
func attributes(class, bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// kill ends the worker and all that it started.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it may be gone already

func killedBySignal(s *os.ProcessState) bool {
	ws, ok := s.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled()
}

func newPage() (*page, *os.File, error) {
	f, err := os.CreateTemp("", "lockstep-worker-")
	if err != nil {
		return nil, nil, err
	}
	_ = os.Remove(f.Name()) // it stays as long as it is open
	if err := f.Truncate(pageSize); err != nil {
		_ = f.Close() // the first error says it
		return nil, nil, err
	}
	p, err := mapPage(f)
	return p, f, err
}

// meter has nothing to read from here; the worker measures itself.
type meter struct{}

func newMeter(int) meter  { return meter{} }
func (meter) read() int64 { return 0 }
func (meter) close()      {}
