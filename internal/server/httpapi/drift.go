package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// DriftList is all that others changed in what Git decides of one Stack.
type DriftList struct {
	Items  []DriftRecord `json:"items" doc:"in order of object and field, also what is protected or ignored"`
	Left   int           `json:"left" doc:"fields that are left out, beyond the bound"`
	ReadAt time.Time     `json:"readAt"`
}

// DriftPage is what the statuses of several Stacks say of drift.
type DriftPage struct {
	Items []StackDrift `json:"items" doc:"in order of namespace and name"`
	Next  string       `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// StackDrift is what the status of a Stack says of drift: the first ten fields.
type StackDrift struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Records   []DriftRecord `json:"records"`
	More      int32         `json:"more" doc:"fields beyond those; GET …/drift of the Stack has them"`
}

type listDrift struct {
	Query  string `query:"q" maxLength:"1000" doc:"filter, as in the list of Stacks"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next of the page before"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"500" doc:"how many Stacks"`
}

func registerDrift(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/drift", "listDrift", "What others changed, of all Stacks that have drifted", http.StatusBadRequest)
	huma.Register(api, o, func(ctx context.Context, in *listDrift) (*struct{ Body DriftPage }, error) {
		out, err := d.drifted(ctx, in)
		if err != nil {
			return nil, problem(err)
		}
		return &struct{ Body DriftPage }{out}, nil
	})
	o = operation(http.MethodGet, "/stacks/{namespace}/{name}/drift", "getDrift", "What others changed in what Git decides, as the Target has it now",
		http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	huma.Register(api, o, func(ctx context.Context, in *UnitPath) (*struct{ Body DriftList }, error) {
		return answer(ctx, d, access.Get, *in, func(l *live.Looker, u lockstep.Unit) (DriftList, error) {
			all, err := l.Drift(ctx, u)
			if err != nil {
				return DriftList{}, err
			}
			out := DriftList{Items: []DriftRecord{}, ReadAt: time.Now().UTC()}
			if n := len(all) - mostDrift; n > 0 {
				all, out.Left = all[:mostDrift], n
			}
			for _, x := range all {
				out.Items = append(out.Items, driftRecordOf(stack.DriftRecord(x)))
			}
			return out, nil
		})
	})
}

// mostDrift bounds one answer, in fields.
const mostDrift = 2000

func (d *Deps) drifted(ctx context.Context, in *listDrift) (DriftPage, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return DriftPage{}, err
	}
	f, c, err := filtered(p, strings.TrimSpace(in.Query+" drifted:>0"))
	if err != nil {
		return DriftPage{}, err
	}
	const sort = "name"
	after, err := board.ParseCursor(in.Cursor, sort)
	if err != nil {
		return DriftPage{}, err
	}
	page := d.Board.Page(see, board.Query{Filter: f, Context: c, Sort: sort, After: after, Limit: in.Limit})
	out := DriftPage{Items: []StackDrift{}}
	for _, r := range page.Rows {
		u, s := lockstep.Unit{Namespace: r.Namespace, Name: r.Name}, &v1alpha1.Stack{}
		// One that is gone meanwhile, or healed, is none any more.
		if d.object(ctx, u, s, "stack") != nil || s.Status.Drift == nil {
			continue
		}
		x := StackDrift{Namespace: u.Namespace, Name: u.Name, Records: driftOf(s.Status.Drift).Records}
		x.More = max(0, s.Status.Drift.Fields-int32(len(x.Records)))
		out.Items = append(out.Items, x)
	}
	if page.Next != nil {
		out.Next = page.Next.String()
	}
	return out, nil
}

func driftRecordOf(r v1alpha1.DriftRecord) DriftRecord {
	return DriftRecord{
		Object: r.Object, Field: r.Field, Git: r.Git, Live: r.Live, Manager: r.Manager, Operation: r.Operation, Subresource: r.Subresource,
		FirstSeen: r.FirstSeen.UTC(), State: r.State, Until: moment(r.Until), Healed: r.Healed, Next: r.Next,
	}
}
