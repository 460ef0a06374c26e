package httpapi

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/filter"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
)

// UnitPath names one object in the path of a request. It is exported because what is
// embedded and is not, is not filled in.
type UnitPath struct {
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
	huma.Register(api, operation(http.MethodGet, "/stacks", "listStacks", "Stacks, a page at a time, with counts and facets", 400), d.listStacks)
	o := operation(http.MethodGet, "/stacks/map", "mapStacks", "The name and state of every Stack, in columns", 400)
	o.Description = "Made to be kept: it has an ETag, and what changes after it comes as events."
	huma.Register(api, o, d.mapStacks)
	huma.Register(api, operation(http.MethodGet, "/stacks/{namespace}/{name}", "getStack", "All that is known of one Stack", 404), d.getStack)
	o = operation(http.MethodPost, "/stacks/{namespace}/{name}/reconcile", "reconcileStack", "Look at a Stack now, and act by its policy", 404, 409)
	o.DefaultStatus = http.StatusAccepted
	huma.Register(api, o, d.reconcileStack)
}

// filtered reads a filter of who asks.
func filtered(p lockstep.Person, q string) (filter.Filter, filter.Context, error) {
	f, err := filter.Parse(q, board.Schema)
	c := filter.Context{Now: time.Now()}
	for _, name := range append([]string{p.Name, p.Display}, p.Groups...) {
		if name == "" {
			continue
		}
		name = strings.ToLower(name)
		c.Me = append(c.Me, name)
		// "oidc:ana" is ana to who writes a label.
		if _, bare, ok := strings.Cut(name, ":"); ok {
			c.Me = append(c.Me, bare)
		}
	}
	return f, c, err
}

func (d *Deps) listStacks(ctx context.Context, in *listStacks) (*stackPage, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	f, c, err := filtered(p, in.Query)
	if err != nil {
		return nil, problem(err)
	}
	after, err := board.ParseCursor(in.Cursor, in.Sort)
	if err != nil {
		return nil, problem(err)
	}
	page := d.Board.Page(see, board.Query{Filter: f, Context: c, Sort: in.Sort, After: after, Limit: in.Limit})
	out := StackPage{
		Items: page.Rows, Matches: page.Matches.Total, Counts: page.Matches, Facets: page.Facets,
		Fleet: page.Fleet, Version: page.Version, Filter: f.String(),
	}
	if page.Next != nil {
		out.Next = page.Next.String()
	}
	return &stackPage{out}, nil
}

func (d *Deps) mapStacks(ctx context.Context, in *mapStacks) (*stackMap, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	f, c, err := filtered(p, in.Query)
	if err != nil {
		return nil, problem(err)
	}
	m := d.Board.Map(see, f, c, in.Group)
	// What is shown, not the version: that moves with things that the map does not show.
	sum := fnv.New64a()
	for _, part := range [][]string{m.Groups, m.Names, {m.States, in.Group, d.Board.Epoch}} {
		for _, s := range part {
			_, _ = sum.Write([]byte(s)) // a hash takes everything
			_, _ = sum.Write([]byte{0})
		}
	}
	out := &stackMap{Status: http.StatusOK, ETag: fmt.Sprintf("%q", strconv.FormatUint(sum.Sum64(), 36)), Cache: "private, no-cache"}
	if etagMatches(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	out.Body = &StackMap{
		Groups: m.Groups, Sizes: m.Sizes, Names: m.Names, States: m.States, Legend: legend,
		Counts: m.Counts, Version: m.Version,
	}
	return out, nil
}

func etagMatches(header, etag string) bool {
	for _, e := range strings.Split(header, ",") {
		if e = strings.TrimPrefix(strings.TrimSpace(e), "W/"); e == etag || e == "*" {
			return true
		}
	}
	return false
}

var legend = func() (out []MapState) {
	for _, h := range standing.Healths {
		for _, s := range standing.Steps {
			out = append(out, MapState{string(h), string(s)})
		}
	}
	return out
}()

func (d *Deps) getStack(ctx context.Context, in *UnitPath) (*stackDetail, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	out, err := d.detail(ctx, p, see, in.unit())
	if err != nil {
		return nil, problem(err)
	}
	return &stackDetail{*out}, nil
}

func (d *Deps) reconcileStack(ctx context.Context, in *reconcileStack) (*asked, error) {
	u := in.unit()
	s := &v1alpha1.Stack{}
	value := stamp()
	err := d.act(ctx, Act{Verb: access.Reconcile, Resource: access.Stacks, Unit: u, Name: "reconcile", Reason: in.reason()}, func(ctx context.Context) error {
		if err := d.object(ctx, u, s, "stack"); err != nil {
			return err
		}
		if s.DeletionTimestamp != nil {
			return fault.Conflict("is being deleted").At("stack %s", u)
		}
		return d.request(ctx, s, value)
	})
	if err != nil {
		return nil, problem(err)
	}
	return &asked{Asked{Request: value, Release: s.Status.Release}}, nil
}

func (in *reconcileStack) reason() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.Reason
}
