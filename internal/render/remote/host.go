package remote

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// Bounds of what is read ahead of one question.
const (
	aheadEntries = 2000
	aheadBytes   = 1 << 20
	aheadFile    = 256 << 10
)

// Bounds of what one worker keeps.
const (
	keepBytes = 16 << 20
	keepOne   = 4 << 20
)

// A Fetch brings a chart from a repository.
type Fetch func(ctx context.Context, ref core.ChartRef) (core.ChartArchive, error)

// known is what one worker keeps, by hash.
type known struct {
	hashes map[string]bool
	size   int
}

// host answers what one render in a worker asks.
type host struct {
	req   core.Request
	fetch Fetch
	// recording are the trees of the request, its own first, the others by name;
	// raw are the ones below.
	recording, raw []lockstep.Tree
	names          []string
	known          *known
}

func newHost(req core.Request, fetch Fetch) *host {
	h := &host{req: req, fetch: fetch, names: slices.Sorted(maps.Keys(req.Trees))}
	h.add(req.Tree)
	for _, name := range h.names {
		h.add(req.Trees[name])
	}
	return h
}

func (h *host) add(t lockstep.Tree) {
	h.recording = append(h.recording, t)
	h.raw = append(h.raw, core.Unrecorded(t))
}

// Input writes the request and what it most likely reads.
func (h *host) Input(p *worker.Peer) []byte {
	var w wire.Writer
	k, ok := p.Known.(*known)
	forget := !ok || k.size > keepBytes
	if forget {
		k = &known{hashes: map[string]bool{}}
		p.Known = k
	}
	h.known = k
	w.Bool(forget)
	w.Strings(h.names)
	writeRequest(&w, h.req)
	h.load(&w, 0, h.req.Path)
	return w.Bytes()
}

// load writes what is at p, with what is below it.
func (h *host) load(w *wire.Writer, tree int, p string) {
	raw := h.raw[tree]
	e, err := raw.Stat(p)
	if errors.Is(err, lockstep.ErrNotExist) {
		w.Byte(isMissing)
		return
	}
	real, realErr := core.Real(raw, p)
	switch {
	case err != nil, realErr != nil, real != p:
		w.Byte(isOther)
	case e.Type == lockstep.File:
		h.file(w, raw, p, e)
	case e.Type == lockstep.Directory:
		w.Byte(isDirectory)
		h.ahead(w, raw, p)
	default:
		w.Byte(isOther)
	}
}

func (h *host) file(w *wire.Writer, raw lockstep.Tree, p string, e lockstep.Entry) {
	data, err := raw.ReadFile(p)
	if err != nil {
		w.Byte(isOther)
		return
	}
	w.Byte(isFile)
	writeEntry(w, e)
	h.bytes(w, e.Hash, data)
}

// bytes writes data in a way that the worker keeps it where that is worth it.
func (h *host) bytes(w *wire.Writer, hash string, data []byte) {
	switch {
	case hash != "" && h.known.hashes[hash]:
		w.Byte(sendNothing)
		return
	case hash == "" || len(data) > keepOne || h.known.size > 2*keepBytes:
		w.Byte(sendOnce)
	default:
		w.Byte(sendToKeep)
		h.known.hashes[hash] = true
		h.known.size += len(data)
	}
	w.Blob(data)
}

// ahead writes the directory at p and those below it, as far as is reasonable, and
// then the files in them that a renderer is likely to read.
func (h *host) ahead(w *wire.Writer, raw lockstep.Tree, p string) {
	type found struct {
		path  string
		entry lockstep.Entry
	}
	var files []found
	left := aheadEntries
	for queue := []string{p}; len(queue) > 0; queue = queue[1:] {
		dir := queue[0]
		es, err := raw.ReadDir(dir)
		if err != nil || len(es) > left {
			continue // asked for when it is needed
		}
		left -= len(es) + 1
		w.Bool(true)
		w.String(dir)
		w.Count(len(es))
		for _, e := range es {
			writeEntry(w, e)
			switch at := path.Join(dir, e.Name); {
			case e.Type == lockstep.Directory && !strings.HasPrefix(e.Name, "."):
				queue = append(queue, at)
			case e.Type == lockstep.File && likely(e.Name) && !h.known.hashes[e.Hash]:
				files = append(files, found{at, e})
			}
		}
	}
	w.Bool(false)
	room := aheadBytes
	for _, f := range files {
		data, err := raw.ReadFile(f.path)
		if err != nil || len(data) > aheadFile || len(data) > room {
			continue
		}
		room -= len(data)
		w.Bool(true)
		w.String(f.path)
		h.bytes(w, f.entry.Hash, data)
	}
	w.Bool(false)
}

// likely says whether a renderer may read a file of that name.
func likely(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json", ".tpl", ".txt", ".lock", ".env", ".properties", ".helmignore":
		return true
	}
	return name == "Kustomization"
}

// Answer answers one question.
func (h *host) Answer(ctx context.Context, question []byte) ([]byte, error) {
	r := wire.NewReader(question)
	what := r.Byte()
	var w wire.Writer
	switch what {
	case askNamespaced:
		gk := lockstep.GroupKind{Group: r.String(), Kind: r.String()}
		if err := r.Err(); err != nil {
			return nil, fault.Internal(err)
		}
		namespaced, isKnown := h.req.Namespaced(gk)
		w.Bool(namespaced)
		w.Bool(isKnown)
		return w.Bytes(), nil
	case askFetch:
		ref := readRef(r)
		if err := r.Err(); err != nil {
			return nil, fault.Internal(err)
		}
		return h.chart(ctx, ref)
	}
	tree, p := int(r.Byte()), r.String()
	if r.Err() != nil || tree >= len(h.raw) {
		return nil, fault.Internal(wire.ErrMalformed)
	}
	err := h.look(&w, what, tree, p)
	return w.Bytes(), err
}

// look answers a question about a path. All but loading is recorded.
func (h *host) look(w *wire.Writer, what byte, tree int, p string) error {
	t := h.recording[tree]
	switch what {
	case askLoad:
		h.load(w, tree, p)
		return nil
	case askStat:
		e, err := t.Stat(p)
		writeEntry(w, e)
		return err
	case askReadDir:
		es, err := t.ReadDir(p)
		w.Count(len(es))
		for _, e := range es {
			writeEntry(w, e)
		}
		return err
	case askReadFile:
		data, err := t.ReadFile(p)
		w.Blob(data)
		return err
	case askReal:
		real, err := core.Real(t, p)
		w.String(real)
		return err
	}
	return fault.Internal(wire.ErrMalformed)
}

func (h *host) chart(ctx context.Context, ref core.ChartRef) ([]byte, error) {
	a, err := h.fetch(ctx, ref)
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	w.String(a.Version)
	w.String(a.Digest)
	h.bytes(&w, a.Digest, a.Data)
	return w.Bytes(), nil
}

// Note repeats on the recording trees what the worker has looked at. It may say
// the same twice, when it was started anew.
func (h *host) Note(b []byte) {
	for r := wire.NewReader(b); r.More(); {
		what, tree, p := r.Byte(), int(r.Byte()), r.String()
		if tree >= len(h.recording) {
			return
		}
		t := h.recording[tree]
		switch what {
		case sawStat:
			_, _ = t.Stat(p) // for the record
		case sawNames:
			_, _ = t.ReadDir(p)
		case sawReal:
			_, _ = core.Real(t, p)
		}
	}
}

// died makes the reads of a render that could not tell them those of the whole
// directory: it would go the same way until that changes.
func (h *host) died() { _, _ = core.Whole(h.recording[0], h.req.Path) }
