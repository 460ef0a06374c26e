package health

import (
	"runtime"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/health/rules"
)

// TestHeapOfLibrary: the whole library, compiled, fits into the memory that a
// server may take, and so does what the first object of a kind costs.
func TestHeapOfLibrary(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	l := newLibrary(rules.Files)
	before, start := heap(), time.Now()
	n := 0
	for _, s := range append(shelves(l), l.globs...) {
		if _, err := s.set(rules.Files); err != nil {
			t.Fatal(err)
		}
		n++
	}
	took := time.Since(start)
	grown := (heap() - before) >> 10
	t.Logf("%d kinds compiled in %s, %d KiB", n, took, grown)
	if grown > 8<<10 {
		t.Errorf("the compiled library takes %d KiB", grown)
	}
	runtime.KeepAlive(l)
}

func shelves(l *library) []*shelf {
	var out []*shelf
	for _, s := range l.exact {
		out = append(out, s)
	}
	return out
}
