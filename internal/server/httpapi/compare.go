package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Comparison is what differs between two releases, commits or what is live, and what
// the record knows of both.
type Comparison struct {
	live.Compared
	// Commits that were never released have none; nor has what Git says now.
	FromRelease *Release `json:"fromRelease,omitempty" doc:"without its objects; absent for what is no release, or while the history cannot be read"`
	ToRelease   *Release `json:"toRelease,omitempty" doc:"without its objects; absent for what is no release, or while the history cannot be read"`
}

type compareSides struct {
	UnitPath
	From string `query:"from" pattern:"^(live|[1-9][0-9]{0,9}|[0-9a-f]{40}|[0-9a-f]{64})?$" doc:"number of a release, a full commit hash, or live for what the Target has; absent for what the Source says now"`
	To   string `query:"to" pattern:"^(live|[1-9][0-9]{0,9}|[0-9a-f]{40}|[0-9a-f]{64})?$" doc:"number of a release, a full commit hash, or live for what the Target has; absent for what the Source says now"`
	With string `query:"with" pattern:"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$" maxLength:"320" doc:"another Stack, NAMESPACE/NAME, that to is of"`
}

const (
	// shortestHash tells a number from a commit: a hash may be all digits.
	shortestHash = 40
	// whatIsLive is a side of a comparison.
	whatIsLive = "live"
)

func registerCompare(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/stacks/{namespace}/{name}/compare", "compareReleases", "What differs between two releases, commits, Stacks, or from what is live", 400, 404, 422, 503)
	o.Description = "Commits are rendered with the Stack as it is now; values of Secrets are masked. Of what is live, fields that the commit does not ask for are left out."
	huma.Register(api, o, func(ctx context.Context, in *compareSides) (*struct{ Body Comparison }, error) {
		other := in.unit()
		if namespace, name, found := strings.Cut(in.With, "/"); found {
			other = lockstep.Unit{Namespace: namespace, Name: name}
			if err := d.may(ctx, access.Get, other); err != nil {
				return nil, err
			}
		}
		return answer(ctx, d, access.Get, in.UnitPath, func(l *live.Looker, u lockstep.Unit) (out Comparison, err error) {
			from, err := d.released(ctx, u, in.From)
			if err != nil {
				return out, err
			}
			to, err := d.released(ctx, other, in.To)
			if err != nil {
				return out, err
			}
			out.FromRelease, out.ToRelease = from.row, to.row
			out.Compared, err = l.Compare(ctx, from.side, to.side)
			return out, err
		})
	})
}

type released struct {
	side live.Side
	row  *Release
}

// released finds what name means.
func (d *Deps) released(ctx context.Context, u lockstep.Unit, name string) (released, error) {
	out := released{side: live.Side{Unit: u}}
	switch {
	case name == "":
		return out, nil
	case name == whatIsLive:
		out.side.Live = true
		return out, nil
	case len(name) >= shortestHash:
		out.side.Commit, out.row = name, d.releasedAs(ctx, u, name)
		return out, nil
	}
	number, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return out, fault.Internal(err) // the pattern takes digits only
	}
	r, err := d.releaseOf(ctx, u, number)
	if err != nil {
		// What the history cannot tell now, the Stack itself may remember.
		commit, known := d.Live.Released(ctx, u, number)
		if !known {
			return out, err
		}
		out.side.Commit = commit
		return out, nil
	}
	if len(r.Revision) < shortestHash {
		return out, fault.NotFound("release %d has no commit on record", number).At("stack %s", u)
	}
	out.side.Commit, out.row = r.Revision, briefly(r)
	return out, nil
}

func (d *Deps) releaseOf(ctx context.Context, u lockstep.Unit, number int64) (store.Release, error) {
	s, err := d.store()
	if err != nil {
		return store.Release{}, err
	}
	return s.Release(ctx, u, number)
}

// releasedAs returns the newest release of a commit; nil where none is known.
func (d *Deps) releasedAs(ctx context.Context, u lockstep.Unit, commit string) *Release {
	s, err := d.store()
	if err != nil {
		return nil
	}
	page, err := s.Releases(ctx, store.ReleaseQuery{Unit: u, Revision: commit, Limit: 1})
	if err != nil || len(page.Releases) == 0 {
		return nil
	}
	return briefly(page.Releases[0])
}

// briefly is r as in lists.
func briefly(r store.Release) *Release {
	r.Objects = nil
	out := releaseKept(r)
	return &out
}
