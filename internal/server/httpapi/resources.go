package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

func (p UnitPath) unit() lockstep.Unit { return lockstep.Unit{Namespace: p.Namespace, Name: p.Name} }

// objectPath names an object of a Stack in a path. A dash stands for what it has
// not: the core group, or a namespace.
type objectPath struct {
	UnitPath
	Group           string `path:"group" maxLength:"253" doc:"a dash for the core group"`
	Kind            string `path:"kind" maxLength:"253"`
	ObjectNamespace string `path:"objectNamespace" maxLength:"253" doc:"a dash for an object of the whole cluster"`
	ObjectName      string `path:"objectName" maxLength:"253"`
}

func (p objectPath) key() lockstep.Key {
	return lockstep.Key{Group: undash(p.Group), Kind: p.Kind, Namespace: undash(p.ObjectNamespace), Name: p.ObjectName}
}

func undash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// may returns nil if whoever asks may do verb with u. It is asked before u is
// looked for: what one may not see and what does not exist are answered alike.
func (d *Deps) may(ctx context.Context, verb access.Verb, u lockstep.Unit) error {
	p, err := who(ctx)
	if err != nil {
		return err
	}
	return problem(d.allowed(ctx, p, verb, u))
}

// allowed refuses everything where nobody can say what people may do.
func (d *Deps) allowed(ctx context.Context, p lockstep.Person, verb access.Verb, u lockstep.Unit) error {
	if d.Access == nil || d.Live == nil {
		return fault.Denied("%s may not %s stack %s: this server does not ask who may", p.Name, verb, u)
	}
	return d.Access.Can(ctx, p, verb, u)
}

// PageQuery chooses a page.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"1024" doc:"next of the page before; absent for the first"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"300" doc:"how many objects, those that were made of them not counted"`
}

const (
	pathResources = "/stacks/{namespace}/{name}/resources"
	pathObject    = pathResources + "/{group}/{kind}/{objectNamespace}/{objectName}"
)

func registerResources(api huma.API, d *Deps) {
	register := func(path, id, summary string) huma.Operation {
		return operation(http.MethodGet, path, id, summary, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	}
	huma.Register(api, register(pathResources, "listResources", "The objects of a Stack and what the cluster made of them"),
		func(ctx context.Context, in *struct {
			UnitPath
			PageQuery
		}) (*struct{ Body live.Resources }, error) {
			return answer(ctx, d, access.Get, in.UnitPath, func(l *live.Looker, u lockstep.Unit) (live.Resources, error) {
				return l.Resources(ctx, u, in.Cursor, in.Limit)
			})
		})
	huma.Register(api, register(pathObject, "getResource", "One object: live, as Git has it, and what differs"),
		func(ctx context.Context, in *objectPath) (*struct{ Body live.ObjectDetail }, error) {
			return answer(ctx, d, access.Get, in.UnitPath, func(l *live.Looker, u lockstep.Unit) (live.ObjectDetail, error) {
				return l.Object(ctx, u, in.key())
			})
		})
	huma.Register(api, register("/stacks/{namespace}/{name}/diff", "getDiff", "What differs between Git and the Target, field by field, and whose it is"),
		func(ctx context.Context, in *UnitPath) (*struct{ Body live.Differences }, error) {
			return answer(ctx, d, access.Get, *in, func(l *live.Looker, u lockstep.Unit) (live.Differences, error) {
				return l.Differences(ctx, u)
			})
		})
	huma.Register(api, register("/stacks/{namespace}/{name}/manifest", "getManifest", "What a revision of a Stack renders to, secrets masked"),
		func(ctx context.Context, in *struct {
			UnitPath
			PageQuery
			Revision string `query:"revision" pattern:"^([0-9a-f]{40}|[0-9a-f]{64})?$" doc:"a full commit hash; absent for what the Source says now"`
		}) (*struct{ Body live.Manifest }, error) {
			return answer(ctx, d, access.Get, in.UnitPath, func(l *live.Looker, u lockstep.Unit) (live.Manifest, error) {
				return l.Manifest(ctx, u, in.Revision, in.Cursor, in.Limit)
			})
		})
	huma.Register(api, register("/stacks/{namespace}/{name}/events", "listEvents", "What the cluster says of the objects of a Stack, the newest first"),
		func(ctx context.Context, in *UnitPath) (*struct{ Body ClusterEvents }, error) {
			return answer(ctx, d, access.Get, *in, func(l *live.Looker, u lockstep.Unit) (ClusterEvents, error) {
				all, err := l.Events(ctx, u)
				return ClusterEvents{Items: append([]live.ClusterEvent{}, all...)}, err
			})
		})
	registerAction(api, d)
	registerStreams(api, d)
}

// ClusterEvents is what the cluster says.
type ClusterEvents struct {
	Items []live.ClusterEvent `json:"items"`
}

// answer asks whether somebody may, and then what they want to know.
func answer[T any](ctx context.Context, d *Deps, verb access.Verb, p UnitPath, ask func(*live.Looker, lockstep.Unit) (T, error)) (*struct{ Body T }, error) {
	if err := d.may(ctx, verb, p.unit()); err != nil {
		return nil, err
	}
	body, err := ask(d.Live, p.unit())
	if err != nil {
		return nil, problem(err)
	}
	return &struct{ Body T }{body}, nil
}

// ActionRequest is an action that somebody asks for.
type ActionRequest struct {
	Object   string `json:"object" maxLength:"1024" doc:"id of the object" example:"Deployment.apps/shop/web"`
	UID      string `json:"uid,omitempty" maxLength:"128" doc:"of the object as it was seen; another of the same name is then left alone"`
	Action   string `json:"action" enum:"restart,scale,suspend,resume,trigger,rerun,delete-pod,promote,promote-full,abort,retry"`
	Replicas *int   `json:"replicas,omitempty" minimum:"0" maximum:"10000" doc:"for scale"`
	Reason   string `json:"reason,omitempty" maxLength:"1024" doc:"why, for the record"`
}

func registerAction(api huma.API, d *Deps) {
	op := operation(http.MethodPost, "/stacks/{namespace}/{name}/actions", "actOnResource", "Do something to an object of a Stack",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	op.MaxBodyBytes = 16 << 10
	huma.Register(api, op, func(ctx context.Context, in *struct {
		UnitPath
		Body ActionRequest
	}) (*struct{ Body live.ActionDone }, error) {
		var done live.ActionDone
		u := in.unit()
		// On record with the object: a Stack has many.
		why := in.Body.Object
		if in.Body.Reason != "" {
			why += ": " + in.Body.Reason
		}
		a := Act{Name: in.Body.Action, Verb: access.Actions, Resource: access.Stacks, Unit: u, Reason: why}
		err := d.act(ctx, a, func(ctx context.Context) error {
			w, err := in.Body.wish()
			if err != nil {
				return err
			}
			done, err = d.Live.Act(ctx, u, w)
			return err
		})
		if err != nil {
			return nil, problem(err)
		}
		return &struct{ Body live.ActionDone }{done}, nil
	})
}
