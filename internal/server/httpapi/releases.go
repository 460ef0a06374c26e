package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Release is the record of one plan carried out.
type Release struct {
	Number       int64           `json:"number" doc:"counts up from 1 for each Stack"`
	Revision     string          `json:"revision" doc:"hash of the commit"`
	Ref          string          `json:"ref,omitempty" example:"refs/heads/main"`
	Author       string          `json:"author,omitempty" doc:"of the commit"`
	Subject      string          `json:"subject,omitempty" doc:"first line of the commit's message"`
	Key          string          `json:"key,omitempty" doc:"content key of what was rendered"`
	Plan         string          `json:"plan,omitempty" doc:"digest of the plan"`
	Cause        string          `json:"cause" doc:"commit, spec, drift, retry, request or rollback"`
	Target       string          `json:"target,omitempty"`
	Summary      store.Summary   `json:"summary" doc:"steps of the plan, by verb"`
	Outcome      string          `json:"outcome" enum:"Progressing,Succeeded,Failed,Superseded"`
	Message      string          `json:"message,omitempty" doc:"why it failed"`
	SupersededBy int64           `json:"supersededBy,omitempty"`
	RollbackOf   int64           `json:"rollbackOf,omitempty" doc:"the release whose content it went back to"`
	Times        int             `json:"times,omitempty" doc:"how often the same was carried out, for drift that comes back"`
	Steps        ReleaseTimes    `json:"steps" doc:"when each step was done"`
	LeadSeconds  float64         `json:"leadSeconds,omitempty" doc:"from the commit to healthy"`
	Objects      []ReleaseObject `json:"objects,omitempty" doc:"what changed, and what came of it; not in lists"`
	MoreObjects  int             `json:"moreObjects,omitempty" doc:"objects that are not kept, since there were too many"`
}

// ReleaseTimes are when each step of a release was done.
type ReleaseTimes struct {
	Committed *time.Time `json:"committed,omitempty"`
	Fetched   *time.Time `json:"fetched,omitempty"`
	Started   *time.Time `json:"started,omitempty"`
	Rendered  *time.Time `json:"rendered,omitempty"`
	Planned   *time.Time `json:"planned,omitempty"`
	Applied   *time.Time `json:"applied,omitempty"`
	Healthy   *time.Time `json:"healthy,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
}

// ReleaseObject is one object of a release's plan.
type ReleaseObject struct {
	Object     string               `json:"object" example:"Deployment.apps/web/api"`
	Verb       string               `json:"verb" doc:"create, update, replace, delete or orphan"`
	Reason     string               `json:"reason,omitempty"`
	Changes    []ReleaseFieldChange `json:"changes,omitempty"`
	MoreFields int                  `json:"moreFields,omitempty" doc:"changed fields that are not kept"`
	Result     string               `json:"result,omitempty" doc:"done, unchanged, failed or skipped; absent for a step that was not reached"`
	Note       string               `json:"note,omitempty"`
	Error      string               `json:"error,omitempty"`
}

// ReleaseFieldChange is one field that a release changed. Values are JSON text,
// masked where secret; absent is none.
type ReleaseFieldChange struct {
	Path    string `json:"path" example:"spec.replicas"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Manager string `json:"manager,omitempty" doc:"who owned the live value"`
}

// ReleasePage is a page of releases, newest first.
type ReleasePage struct {
	Items []Release `json:"items"`
	Next  string    `json:"next,omitempty" doc:"cursor of the next page"`
	Total int64     `json:"total" doc:"that match, on all pages"`
}

type listReleases struct {
	UnitPath
	Cause   []string `query:"cause" maxItems:"10" doc:"only those with one of these causes"`
	Outcome []string `query:"outcome" maxItems:"4" enum:"Progressing,Succeeded,Failed,Superseded"`
	Cursor  string   `query:"cursor" maxLength:"1000" doc:"next of the page before"`
	Limit   int      `query:"limit" default:"50" minimum:"1" maximum:"200"`
}

type getRelease struct {
	UnitPath
	Number int64 `path:"number" minimum:"1" doc:"its number"`
}

func registerReleases(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/stacks/{namespace}/{name}/releases", "listReleases", "What was released of a Stack, newest first", 400, 404, 503),
		func(ctx context.Context, in *listReleases) (*struct{ Body ReleasePage }, error) {
			u, s, err := d.historyOf(ctx, in.UnitPath)
			if err != nil {
				return nil, problem(err)
			}
			before, err := position(in.Cursor)
			if err != nil {
				return nil, problem(err)
			}
			q := store.ReleaseQuery{Unit: u, Causes: in.Cause, Before: before, Limit: in.Limit}
			for _, o := range in.Outcome {
				q.Outcomes = append(q.Outcomes, store.Outcome(o))
			}
			page, err := s.Releases(ctx, q)
			if err != nil {
				return nil, problem(err)
			}
			out := ReleasePage{Items: []Release{}, Next: cursor(page.Next), Total: page.Total}
			for _, r := range page.Releases {
				out.Items = append(out.Items, releaseKept(r))
			}
			return &struct{ Body ReleasePage }{out}, nil
		})
	huma.Register(api, operation(http.MethodGet, "/stacks/{namespace}/{name}/releases/{number}", "getRelease", "One release: its plan, what came of it, and when", 404, 503),
		func(ctx context.Context, in *getRelease) (*struct{ Body Release }, error) {
			u, s, err := d.historyOf(ctx, in.UnitPath)
			if err != nil {
				return nil, problem(err)
			}
			r, err := s.Release(ctx, u, in.Number)
			if err != nil {
				return nil, problem(err)
			}
			return &struct{ Body Release }{releaseKept(r)}, nil
		})
}

// historyOf returns the store for questions about one Stack, if the person may see
// that.
func (d *Deps) historyOf(ctx context.Context, in UnitPath) (lockstep.Unit, store.Store, error) {
	u := lockstep.Unit{Namespace: in.Namespace, Name: in.Name}
	p, err := who(ctx)
	if err != nil {
		return u, nil, err
	}
	if err := d.asks(ctx, p, access.Of(access.Get, u)); err != nil {
		return u, nil, err
	}
	s, err := d.store()
	return u, s, err
}

func (d *Deps) store() (store.Store, error) {
	if d.History == nil {
		return nil, fault.Unavailable("this server keeps no history")
	}
	s, err := d.History()
	if err != nil {
		// Waiting is no answer to a request: it can be asked again.
		return nil, fault.Unavailable("the history cannot be read now").Because(err).WithHint("try again in a moment")
	}
	return s, nil
}

// cursor returns a position for the client to hand in again; "" for none.
func cursor(position int64) string {
	if position <= 0 {
		return ""
	}
	return strconv.FormatInt(position, 36)
}

// position reads what cursor wrote.
func position(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil || n <= 0 || cursor(n) != s {
		return 0, fault.Usage("the cursor is not one of this list").WithHint("begin without a cursor")
	}
	return n, nil
}

func releaseKept(r store.Release) Release {
	out := Release{
		Number: r.Number, Revision: r.Revision, Ref: r.Ref, Author: r.Author, Subject: r.Subject, Key: r.Key, Plan: r.Plan,
		Cause: r.Cause, Target: r.Target, Summary: r.Summary, Outcome: string(r.Outcome), Message: r.Message,
		SupersededBy: r.By, RollbackOf: r.Of, Times: r.Times, LeadSeconds: r.Lead().Seconds(), MoreObjects: r.More,
		Steps: ReleaseTimes{
			Committed: known(r.Steps.Committed), Fetched: known(r.Steps.Fetched), Started: known(r.Steps.Started), Rendered: known(r.Steps.Rendered),
			Planned: known(r.Steps.Planned), Applied: known(r.Steps.Applied), Healthy: known(r.Steps.Healthy), Ended: known(r.Steps.Ended),
		},
	}
	for _, o := range r.Objects {
		x := ReleaseObject{Object: o.Object, Verb: o.Verb, Reason: o.Reason, MoreFields: o.More, Result: o.Result, Note: o.Note, Error: o.Error}
		for _, c := range o.Changes {
			x.Changes = append(x.Changes, ReleaseFieldChange{Path: c.Path, From: c.From, To: c.To, Manager: c.Manager})
		}
		out.Objects = append(out.Objects, x)
	}
	return out
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
