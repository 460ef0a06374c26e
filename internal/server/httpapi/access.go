package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// AccessAnswer says whether somebody may do something, and why.
type AccessAnswer struct {
	Person   string   `json:"person" doc:"who it is about" example:"oidc:ana@example.org"`
	Groups   []string `json:"groups"`
	Verb     string   `json:"verb"`
	Stack    string   `json:"stack,omitempty" doc:"namespace/name, namespace/* or, left out, all Stacks"`
	Allowed  bool     `json:"allowed"`
	Reason   string   `json:"reason,omitempty" doc:"what the authorizer of the cluster says, in its own words"`
	Trouble  string   `json:"trouble,omitempty" doc:"what kept the cluster from looking at all rules"`
	Grants   []Grant  `json:"grants" doc:"the ways in which the rules of the cluster allow it"`
	Dangling []string `json:"dangling,omitempty" doc:"bindings of the person whose role does not exist"`
	// Elsewhere: the answer is not explained by the rules.
	Elsewhere bool   `json:"elsewhere,omitempty" doc:"decided by another authorizer than role-based access control, a webhook as a rule"`
	Unread    string `json:"unread,omitempty" doc:"why the rules could not be looked at"`
	Narrowed  string `json:"narrowed,omitempty" doc:"the refusal by the scopes of the token"`
	Hint      string `json:"hint,omitempty" doc:"what would allow it"`
	Command   string `json:"command" doc:"how kubectl asks the same"`
}

// Grant is one way in which something is allowed.
type Grant struct {
	Binding string `json:"binding" example:"RoleBinding/payments/on-call"`
	Role    string `json:"role" example:"ClusterRole/lockstep-operator"`
	Subject string `json:"subject" doc:"the part of the binding that the person is" example:"Group oidc:on-call"`
	Rule    string `json:"rule" example:"reconcile, pause on stacks.lockstep.dev"`
	From    string `json:"from,omitempty" doc:"the role that an aggregated one has the rule from"`
}

// VerbAnswer is whether a person may do one thing.
type VerbAnswer struct {
	Verb    string `json:"verb"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty" doc:"why not, in one line"`
	Hint    string `json:"hint,omitempty"`
}

type canInput struct {
	Verb   string   `query:"verb" required:"true" enum:"get,list,watch,create,update,delete,reconcile,approve,rollback,pause,logs,actions,read-state,write-state,unlock"`
	Stack  string   `query:"stack" maxLength:"520" doc:"namespace/name; namespace/* for all of a namespace; left out for all Stacks"`
	As     string   `query:"as" maxLength:"1024" doc:"somebody else; needs the permission to create subjectaccessreviews.authorization.k8s.io"`
	Groups []string `query:"groups,explode" maxItems:"100" doc:"groups of somebody else"`
}

type verbsInput struct {
	Stack string `query:"stack" maxLength:"520" doc:"namespace/name; namespace/* for all of a namespace; left out for all Stacks"`
}

type verbsOutput struct {
	Body struct {
		Stack string       `json:"stack,omitempty"`
		Verbs []VerbAnswer `json:"verbs" doc:"every verb, in a fixed order"`
	}
}

func registerAccess(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/access/can", "can", "Whether somebody may do something, and which rule decides", http.StatusBadRequest, http.StatusServiceUnavailable),
		func(ctx context.Context, in *canInput) (*struct{ Body AccessAnswer }, error) {
			out, err := d.can(ctx, in)
			if err != nil {
				return nil, problem(err)
			}
			return &struct{ Body AccessAnswer }{*out}, nil
		})
	huma.Register(api, operation(http.MethodGet, "/access/verbs", "listVerbs", "What you may do with a Stack", http.StatusBadRequest, http.StatusServiceUnavailable), d.verbs)
}

func (d *Deps) can(ctx context.Context, in *canInput) (*AccessAnswer, error) {
	p, err := who(ctx)
	if err != nil {
		return nil, err
	}
	unit, err := access.ParsePlace(in.Stack)
	if err != nil {
		return nil, err
	}
	if len(in.Groups) > 0 && in.As == "" {
		return nil, fault.Usage("groups are given, and nobody to be in them").WithHint("say who by as")
	}
	about := p
	if in.As != "" {
		if err := d.Access.Others(ctx, p); err != nil {
			return nil, err
		}
		about = access.Hypothetical(in.As, in.Groups)
	}
	q := access.Of(access.Verb(in.Verb), unit)
	e, err := d.Access.Explain(ctx, about, q)
	if err != nil {
		return nil, err
	}
	return answerOf(about, q, e), nil
}

func answerOf(p lockstep.Person, q access.Question, e access.Explanation) *AccessAnswer {
	out := &AccessAnswer{
		Person: p.Name, Groups: append([]string{}, p.Groups...), Verb: string(q.Verb), Stack: access.Place(q.Unit),
		Allowed: e.Allowed, Reason: e.Reason, Trouble: e.Trouble, Grants: []Grant{}, Dangling: e.Dangling,
		Elsewhere: e.Elsewhere, Unread: e.Unread, Narrowed: e.Narrowed, Command: q.Command(p),
	}
	if !e.Allowed && e.Narrowed == "" {
		out.Hint = q.Hint()
	}
	for _, g := range e.Grants {
		out.Grants = append(out.Grants, Grant(g))
	}
	return out
}

func (d *Deps) verbs(ctx context.Context, in *verbsInput) (*verbsOutput, error) {
	p, err := who(ctx)
	if err != nil {
		return nil, err
	}
	unit, err := access.ParsePlace(in.Stack)
	if err != nil {
		return nil, problem(err)
	}
	each, err := d.Access.Each(ctx, p, unit)
	if err != nil {
		return nil, problem(err)
	}
	out := &verbsOutput{}
	out.Body.Stack = access.Place(unit)
	for _, v := range access.Verbs {
		a := VerbAnswer{Verb: string(v), Allowed: each[v] == nil}
		if f := fault.As(each[v]); f != nil {
			a.Reason, a.Hint = f.What, f.Hint
		}
		out.Body.Verbs = append(out.Body.Verbs, a)
	}
	return out, nil
}
