//go:build linux && (amd64 || arm64)

package worker

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data, and its answers.
const (
	atNumber   = 0
	atArch     = 4
	atFirstArg = 16

	answerAllow  = unix.SECCOMP_RET_ALLOW
	answerRefuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	answerAbsent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// everywhere are the system calls that the Go runtime and glibc make in a process
// that computes, reads and writes what is open, and has threads. Nothing opens a
// file, a socket or a program; what is not named is refused.
var everywhere = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_CLOSE, unix.SYS_FSTAT, unix.SYS_LSEEK,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_MEMBARRIER,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_RESTART_SYSCALL,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_PPOLL,
	unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_FCNTL,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETRUSAGE, unix.SYS_UNAME,
	unix.SYS_GETRANDOM, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// filter builds the program that judges each system call.
func filter(pid uint32) []unix.SockFilter {
	stmt := func(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }
	jump := func(code uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: code, Jt: yes, Jf: no, K: k}
	}
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		has    = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		least  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		result = unix.BPF_RET | unix.BPF_K
	)
	p := []unix.SockFilter{
		// Another architecture has other numbers.
		stmt(load, atArch),
		jump(equal, auditArch, 1, 0),
		stmt(result, unix.SECCOMP_RET_KILL_PROCESS),
		stmt(load, atNumber),
		// x32 on amd64 has its own.
		jump(least, 0x40000000, 0, 1),
		stmt(result, unix.SECCOMP_RET_KILL_PROCESS),
		// clone3 keeps its flags in memory, where no filter sees them: as if there
		// were none, glibc takes clone.
		jump(equal, unix.SYS_CLONE3, 0, 1),
		stmt(result, answerAbsent),
		// Threads, but no processes.
		jump(equal, unix.SYS_CLONE, 0, 4),
		stmt(load, atFirstArg),
		jump(has, unix.CLONE_THREAD, 0, 1),
		stmt(result, answerAllow),
		stmt(result, answerRefuse),
		// Signals to ourselves alone, by which the runtime preempts.
		jump(equal, unix.SYS_TGKILL, 0, 4),
		stmt(load, atFirstArg),
		jump(equal, pid, 0, 1),
		stmt(result, answerAllow),
		stmt(result, answerRefuse),
	}
	for _, nr := range append(append([]uint32{}, everywhere...), here...) {
		p = append(p, jump(equal, nr, 0, 1), stmt(result, answerAllow))
	}
	return append(p, stmt(result, answerRefuse))
}

// seccomp puts the filter on every thread, for good.
func seccomp() error {
	p := filter(uint32(unix.Getpid()))                         //nolint:gosec // a pid
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]} //nolint:gosec // some hundred
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}
