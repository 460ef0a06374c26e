package keeper

import "syscall"

// attributes give the tool a group of its own, and have the system ask it to stop when
// its keeper is gone.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
