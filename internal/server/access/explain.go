package access

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access/rules"
)

// Explanation is an answer and where it comes from.
type Explanation struct {
	Answer
	// Grants are the ways in which the rules of the cluster allow it.
	Grants []rules.Grant
	// Dangling are bindings of the person whose role does not exist.
	Dangling []string
	// Elsewhere says that the rules do not explain the answer: another authorizer
	// has spoken, a webhook as a rule.
	Elsewhere bool
	// Unread says why the rules could not be looked at; "" if they were.
	Unread string
	// Narrowed is the refusal by the scopes of a token; "" if there is none.
	Narrowed string
}

// Explain returns whether p may do q and which rules say so. Asking about somebody
// else is for those whom [Checker.Others] lets.
func (c *Checker) Explain(ctx context.Context, p lockstep.Person, q Question) (Explanation, error) {
	id, err := identify(p)
	if err != nil {
		return Explanation{}, err
	}
	a, err := c.answer(ctx, id, q)
	if err != nil {
		return Explanation{}, err
	}
	book, err := c.book.read(ctx)
	out := Account(a, book, id.subject(), q)
	if err != nil {
		out.Unread = fault.As(err).What
	}
	if err := narrow(p, q); err != nil {
		out.Allowed, out.Narrowed = false, fault.As(err).What
	}
	return out, nil
}

// Account finds the rules behind an answer. A nil book explains nothing.
func Account(a Answer, book *rules.Snapshot, who rules.Subject, q Question) Explanation {
	out := Explanation{Answer: a}
	if book == nil {
		return out
	}
	out.Grants, out.Dangling = book.Explain(who, rules.Request{
		Verb: string(q.Verb), Group: q.group(), Resource: string(q.Resource), Namespace: q.Unit.Namespace, Name: q.Unit.Name,
	})
	out.Elsewhere = a.Allowed != (len(out.Grants) > 0)
	return out
}

// Hypothetical is somebody who did not sign in: the person that others ask about.
// It may be a service account by its full name.
func Hypothetical(name string, groups []string) lockstep.Person {
	return lockstep.Person{Name: name, Groups: groups, Display: name, Via: lockstep.ProofToken}
}

// Others returns nil if p may ask what somebody else may do. Kubernetes has a
// permission for just that.
func (c *Checker) Others(ctx context.Context, p lockstep.Person) error {
	err := c.Ask(ctx, p, Question{Verb: Create, Group: "authorization.k8s.io", Resource: "subjectaccessreviews"})
	if err != nil && fault.KindOf(err) == fault.KindDenied {
		return fault.Denied("%s may not ask what others may do", p.Name).Because(err).
			WithHint("the roles lockstep-auditor and lockstep-admin allow it: create subjectaccessreviews.authorization.k8s.io")
	}
	return err
}

// Each returns what Can says to every verb on u, asked at once. An error is one
// that says nothing about any verb.
func (c *Checker) Each(ctx context.Context, p lockstep.Person, u lockstep.Unit) (map[Verb]error, error) {
	refusals := make([]error, len(Verbs))
	g, ctx := errgroup.WithContext(ctx)
	for i, v := range Verbs {
		g.Go(func() error {
			err := c.Can(ctx, p, v, u)
			if err != nil && fault.KindOf(err) != fault.KindDenied {
				return err
			}
			refusals[i] = err
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := make(map[Verb]error, len(Verbs))
	for i, v := range Verbs {
		out[v] = refusals[i]
	}
	return out, nil
}
