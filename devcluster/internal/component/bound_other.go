//go:build unix && !linux

package component

import "syscall"

// bound keeps a terminal's Ctrl-C from reaching the child: the parent stops its
// children in order. Only Linux can also tie a child's life to its parent's;
// elsewhere a kill -9 of the parent leaves children to be stopped by hand.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
