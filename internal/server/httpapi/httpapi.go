// Package httpapi is Lockstep's HTTP API, /api/v1.
//
// The Go types of its operations are written out as api/openapi.yaml (OpenAPI 3.1),
// which is the contract: the types of the UI and of the Go client are generated from
// it, and a test fails when the two differ. Each file has the operations of one
// noun and registers them in parts.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// Deps is what the operations ask. Every replica answers for all Stacks.
type Deps struct {
	// Version is what this binary calls itself, Build what it is, for clients that
	// were loaded from another one.
	Version, Build string
	// Cache reads the kinds of Lockstep from memory. It knows no person: what is
	// read there is to be checked.
	Cache client.Reader
	// Access says what people may do, and lends the client that acts as them.
	Access *access.Checker
	// Live answers what is live of one Stack, and acts on its objects.
	Live *live.Looker
	Log  *slog.Logger

	follows follows
}

// parts registers the operations of one noun each.
var parts = []func(huma.API, *Deps){
	registerMe, registerAccess, registerVersion, registerStacks, registerPlaces, registerEvents, registerResources,
}

// New returns the handler of everything below Prefix. Who asks is in the
// context of a request (package access) when it arrives here.
func New(d *Deps) http.Handler {
	mux := http.NewServeMux()
	register(mux, d)
	return mux
}

// Contract returns the OpenAPI document as YAML, and once more in the older
// version 3.0 that generators of Go code read.
func Contract() (v31, v30 []byte, err error) {
	doc := register(http.NewServeMux(), &Deps{}).OpenAPI()
	if v31, err = doc.YAML(); err != nil {
		return nil, nil, fault.Internal(err)
	}
	if v30, err = doc.DowngradeYAML(); err != nil {
		return nil, nil, fault.Internal(err)
	}
	return v31, v30, nil
}

func register(mux *http.ServeMux, d *Deps) huma.API {
	c := huma.DefaultConfig("Lockstep", "v1")
	c.Info.Description = "What Lockstep knows and does. Errors are application/problem+json (RFC 9457)."
	c.CreateHooks = nil // no $schema member in answers: nobody reads it, and it is sent with every row
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = Prefix+"/openapi", "", ""
	c.RejectUnknownQueryParameters = true
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: "lockstep-session"},
		"token":   {Type: "http", Scheme: "bearer"},
	}
	c.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	api := humago.New(mux, c)
	for _, part := range parts {
		part(api, d)
	}
	return api
}

// operation describes one operation; errors lists the statuses that it answers
// beside those that all do.
func operation(method, path, id, summary string, errors ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: Prefix + path, Summary: summary,
		Errors: append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError}, errors...),
	}
}

// who returns who asks, or the error of not having signed in.
func who(ctx context.Context) (lockstep.Person, error) {
	p, ok := access.Who(ctx)
	if !ok {
		return p, problem(fault.Unauthenticated("nobody is signed in").WithHint("sign in, or send a token: lockstep login"))
	}
	return p, nil
}
