package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// unitPath names one object in the path of a request.
type unitPath struct {
	Namespace string `path:"namespace" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"`
	Name      string `path:"name" minLength:"1" maxLength:"253" pattern:"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"`
}

type listStacks struct {
	Query  string `query:"q" maxLength:"1000" doc:"filter: env:prod step:drifted owner:me target:eu-* -health:healthy text"`
	Sort   string `query:"sort" default:"worst" enum:"worst,name,-name,changed,-changed,source,-source,target,-target,env,-env,owner,-owner" doc:"worst first, newest change first, or by the field; - turns it round"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next of the page before"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"500"`
}

type mapStacks struct {
	Query       string `query:"q" maxLength:"1000" doc:"filter, as in the list"`
	Group       string `query:"group" default:"namespace" enum:"namespace,target,source,env,owner,driver"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"1000"`
}

type reconcileStack struct {
	UnitPath
	Body *Why
}

type stackPage struct{ Body StackPage }

type stackMap struct {
	Status int
	ETag   string `header:"ETag"`
	Cache  string `header:"Cache-Control"`
	Body   *StackMap
}

type stackDetail struct{ Body StackDetail }

type asked struct{ Body Asked }

func registerStacks(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/stacks", "listStacks", "Stacks, a page at a time, with counts and facets", 400),
		func(ctx context.Context, in *listStacks) (*stackPage, error) { return nil, notYet })
	o := operation(http.MethodGet, "/stacks/map", "mapStacks", "The name and state of every Stack, in columns", 400)
	o.Description = "Made to be kept: it has an ETag, and what changes after it comes as events."
	huma.Register(api, o,
		func(ctx context.Context, in *mapStacks) (*stackMap, error) { return nil, notYet })
	huma.Register(api, operation(http.MethodGet, "/stacks/{namespace}/{name}", "getStack", "All that is known of one Stack", 404),
		func(ctx context.Context, in *unitPath) (*stackDetail, error) { return nil, notYet })
	o = operation(http.MethodPost, "/stacks/{namespace}/{name}/reconcile", "reconcileStack", "Look at a Stack now, and act by its policy", 404, 409)
	o.DefaultStatus = http.StatusAccepted
	huma.Register(api, o, func(ctx context.Context, in *reconcileStack) (*asked, error) { return nil, notYet })
}

var notYet = problem(fault.Unavailable("this server does not do that yet"))
