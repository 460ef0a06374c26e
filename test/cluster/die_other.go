//go:build !linux

package cluster

import "syscall"

// dieWithUs does nothing: a killed test binary leaves its cluster behind.
func dieWithUs() *syscall.SysProcAttr { return nil }
