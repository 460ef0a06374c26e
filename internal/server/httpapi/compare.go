package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// ReleaseComparison is what differs between two releases of a Stack, and what the
// record knows of both.
type ReleaseComparison struct {
	live.Compared
	// Commits that were never released have none; nor has what Git says now.
	FromRelease *Release `json:"fromRelease,omitempty" doc:"without its objects; absent for a commit that was not released, or while the history cannot be read"`
	ToRelease   *Release `json:"toRelease,omitempty" doc:"without its objects; absent for a commit that was not released, for what the Source says now, or while the history cannot be read"`
}

type compareReleases struct {
	UnitPath
	From string `query:"from" required:"true" pattern:"^([1-9][0-9]{0,9}|[0-9a-f]{40}|[0-9a-f]{64})$" doc:"number of a release, or a full commit hash"`
	To   string `query:"to" pattern:"^([1-9][0-9]{0,9}|[0-9a-f]{40}|[0-9a-f]{64})?$" doc:"number of a release, or a full commit hash; absent for what the Source says now"`
}

// shortestHash tells a number from a commit: a hash may be all digits.
const shortestHash = 40

func registerCompare(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/stacks/{namespace}/{name}/releases/compare", "compareReleases", "What differs between two releases", 404, 422, 503)
	o.Description = "Both commits are rendered with the Stack as it is now; values of Secrets are masked."
	huma.Register(api, o, func(ctx context.Context, in *compareReleases) (*struct{ Body ReleaseComparison }, error) {
		return answer(ctx, d, access.Get, in.UnitPath, func(l *live.Looker, u lockstep.Unit) (out ReleaseComparison, err error) {
			from, err := d.released(ctx, u, in.From)
			if err != nil {
				return out, err
			}
			to, err := d.released(ctx, u, in.To)
			if err != nil {
				return out, err
			}
			out.FromRelease, out.ToRelease = from.row, to.row
			out.Compared, err = l.Compare(ctx, u, from.commit, to.commit)
			return out, err
		})
	})
}

type released struct {
	commit string // "" is what the Source says now
	row    *Release
}

// released finds what name means. Only a number needs the history to be there.
func (d *Deps) released(ctx context.Context, u lockstep.Unit, name string) (released, error) {
	if name == "" {
		return released{}, nil
	}
	s, err := d.store()
	if len(name) >= shortestHash {
		if err != nil {
			return released{commit: name}, nil
		}
		page, err := s.Releases(ctx, store.ReleaseQuery{Unit: u, Revision: name, Limit: 1})
		if err != nil || len(page.Releases) == 0 {
			return released{commit: name}, nil
		}
		return released{name, briefly(page.Releases[0])}, nil
	}
	if err != nil {
		return released{}, err
	}
	number, err := strconv.ParseInt(name, 10, 64)
	if err != nil {
		return released{}, fault.Internal(err) // the pattern takes digits only
	}
	r, err := s.Release(ctx, u, number)
	if err != nil {
		return released{}, err
	}
	if len(r.Revision) < shortestHash {
		return released{}, fault.NotFound("release %d has no commit on record", number).At("stack %s", u)
	}
	return released{r.Revision, briefly(r)}, nil
}

// briefly is r as in lists.
func briefly(r store.Release) *Release {
	r.Objects = nil
	out := releaseKept(r)
	return &out
}
