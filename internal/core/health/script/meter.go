package script

import (
	"context"
	"errors"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Bounds of one run. The scripts of Argo CD need some hundred steps and a few
// kilobytes; a list of a thousand conditions needs some ten thousand steps.
const (
	maxSteps  = 100_000
	maxBytes  = 8 << 20 // allocated in all, not at one time
	maxString = 256 << 10
	maxStack  = 120   // nested calls
	maxValues = 8_192 // on the stack
)

var (
	errSteps  = errors.New("it does more than 100,000 steps")
	errMemory = errors.New("it uses more than 8 MiB of memory")
)

// meter counts what a run uses. It is the context of the virtual machine, which
// asks Done before each instruction.
type meter struct {
	steps, bytes int
	over         error
	done         chan struct{}
}

func newMeter() *meter { return &meter{done: make(chan struct{})} }

var _ context.Context = (*meter)(nil)

// Done counts one step. Once the run is over it stays so: a script that catches
// the error ends at its next instruction.
func (m *meter) Done() <-chan struct{} {
	m.step(1)
	return m.done
}

func (m *meter) Err() error                  { return m.over }
func (m *meter) Deadline() (time.Time, bool) { return time.Time{}, false }
func (m *meter) Value(any) any               { return nil }

func (m *meter) step(n int) {
	if m.steps += n; m.steps > maxSteps || m.steps < 0 {
		m.end(errSteps)
	}
}

func (m *meter) end(err error) {
	if m.over == nil {
		m.over = err
		close(m.done)
	}
}

// work charges for n rounds of a loop of ours.
func (m *meter) work(l *lua.LState, n int) {
	if m.step(n); m.over != nil {
		l.RaiseError("%s", m.over)
	}
}

// alloc charges for n bytes that are about to be allocated.
func (m *meter) alloc(l *lua.LState, n int) {
	if n < 0 || n > maxBytes || m.bytes+n > maxBytes {
		m.end(errMemory)
	}
	m.bytes += min(max(n, 0), maxBytes)
	if m.over != nil {
		l.RaiseError("%s", m.over)
	}
}

// text charges for a string that is about to be made.
func (m *meter) text(l *lua.LState, n int) {
	if n > maxString {
		m.end(errMemory)
	}
	m.alloc(l, n)
	m.work(l, n/256)
}
