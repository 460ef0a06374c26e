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
			return helm.Render(ctx, req, store.With(credentials(req)...))
		},
	}
}

// credentials are those of the chart's own repository. They serve what lies
// below it alone, so a dependency from elsewhere never sees them.
func credentials(req corerender.Request) []helmchart.Credential {
	if req.Helm == nil || req.Helm.Chart == nil || len(req.Helm.Chart.Credentials) == 0 {
		return nil
	}
	data := req.Helm.Chart.Credentials
	return []helmchart.Credential{{
		URL:      req.Helm.Chart.Repo,
		Username: string(data["username"]), Password: string(data["password"]),
		CA: data["ca.crt"],
	}}
}
