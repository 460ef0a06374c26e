// Package renderers is the set of renderers that server and CLI link.
//
// It is apart from package stack so that a test of a pass need not link Helm.
//
// Charts and kustomizations are rendered in worker processes, which are this same
// binary. Every binary that links this package can be one, test binaries as well:
// a process that was started as a worker never gets further than the
// initialisation of this package, before servers, clients and commands exist.
package renderers

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	corerender "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/render"
	"github.com/lockstep-dev/lockstep/internal/render/directory"
	"github.com/lockstep-dev/lockstep/internal/render/remote"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/source/helmchart"
)

// Options say where and how is rendered.
type Options struct {
	// Dir keeps charts that are fetched.
	Dir string
	// Limits of one render; the zero value is that of package worker.
	Limits worker.Limits
	// Registerer takes the metrics of workers; nil for none.
	Registerer prometheus.Registerer
	Log        *slog.Logger
}

// Renderers renders. Close it.
type Renderers struct {
	render.Registry
	// Workers can do other jobs as well; see jobs.go.
	Workers *worker.Pool
}

// All returns the renderers. No worker runs before one is needed.
func All(o Options) (*Renderers, error) {
	limits, err := o.Limits.Check()
	if err != nil {
		return nil, err
	}
	var m *worker.Metrics
	if o.Registerer != nil {
		m = worker.NewMetrics(o.Registerer)
	}
	pool := worker.NewPool(worker.Options{Limits: limits, Metrics: m, Log: o.Log})
	store := helmchart.New(helmchart.Options{Dir: o.Dir})
	charts := func(req corerender.Request) (remote.Fetch, error) {
		creds, err := credentials(req)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, ref corerender.ChartRef) (corerender.ChartArchive, error) {
			return store.With(creds...).Fetch(ctx, ref)
		}, nil
	}
	return &Renderers{
		Workers: pool,
		Registry: render.Registry{
			// Plain files are decoded by code of ours, which has limits of its own.
			corerender.Directory: directory.Render,
			corerender.Kustomize: remote.Renderer(pool, kustomizeJob, kustomizeNetworkedJob, nil),
			corerender.Helm:      remote.Renderer(pool, helmJob, "", charts),
		},
	}, nil
}

// Close ends the workers.
func (r *Renderers) Close() { r.Workers.Close() }

// credentials are those of the chart's own repository. They serve what lies
// below it alone, so a dependency from elsewhere never sees them.
func credentials(req corerender.Request) ([]helmchart.Credential, error) {
	if req.Helm == nil || req.Helm.Chart == nil {
		return nil, nil
	}
	return helmchart.Credentials(req.Helm.Chart.Repo, req.Helm.Chart.Credentials)
}
