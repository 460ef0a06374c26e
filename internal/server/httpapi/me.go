package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Me is who asks.
type Me struct {
	Name    string   `json:"name" doc:"the name that access rules know" example:"oidc:ana@example.org"`
	Display string   `json:"display" doc:"how people call the person"`
	Groups  []string `json:"groups"`
	Via     string   `json:"via" enum:"session,token,ci,link" doc:"how the person proved who they are"`
	Scopes  []string `json:"scopes,omitempty" doc:"what a token is narrowed to"`
}

func registerMe(api huma.API, _ *Deps) {
	huma.Register(api, operation(http.MethodGet, "/me", "getMe", "Who asks"), func(ctx context.Context, _ *struct{}) (*struct{ Body Me }, error) {
		p, err := who(ctx)
		if err != nil {
			return nil, err
		}
		groups := append([]string{}, p.Groups...)
		return &struct{ Body Me }{Me{Name: p.Name, Display: p.Display, Groups: groups, Via: string(p.Via), Scopes: p.Scopes}}, nil
	})
}
