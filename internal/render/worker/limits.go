package worker

import (
	"strconv"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// Limits bound one job.
type Limits struct {
	// Time is how long it may run, without what it waits for us; default 30 s.
	Time time.Duration
	// Memory is what its process may have resident, in bytes; default 512 MiB.
	Memory int64
}

// Defaults and least values.
const (
	DefaultTime   = 30 * time.Second
	DefaultMemory = 512 << 20
	leastTime     = 100 * time.Millisecond
	leastMemory   = 128 << 20 // a worker has about half of that before it does anything
)

// stack bounds the stack of one goroutine, below the memory so that recursion is
// told from greed. Templates that include one another a thousand deep, which is
// as far as Helm goes, take some MiB of it.
func (l Limits) stack() int64 { return l.Memory / 8 }

// Check fills in defaults and refuses what no worker could start with.
func (l Limits) Check() (Limits, error) {
	if l.Time == 0 {
		l.Time = DefaultTime
	}
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	if l.Time < leastTime {
		return l, fault.Usage("the render timeout is %s, less than %s", l.Time, leastTime)
	}
	if l.Memory < leastMemory {
		return l, fault.Usage("the render memory is %s, less than %s", Size(l.Memory), Size(leastMemory))
	}
	return l, nil
}

// Size writes a number of bytes as people do.
func Size(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + " GiB"
	case n >= 1<<20:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// class is what a worker may do.
type class byte

const (
	// confined: nothing but compute.
	confined class = iota
	// networked: reach the network, run git, write temporary files; the limits of
	// time and memory hold all the same.
	networked
)

func encodeHello(l Limits, c class) []byte {
	var w wire.Writer
	w.Int(l.Memory)
	w.Byte(byte(c))
	return w.Bytes()
}

func decodeHello(b []byte) (Limits, class, error) {
	r := wire.NewReader(b)
	l, c := Limits{Memory: r.Int()}, class(r.Byte())
	return l, c, r.Err()
}
