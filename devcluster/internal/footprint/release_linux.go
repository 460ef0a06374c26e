package footprint

import (
	"bufio"
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// ReleaseAfter gives back, once and after a delay, what only the start needed:
// free heap, and the unchanged pages of the program's file. The kernel reads those
// from its cache again when they are wanted, so nothing can break; it only costs a
// page fault.
func ReleaseAfter(delay time.Duration) {
	time.AfterFunc(delay, func() {
		debug.FreeOSMemory()
		releaseProgram()
	})
}

func releaseProgram() {
	program, err := os.Executable()
	if err != nil {
		return // nothing is lost but the saving
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	// A line: 00400000-0a000000 r-xp 00000000 fe:00 1234  /path/of/program
	lines := bufio.NewScanner(bytes.NewReader(maps))
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) < 6 || string(fields[5]) != program || bytes.ContainsRune(fields[1], 'w') {
			continue // only what cannot have been written to
		}
		from, to, _ := bytes.Cut(fields[0], []byte("-"))
		start, err1 := strconv.ParseUint(string(from), 16, 64)
		end, err2 := strconv.ParseUint(string(to), 16, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		_ = syscall.Madvise(region(uintptr(start), uintptr(end)), syscall.MADV_DONTNEED)
	}
}

// region is the memory between two addresses. They come from the kernel's own
// list of this process, not from a Go object, so the collector has no part in it.
func region(start, end uintptr) []byte {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&start)), end-start)
}
