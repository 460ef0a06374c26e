package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

func registerPlaces(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/sources", "listSources", "Every Source, those that do not work first"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body SourceList }, error) { return nil, notYet })
	huma.Register(api, operation(http.MethodGet, "/sources/{namespace}/{name}", "getSource", "All that is known of one Source", 404),
		func(ctx context.Context, in *unitPath) (*struct{ Body SourceDetail }, error) { return nil, notYet })
	o := operation(http.MethodPost, "/sources/{namespace}/{name}/fetch", "fetchSource", "Look at a Source's remote now", 404)
	o.DefaultStatus = http.StatusAccepted
	huma.Register(api, o, func(ctx context.Context, in *reconcileStack) (*asked, error) { return nil, notYet })
	huma.Register(api, operation(http.MethodGet, "/targets", "listTargets", "Every Target, those that do not answer first"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body TargetList }, error) { return nil, notYet })
	huma.Register(api, operation(http.MethodGet, "/targets/{namespace}/{name}", "getTarget", "All that is known of one Target; - is the namespace of in-cluster", 404),
		func(ctx context.Context, in *targetPath) (*struct{ Body TargetDetail }, error) { return nil, notYet })
}

// targetPath names one Target; the one of the server's own cluster has no namespace.
type targetPath struct {
	Namespace string `path:"namespace" minLength:"1" maxLength:"63" pattern:"^(-|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"`
	Name      string `path:"name" minLength:"1" maxLength:"253" pattern:"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"`
}
