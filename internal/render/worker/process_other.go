//go:build !unix

package worker

import (
	"os"
	"os/exec"
	"syscall"
)

func executable() (string, error) { return os.Executable() }

func attributes(class, bool) *syscall.SysProcAttr { return nil }

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it may be gone already

func killedBySignal(*os.ProcessState) bool { return false }

// There is no memory to share, so messages do not say what the worker was at.
func newPage() (*page, *os.File, error) { return nil, nil, nil }
func mapPage(*os.File) (*page, error)   { return nil, nil }

type meter struct{}

func newMeter(int) meter  { return meter{} }
func (meter) read() int64 { return 0 }
func (meter) close()      {}

// closeInherited has nothing to do: only what is named is inherited.
func closeInherited() {}
