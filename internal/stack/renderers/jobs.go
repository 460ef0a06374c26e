package renderers

import (
	"context"
	"errors"

	corerender "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/render/helm"
	"github.com/lockstep-dev/lockstep/internal/render/kustomize"
	"github.com/lockstep-dev/lockstep/internal/render/remote"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
)

// The jobs of workers.
const (
	kustomizeJob          = "kustomize"
	kustomizeNetworkedJob = "kustomize-remote"
	helmJob               = "helm"
)

// jobs are all that a worker can do. What else is to run in one is added here, and
// called through Renderers.Workers.
var jobs = worker.Jobs{
	kustomizeJob:          remote.Job(inWorker(kustomize.RenderConfined)),
	kustomizeNetworkedJob: remote.Job(inWorker(kustomize.Render)),
	helmJob: remote.Job(func(ctx context.Context, req corerender.Request, fetch remote.Fetch) (corerender.Result, error) {
		return helm.Render(ctx, req, fetcher(fetch))
	}),
}

// In an init, as package keeper has one: a worker that got as far as main would have made
// flags, clients and loggers that it has no use for.
func init() { worker.Main(jobs) }

// inWorker makes a renderer that fetches no charts fit for a worker. What
// kustomize prints becomes warnings.
func inWorker(f func(context.Context, corerender.Request) (corerender.Result, error)) remote.Func {
	return func(ctx context.Context, req corerender.Request, _ remote.Fetch) (res corerender.Result, err error) {
		said := remote.Printed(func() { res, err = f(ctx, req) })
		if errors.Is(err, kustomize.ErrRemote) {
			err = remote.ErrNeedsNetwork
		}
		for _, line := range said {
			res.Warnings = append(res.Warnings, "kustomize: "+line)
		}
		return res, err
	}
}

// fetcher gives a function the form that the Helm renderer wants.
type fetcher remote.Fetch

// Fetch brings a chart.
func (f fetcher) Fetch(ctx context.Context, ref corerender.ChartRef) (corerender.ChartArchive, error) {
	return f(ctx, ref)
}
