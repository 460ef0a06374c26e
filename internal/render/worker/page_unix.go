//go:build unix

package worker

import (
	"os"

	"golang.org/x/sys/unix"
)

func mapPage(f *os.File) (*page, error) {
	mem, err := unix.Mmap(int(f.Fd()), 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &page{mem: mem, close: func() { _ = unix.Munmap(mem) }}, nil // cannot fail for what was mapped
}

// closeInherited closes descriptors that libraries of the process which started
// us forgot to mark. What this process opened itself is marked.
func closeInherited() {
	for fd := 3; fd < 4096; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd) // it is nobody's
		}
	}
}
