//go:build !linux

package footprint

import (
	"runtime/debug"
	"time"
)

// ReleaseAfter gives free heap back to the system, once and after a delay.
func ReleaseAfter(delay time.Duration) {
	time.AfterFunc(delay, debug.FreeOSMemory)
}
