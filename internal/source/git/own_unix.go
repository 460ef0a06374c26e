//go:build unix && !linux

package git

import (
	"os/exec"
	"syscall"
)

// own lets a process be killed with its children.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
