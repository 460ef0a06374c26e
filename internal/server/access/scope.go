package access

import (
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Scope narrows what a token may do: VERB[:NAMESPACE[/NAME]]. VERB is one of
// [Verbs], "read" for get, list, watch and logs, "write" for create, update and
// delete, or "*". A namespace or name of "*" is any.
type Scope struct {
	Verb string
	Unit lockstep.Unit
}

// groupsOfVerbs are words for several verbs at once.
var groupsOfVerbs = map[string][]Verb{
	"read":  {Get, List, Watch, Logs},
	"write": {Create, Update, Delete},
	"*":     Verbs,
}

// ParseScope reads one scope.
func ParseScope(s string) (Scope, error) {
	verb, place, placed := strings.Cut(s, ":")
	out := Scope{Verb: verb}
	if groupsOfVerbs[verb] == nil && !slices.Contains(Verbs, Verb(verb)) {
		return out, fault.Invalid("scope %q has no known verb", shortened(s)).WithHint("read, write, *, or one of %s", words(Verbs))
	}
	if !placed {
		return out, nil
	}
	namespace, name, named := strings.Cut(place, "/")
	if !partOf(namespace) || named && !partOf(name) {
		return out, fault.Invalid("scope %q names no place", shortened(s)).WithHint("VERB:NAMESPACE or VERB:NAMESPACE/NAME, as in reconcile:payments/shop")
	}
	out.Unit = lockstep.Unit{Namespace: anyOf(namespace), Name: anyOf(name)}
	return out, nil
}

func partOf(s string) bool { return s == "*" || label(s) }

func anyOf(s string) string {
	if s == "*" {
		return ""
	}
	return s
}

// allows says whether what q asks for is within the scope, all of it.
func (s Scope) allows(q Question) bool {
	if s.Verb != string(q.Verb) && !slices.Contains(groupsOfVerbs[s.Verb], q.Verb) {
		return false
	}
	return (s.Unit.Namespace == "" || s.Unit.Namespace == q.Unit.Namespace) &&
		(s.Unit.Name == "" || s.Unit.Name == q.Unit.Name)
}

// scopes is what a token is narrowed to; nil is not at all.
type scopes []Scope

// scopesOf reads the scopes of p. One that cannot be read allows nothing.
func scopesOf(p lockstep.Person) scopes {
	if p.Scopes == nil {
		return nil
	}
	out := scopes{}
	for _, s := range p.Scopes {
		if scope, err := ParseScope(s); err == nil {
			out = append(out, scope)
		}
	}
	return out
}

func (s scopes) allows(q Question) bool {
	return s == nil || slices.ContainsFunc(s, func(scope Scope) bool { return scope.allows(q) })
}

// narrow returns the refusal of q by the scopes of p, nil if they allow it.
func narrow(p lockstep.Person, q Question) error {
	if scopesOf(p).allows(q) {
		return nil
	}
	return fault.Denied("the token may not %s: its scopes are %s", q, scopeWords(p.Scopes)).
		WithHint("make a token with the scope %q", q.scope())
}

// scope returns the narrowest scope that allows q.
func (q Question) scope() string {
	switch {
	case q.Unit.Namespace == "" && q.Unit.Name == "":
		return string(q.Verb)
	case q.Unit.Name == "":
		return string(q.Verb) + ":" + q.Unit.Namespace
	}
	return string(q.Verb) + ":" + anywhere(q.Unit.Namespace) + "/" + q.Unit.Name
}

func anywhere(namespace string) string {
	if namespace == "" {
		return "*"
	}
	return namespace
}

func scopeWords(scopes []string) string {
	if len(scopes) == 0 {
		return "none"
	}
	return strings.Join(scopes, ", ")
}

func words(verbs []Verb) string {
	out := make([]string, len(verbs))
	for i, v := range verbs {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}
