package remote

import (
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// What a worker asks.
const (
	askLoad byte = iota + 1 // what is at a path, with what is below
	askStat
	askReadDir
	askReadFile
	askReal
	askNamespaced
	askFetch
)

// What is at a path.
const (
	isMissing byte = iota + 1
	isFile
	isDirectory
	// isOther: a link, a submodule or something that cannot be read, on the path
	// or at its end. What it means is asked for each question.
	isOther
)

// What a worker has looked at.
const (
	sawStat byte = iota + 1
	sawNames
	sawReal
)

// How the bytes of something are sent.
const (
	sendNothing byte = iota // the worker has them
	sendOnce
	sendToKeep // for later jobs, by hash
)

func writeEntry(w *wire.Writer, e lockstep.Entry) {
	w.String(e.Name)
	w.Byte(byte(e.Type))
	// Of a directory, neither counts: a renderer that depends on all of one would
	// have to say so.
	if e.Type == lockstep.File {
		w.String(e.Hash)
		w.Int(e.Size)
	}
}

func readEntry(r *wire.Reader) lockstep.Entry {
	e := lockstep.Entry{Name: r.String(), Type: lockstep.EntryType(r.Byte()), Size: -1}
	if e.Type == lockstep.File {
		e.Hash, e.Size = r.String(), r.Int()
	}
	return e
}
