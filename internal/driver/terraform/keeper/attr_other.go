//go:build !linux

package keeper

import "syscall"

// attributes give the tool a group of its own. Nothing tells it here that its keeper is
// gone; it goes on to its end.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
