package place

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
)

// A Lock is held by the one process that may use a directory. The kernel lets go
// of it when that process dies, however it dies, so there are no stale locks.
type Lock struct {
	file *os.File
}

// Busy says that another process holds the directory.
type Busy struct {
	Dir Dir
	PID int
}

func (b *Busy) Error() string {
	return fmt.Sprintf("a cluster is already running in %s (pid %d)", b.Dir, b.PID)
}

// Hint is what to do about it.
func (b *Busy) Hint() string {
	return fmt.Sprintf("stop it with: kill %d, or choose another --dir", b.PID)
}

// Lock takes the directory or fails at once with [Busy].
func (d Dir) Lock() (*Lock, error) {
	file, err := os.OpenFile(d.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of %s: %w", d, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid := readPID(file)
		_ = file.Close()
		if err == syscall.EWOULDBLOCK {
			return nil, &Busy{Dir: d, PID: pid}
		}
		return nil, fmt.Errorf("lock %s: %w", d, err)
	}
	if err := writePID(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("write the lock of %s: %w", d, err)
	}
	return &Lock{file: file}, nil
}

// Release gives the directory back. The file stays: removing it would let two
// processes hold locks on two files of the same name.
func (l *Lock) Release() error {
	_ = l.file.Truncate(0)
	return l.file.Close()
}

// Holder is the pid of the process that holds the directory, or 0.
func (d Dir) Holder() (int, error) {
	file, err := os.Open(d.lock())
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open the lock of %s: %w", d, err)
	}
	defer func() { _ = file.Close() }()
	// A shared lock is enough to ask, and two people asking do not disturb.
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil {
		return 0, nil
	}
	return readPID(file), nil
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(file *os.File) int {
	text := make([]byte, 32)
	n, err := file.ReadAt(text, 0)
	if err != nil && err != io.EOF {
		return 0
	}
	pid, _ := strconv.Atoi(string(bytes.TrimSpace(text[:n])))
	return pid
}
