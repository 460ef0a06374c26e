package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

func registerVersion(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/version", "getVersion", "Which server answers"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body Version }, error) {
			if _, err := who(ctx); err != nil {
				return nil, err
			}
			return &struct{ Body Version }{Version{Version: d.Version, Build: d.Build, API: "v1"}}, nil
		})
}
