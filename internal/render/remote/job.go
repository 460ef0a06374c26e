package remote

import (
	"bytes"
	"context"
	"errors"
	"time"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// ErrNeedsNetwork is returned by a renderer that would have to fetch something
// and was told that it cannot.
var ErrNeedsNetwork = errors.New("needs the network")

// A Func renders in a worker. Charts come through fetch.
type Func func(ctx context.Context, req core.Request, fetch Fetch) (core.Result, error)

// Job makes a job of a renderer.
func Job(f Func) worker.Job {
	return func(wc *worker.Call, in []byte) ([]byte, error) {
		c := &call{Call: wc}
		req, err := c.request(in)
		if err != nil {
			return nil, err
		}
		ctx := render.WithProgress(context.Background(), c.doing)
		res, err := f(ctx, req, c.fetch)
		c.tell()
		switch {
		case errors.Is(err, ErrNeedsNetwork):
			return []byte{needsNetwork}, nil
		case err != nil:
			return nil, err
		}
		return encodeResult(res)
	}
}

// call is one render under way, in the worker.
type call struct {
	*worker.Call
	notes wire.Writer
	last  time.Time
}

// kept is what this process has of earlier jobs, by hash. The other side knows
// what is in it and says when to forget it.
var kept = map[string][]byte{}

// keep copies data, which is part of a message.
func keep(hash string, data []byte) { kept[hash] = bytes.Clone(data) }

func (c *call) request(in []byte) (core.Request, error) {
	r := wire.NewReader(in)
	if r.Bool() {
		clear(kept)
	}
	names := r.Strings()
	req := readRequest(r)
	own := newTree(c, 0)
	own.at[req.Path] = own.take(r, req.Path)
	req.Tree = own
	if len(names) > 0 {
		req.Trees = map[string]lockstep.Tree{}
	}
	for i, name := range names {
		req.Trees[name] = newTree(c, i+1)
	}
	req.Namespaced = c.namespaced()
	return req, broken(r)
}

// namespaced asks for each kind once.
func (c *call) namespaced() func(lockstep.GroupKind) (bool, bool) {
	type said struct{ namespaced, known bool }
	memo := map[lockstep.GroupKind]said{}
	return func(gk lockstep.GroupKind) (bool, bool) {
		s, ok := memo[gk]
		if !ok {
			var w wire.Writer
			w.Byte(askNamespaced)
			w.String(gk.Group)
			w.String(gk.Kind)
			if r, err := c.question(&w); err == nil {
				s = said{r.Bool(), r.Bool()}
			}
			memo[gk] = s
		}
		return s.namespaced, s.known
	}
}

func (c *call) fetch(_ context.Context, ref core.ChartRef) (core.ChartArchive, error) {
	var w wire.Writer
	w.Byte(askFetch)
	writeRef(&w, ref)
	r, err := c.question(&w)
	if err != nil {
		return core.ChartArchive{}, err
	}
	a := core.ChartArchive{Version: r.String(), Digest: r.String()}
	switch r.Byte() {
	case sendNothing:
		a.Data = kept[a.Digest]
	case sendOnce:
		a.Data = r.Blob()
	case sendToKeep:
		keep(a.Digest, r.Blob())
		a.Data = kept[a.Digest]
	}
	return a, broken(r)
}

func (c *call) ask(what, tree byte, p string) (*wire.Reader, error) {
	var w wire.Writer
	w.Byte(what)
	w.Byte(tree)
	w.String(p)
	return c.question(&w)
}

// question asks, after it has told what was looked at so far.
func (c *call) question(w *wire.Writer) (*wire.Reader, error) {
	c.tell()
	out, err := c.Ask(w.Bytes())
	if err != nil {
		return nil, err
	}
	return wire.NewReader(out), nil
}

func (c *call) saw(what, tree byte, p string) {
	c.notes.Byte(what)
	c.notes.Byte(tree)
	c.notes.String(p)
}

// tell sends what was looked at, with whatever is sent next.
func (c *call) tell() {
	if c.notes.Len() > 0 {
		c.Note(c.notes.Bytes())
		c.notes = wire.Writer{}
	}
}

// often is how often what was looked at is sent while nothing else is.
const often = 20 * time.Millisecond

// doing passes on what the renderer is at. Before it goes on, the other side has
// to know what was read: if this is what kills the worker, the fault is remembered
// until that changes.
func (c *call) doing(what, place string) {
	c.Doing(what, place)
	if c.notes.Len() > 0 && time.Since(c.last) > often {
		c.tell()
		c.Flush()
		c.last = time.Now()
	}
}
