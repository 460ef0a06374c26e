// Package httpapi is Lockstep's HTTP API, /api/v1.
//
// The Go types of its operations are written out as api/openapi.yaml (OpenAPI 3.1),
// which is the contract: the types of the UI and of the Go client are generated from
// it, and a test fails when the two differ. Each file has the operations of one
// noun and registers them in parts.
package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/edge"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
	tfstate "github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/store"
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
	// Board is what there is to list. It knows no person either.
	Board *board.Board
	// Write is the server's own way to Kubernetes, for what a verb of ours allows: who
	// may reconcile a Stack need not be allowed to change it.
	Write client.Client
	// Record keeps what somebody did, or was refused; nil keeps nothing.
	Record func(ctx context.Context, p lockstep.Person, a Act, err error)
	// Targets says how the connections of this server are; may be nil.
	Targets func() []TargetStanding
	// See and May stand in for Access in tests.
	See func(context.Context, lockstep.Person) (board.Sight, error)
	May func(context.Context, lockstep.Person, access.Question) error
	// Still says who stands behind a stream that has gone on for a while; may be nil.
	Still func(context.Context) (lockstep.Person, error)
	// Done ends streams when the server shuts down; may be nil.
	Done <-chan struct{}
	// History returns the record of what happened, once it is open.
	History func() (store.Store, error)
	// Times says when each step of a release was done; may be nil.
	Times func(ctx context.Context, u lockstep.Unit, uid string, number int64) (store.Times, bool)
	// Remembered returns where the chain of a store ended, as it is remembered outside
	// of it; the zero Head if it is not. May be nil.
	Remembered func(context.Context, store.Store) (store.Head, error)
	// States are those that are kept of tools that plan by themselves; nil for none.
	States *tfstate.States
	// SignIn is how one proves who one is.
	SignIn *signin.Service

	// Edge counts streams; may be nil.
	Edge *edge.Edge

	streams turnstile
	totals  totals
	Log     *slog.Logger
	follows follows
}

// parts registers the operations of one noun each.
var parts = []func(huma.API, *Deps){
	registerMe, registerAuth, registerAccess, registerVersion, registerStacks, registerPlaces, registerEvents, registerResources, registerPauses, registerRollback,
	registerDrift, registerPlan, registerApprovals, registerGraph,
	registerReleases, registerCompare, registerAudit, registerStates,
}

// New returns the handler of everything below Prefix. Who asks is in the
// context of a request (package access) when it arrives here.
func New(d *Deps) http.Handler {
	mux := http.NewServeMux()
	register(mux, d)
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		if allow := others(mux, r); len(allow) > 0 {
			w.Header().Set("Allow", strings.Join(allow, ", "))
			refuse(w, r, &Problem{
				Type: "about:blank", Title: fault.KindUsage.String(), Status: http.StatusMethodNotAllowed,
				Detail: "the API has no " + r.Method + " for this path", Hint: "it has " + strings.Join(allow, " and "),
			})
			return
		}
		refuse(w, r, fault.NotFound("the API has no such path for %s", r.Method).WithHint("all that it has: GET %s/openapi.yaml", Prefix))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The contract is no secret, but whoever is nobody gets nothing here.
		if _, err := who(r.Context()); err != nil && strings.HasPrefix(r.URL.Path, Prefix+"/openapi") {
			refuse(w, r, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// others returns the methods that the path of a request has, beside its own.
func others(mux *http.ServeMux, r *http.Request) (allow []string) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		as := r.WithContext(r.Context())
		as.Method = method
		if _, pattern := mux.Handler(as); strings.HasPrefix(pattern, method+" ") {
			allow = append(allow, method)
		}
	}
	return allow
}

// refuse writes a problem where no operation is there to do it.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := err
	if _, ok := err.(*Problem); !ok {
		p = problem(err)
	}
	p.(*Problem).Request = edge.From(r.Context()).ID
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.(*Problem).Status)
	_ = json.NewEncoder(w).Encode(p) // the peer may be gone
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
	c.Transformers = append(c.Transformers, func(ctx huma.Context, _ string, v any) (any, error) {
		if p, ok := v.(*Problem); ok {
			p.Request = edge.From(ctx.Context()).ID
		}
		return v, nil
	})
	api := humago.New(mux, c)
	api.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		edge.From(ctx.Context()).Operation = ctx.Operation().OperationID
		if name, twice := repeated(ctx); twice {
			// One of them would be taken and the others dropped without a word.
			_ = huma.WriteErr(api, ctx, http.StatusUnprocessableEntity, "validation failed", &huma.ErrorDetail{
				Location: "query." + name, Message: "is given more than once; several values are separated by commas",
			})
			return
		}
		next(ctx)
	})
	for _, part := range parts {
		part(api, d)
	}
	return api
}

// repeated returns a parameter of the query that is given more than once, and is not
// one that may be.
func repeated(ctx huma.Context) (name string, twice bool) {
	u := ctx.URL()
	for name, values := range u.Query() {
		list := slices.ContainsFunc(ctx.Operation().Parameters, func(p *huma.Param) bool { return p.Name == name && p.Explode != nil && *p.Explode })
		if len(values) > 1 && !list {
			return name, true
		}
	}
	return "", false
}

// operation describes one operation; errors lists the statuses that it answers
// beside those that all do.
func operation(method, path, id, summary string, errors ...int) huma.Operation {
	return huma.Operation{
		MaxBodyBytes: edge.MaxBody, OperationID: id, Method: method, Path: Prefix + path, Summary: summary,
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
