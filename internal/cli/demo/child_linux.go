package demo

import "syscall"

// attributes make the kernel end the child when the demo is killed, and keep the
// terminal's Ctrl-C from it: the demo stops things in order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
