package worker

import (
	"encoding/binary"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"
)

// A page is memory that a worker and whoever started it share, in which the
// worker writes what it is at. It costs no system call, and what is written there
// can be read when the worker is dead, however it died.
//
// It has two halves. A worker writes the half that does not count and then says
// that it counts, so that a worker that is killed while writing leaves the half
// before.
type page struct {
	mem []byte
	// close lets go of the memory.
	close func()
}

const (
	pageSize = 4096
	half     = 2000
	maxField = 900
)

// doing is what a worker is at.
type doing struct {
	what  string // "the template", the beginning of a sentence
	place string // where a person finds it
}

func (p *page) write(d doing) {
	if p == nil {
		return
	}
	next := 1 - p.mem[0]&1
	at := p.mem[8+int(next)*half:]
	n := putField(at, 0, d.what)
	putField(at, n, d.place)
	// Atomic, so that it does not go ahead of what it is about.
	(*atomic.Uint32)(unsafe.Pointer(&p.mem[0])).Store(uint32(next)) //nolint:gosec // a page is aligned
}

func putField(mem []byte, at int, s string) int {
	s = s[:min(len(s), maxField)]
	binary.LittleEndian.PutUint16(mem[at:], uint16(len(s))) //nolint:gosec // at most maxField
	return at + 2 + copy(mem[at+2:], s)
}

// read returns what the worker wrote last. Whatever is in the page, the result
// is short printable text.
func (p *page) read() doing {
	if p == nil {
		return doing{}
	}
	mem := p.mem[8+int(p.mem[0]&1)*half:][:half]
	what, next := field(mem, 0)
	place, _ := field(mem, next)
	return doing{what: what, place: place}
}

func field(mem []byte, at int) (string, int) {
	n := int(binary.LittleEndian.Uint16(mem[at:]))
	if n > maxField {
		return "", at
	}
	return printable(string(mem[at+2 : at+2+n])), at + 2 + n
}

// printable takes out what would end a line or confuse a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}
