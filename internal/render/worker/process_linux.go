package worker

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// executable is this very binary, also when another has taken its place on disk.
func executable() (string, error) { return "/proc/self/exe", nil }

// attributes make the worker a session of its own, that dies when the thread dies
// that started it, and with it when this process does. Namespaces give it a
// network without a device and take its user every right on this machine.
func attributes(c class, plain bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if plain || c == networked {
		return a
	}
	const nobody = 65534
	a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
	return a
}

// kill ends the worker and all that it started.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it may be gone already

// killedBySignal says whether a signal ended the process.
func killedBySignal(s *os.ProcessState) bool {
	ws, ok := s.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled()
}

func newPage() (*page, *os.File, error) {
	fd, err := unix.MemfdCreate("lockstep-worker", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), "page")
	if err := f.Truncate(pageSize); err != nil {
		_ = f.Close() // the first error says it
		return nil, nil, err
	}
	p, err := mapPage(f)
	if err != nil {
		_ = f.Close() // the first error says it
	}
	return p, f, err
}

// meter reads how much memory a process has.
type meter struct{ statm *os.File }

func newMeter(pid int) meter {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return meter{} // no /proc: the limits inside of the worker remain
	}
	return meter{f}
}

// read returns the resident bytes of its own; 0 for unknown.
func (m meter) read() int64 {
	if m.statm == nil {
		return 0
	}
	var buf [128]byte
	n, _ := m.statm.ReadAt(buf[:], 0) // always ends in io.EOF
	fields := strings.Fields(string(buf[:n]))
	if len(fields) < 3 {
		return 0
	}
	resident, _ := strconv.ParseInt(fields[1], 10, 64) // 0 is unknown
	shared, _ := strconv.ParseInt(fields[2], 10, 64)   // the binary itself, which all workers share
	return (resident - shared) * int64(os.Getpagesize())
}

func (m meter) close() {
	if m.statm != nil {
		_ = m.statm.Close() // nothing to lose in a reader
	}
}
