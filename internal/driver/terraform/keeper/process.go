package keeper

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Process tells one process from the next that gets its number.
type Process struct {
	PID   int
	Since string // when it started, in the system's own words; "" where it does not say
}

// identify returns the process with a number.
func identify(pid int) Process { return Process{pid, since(pid)} }

// Alive says whether the process still runs.
func (p Process) Alive() bool {
	if p.PID <= 0 || syscall.Kill(p.PID, 0) == syscall.ESRCH {
		return false
	}
	return since(p.PID) == p.Since
}

// Stop asks the process to stop.
func (p Process) Stop() {
	if p.Alive() {
		_ = syscall.Kill(p.PID, syscall.SIGTERM) // it may have ended since
	}
}

// Tool returns the process that a file of Order.Tool names; the zero Process for none.
func Tool(file string) Process {
	var p Process
	_, _ = readFile(file, &p) // half a file was left by a crash, and names nobody
	return p
}

// since reads when a process started; a process that ended and that nobody has waited
// for is none.
func since(pid int) string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	// The second field is a name that may hold anything; the last ) ends it.
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	const state, start = 0, 19 // counted from behind the name
	if len(fields) <= start || string(fields[state]) == "Z" {
		return "ended"
	}
	return string(fields[start])
}
