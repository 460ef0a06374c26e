package diff

import (
	"context"
	"strconv"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
)

// served asks a server how live differs from Git.
func (o *options) served(ctx context.Context, g *gateway.Client) (*Answer, error) {
	d, err := gateway.Read[client.Differences](g)(g.API().GetDiff(ctx, o.Unit.Namespace, o.Unit.Name))
	if err != nil {
		return nil, err
	}
	a := &Answer{
		Head: form.Of("Diff"), Namespace: o.Unit.Namespace, Name: o.Unit.Name, Revision: d.Revision, Objects: []Object{},
		title: "live ↔ " + term.Commit(d.Revision),
	}
	for _, x := range d.Objects {
		obj := Object{Key: x.Id, Verb: x.Verb, Reason: x.Reason, Fields: []lockstep.FieldChange{}}
		for _, f := range x.Fields {
			// What a rule leaves alone is no difference, as it is none where we look.
			if f.Class == "drift" || f.Class == "behind" {
				obj.Fields = append(obj.Fields, change(f))
				obj.next = append(obj.next, f.Next)
			}
		}
		if len(obj.Fields) > 0 || x.Verb != "leave" {
			a.Objects = append(a.Objects, obj)
		}
	}
	switch {
	case d.Problem != "":
		return a, fault.Invalid("%s", d.Problem).At("stack %s", o.Unit)
	case d.Left > 0:
		o.IO.Notef("and %d more objects", d.Left)
	}
	return a, nil
}

func change(f client.FieldState) lockstep.FieldChange {
	return lockstep.FieldChange{Path: f.Path, From: f.Live, To: f.Git, Manager: f.Manager, Operation: f.Operation, Subresource: f.Subresource}
}

// verbs are what is said of a change between two commits.
var verbs = map[string]string{"added": "create", "removed": "delete", "changed": "update"}

// compared asks a server how two releases, commits or Stacks differ, or one of them
// from what is live.
func (o *options) compared(ctx context.Context, g *gateway.Client) (*Answer, error) {
	in, err := o.sides(ctx, g)
	if err != nil {
		return nil, err
	}
	d, err := gateway.Read[client.Comparison](g)(g.API().CompareReleases(ctx, o.Unit.Namespace, o.Unit.Name, in))
	if err != nil {
		return nil, err
	}
	a := &Answer{
		Head: form.Of("Diff"), Namespace: o.Unit.Namespace, Name: o.Unit.Name, Revision: d.To, From: d.From, Objects: []Object{},
		title: term.Commit(d.From) + " → " + term.Commit(d.To),
	}
	for _, x := range d.Changes {
		verb, ok := verbs[x.Change]
		if !ok {
			verb = x.Change
		}
		obj := Object{Key: x.Id, Verb: verb, Reason: x.Change, Fields: []lockstep.FieldChange{}}
		for _, f := range x.Fields {
			obj.Fields = append(obj.Fields, change(f))
		}
		a.Objects = append(a.Objects, obj)
	}
	switch {
	case d.Problem != "":
		return a, fault.Invalid("%s", d.Problem).At("stack %s", o.Unit)
	case d.Left > 0:
		o.IO.Notef("and %d more objects", d.Left)
	}
	return a, nil
}

func (o *options) sides(ctx context.Context, g *gateway.Client) (in *client.CompareReleasesParams, err error) {
	in = &client.CompareReleasesParams{}
	if in.From, err = side(ctx, g, o.Unit, o.From); err != nil {
		return nil, err
	}
	other := o.Unit
	if o.With != (lockstep.Unit{}) {
		other = o.With
		with := other.String()
		in.With = &with
	}
	in.To, err = side(ctx, g, other, o.To)
	return in, err
}

// live is a side that is what the Target has.
const live = "live"

// side is what a release or commit that was typed is asked for by: the server knows
// more releases than the Stack remembers, and no abbreviated commits.
func side(ctx context.Context, g *gateway.Client, u lockstep.Unit, typed string) (*string, error) {
	if typed == "" {
		return nil, nil
	}
	_, err := strconv.ParseUint(typed, 10, 32)
	if typed == live || len(typed) < shortest && err == nil {
		return &typed, nil
	}
	s, err := g.Stack(ctx, u)
	if err != nil {
		return nil, err
	}
	hash, err := httpapi.ReleaseOf(s, u, typed)
	return &hash, err
}

// shortest is how many digits of a commit there have to be: fewer are a number.
const shortest = 7
