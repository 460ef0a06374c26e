package component

import "syscall"

// bound makes the kernel kill the child when the parent dies, and keeps a
// terminal's Ctrl-C from reaching it: the parent stops its children in order.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
