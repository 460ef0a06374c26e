package cluster

import "syscall"

// dieWithUs makes the kernel stop the cluster when the test binary is killed.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
