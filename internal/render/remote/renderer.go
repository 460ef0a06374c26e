package remote

import (
	"context"
	"errors"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// Renderer returns the renderer that has job do the work in a worker of pool. For
// requests that need the network it takes the job networked, if that is not "".
func Renderer(pool *worker.Pool, job, networked string, fetch func(core.Request) (Fetch, error)) render.Func {
	return func(ctx context.Context, req core.Request) (core.Result, error) {
		f := noFetch
		if fetch != nil {
			var err error
			if f, err = fetch(req); err != nil {
				return core.Result{}, err
			}
		}
		if req.Namespaced == nil {
			req.Namespaced = func(lockstep.GroupKind) (bool, bool) { return false, false }
		}
		h := newHost(req, f)
		out, err := pool.Do(ctx, job, h)
		if err == nil && len(out) == 1 && out[0] == needsNetwork && networked != "" {
			out, err = pool.DoNetworked(ctx, networked, h)
		}
		if err != nil {
			return core.Result{}, h.failed(err)
		}
		r := wire.NewReader(out)
		if r.Byte() != rendered {
			return core.Result{}, fault.Internal(wire.ErrMalformed)
		}
		res, err := decodeResult(r)
		if err != nil {
			return core.Result{}, fault.Invalid("the objects cannot be read").At("%s", req.Path).Because(err)
		}
		return res, nil
	}
}

func noFetch(_ context.Context, ref core.ChartRef) (core.ChartArchive, error) {
	return core.ChartArchive{}, fault.Invalid("chart %q of %s is not at hand and nothing may be fetched here", ref.Name, ref.Repo)
}

// failed completes the error of a worker that died. It cannot have told all that
// it read.
func (h *host) failed(err error) error {
	var d *worker.Died
	if !errors.As(err, &d) {
		return err
	}
	h.died()
	return fault.As(err).At("%s", h.req.Path)
}
