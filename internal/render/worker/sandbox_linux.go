package worker

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slack is what a process of ours maps beyond its heap: the binary's data, stacks
// of threads, what the collector has not given back yet.
const slack = 192 << 20

// confine gives up what a job does not need, and says what that was. Each layer
// holds by itself; one that the kernel or a container does not allow is left out,
// and what is left is in the answer for the log.
func confine(l Limits, c class) string {
	// More likely to be killed than whoever started us.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o600) // no /proc is no reason to stop
	limit(unix.RLIMIT_CORE, 0)
	if !shadowed {
		limit(unix.RLIMIT_DATA, uint64(l.Memory)+slack) //nolint:gosec // checked when it was set
	}
	var on []string
	if c == networked {
		return "limits"
	}
	limit(unix.RLIMIT_FSIZE, 0)
	limit(unix.RLIMIT_NOFILE, 64)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // of no use without the layers below
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == nil {
		on = append(on, "no-new-privileges")
	}
	if landlock() == nil {
		on = append(on, "landlock")
	}
	if seccomp() == nil {
		on = append(on, "seccomp")
	}
	return strings.Join(append([]string{"limits"}, on...), ",")
}

func limit(what int, most uint64) {
	_ = unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}) // lowering is always allowed
}

// landlock takes all rights to files, to TCP and to other processes. It holds for
// one thread and those that it starts, so it is for binaries without cgo, which
// can make a system call on all threads; the filter covers the same and more.
func landlock() error {
	const (
		files  = 1<<13 - 1 // what the first version knows
		tcp    = 1<<0 | 1<<1
		scoped = 1<<0 | 1<<1
	)
	rules := struct{ fs, net, scope uint64 }{fs: files}
	size := unsafe.Sizeof(rules.fs)
	version, _, _ := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case int(version) <= 0: //nolint:gosec // a small number or -1
		return errors.ErrUnsupported
	case version >= 6:
		rules.scope, size = scoped, unsafe.Sizeof(rules)
		fallthrough
	case version >= 4:
		rules.net, size = tcp, max(size, 2*unsafe.Sizeof(rules.fs))
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), size, 0)
	if errno != 0 {
		return errno
	}
	defer func() { _ = unix.Close(int(fd)) }() //nolint:gosec // a descriptor
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
