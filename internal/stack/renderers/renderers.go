// Package renderers is the set of renderers that server and CLI link.
//
// It is apart from package stack so that a test of a pass need not link Helm.
package renderers

import (
	"context"

	corerender "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/render"
	"github.com/lockstep-dev/lockstep/internal/render/directory"
	"github.com/lockstep-dev/lockstep/internal/render/helm"
	"github.com/lockstep-dev/lockstep/internal/render/kustomize"
	"github.com/lockstep-dev/lockstep/internal/source/helmchart"
)

// All returns the renderers, with charts that are fetched kept in dir.
func All(dir string) render.Registry {
	store := helmchart.New(helmchart.Options{Dir: dir})
	return render.Registry{
		corerender.Directory: directory.Render,
		corerender.Kustomize: kustomize.Render,
		corerender.Helm: func(ctx context.Context, req corerender.Request) (corerender.Result, error) {
			creds, err := credentials(req)
			if err != nil {
				return corerender.Result{}, err
			}
			return helm.Render(ctx, req, store.With(creds...))
		},
	}
}

// credentials are those of the chart's own repository. They serve what lies
// below it alone, so a dependency from elsewhere never sees them.
func credentials(req corerender.Request) ([]helmchart.Credential, error) {
	if req.Helm == nil || req.Helm.Chart == nil {
		return nil, nil
	}
	return helmchart.Credentials(req.Helm.Chart.Repo, req.Helm.Chart.Credentials)
}
