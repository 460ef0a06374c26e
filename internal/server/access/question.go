package access

import (
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Resource is what a verb is about, in the API group of Lockstep.
type Resource string

// The resources that are asked about. Record is one that no API serves: it exists
// for rules, and stands for the entries of the audit record.
const (
	Stacks  Resource = "stacks"
	Sources Resource = "sources"
	Targets Resource = "targets"
	Record  Resource = "auditentries"
)

// Question is what may be asked of the rules: may somebody do this, there?
type Question struct {
	Verb     Verb
	Resource Resource
	// Unit is one object; without a name all of a namespace, without a namespace
	// all there are.
	Unit lockstep.Unit
	// Group is the API group, that of Lockstep if empty.
	Group string
}

// Of returns the question about a Stack.
func Of(v Verb, u lockstep.Unit) Question { return Question{Verb: v, Resource: Stacks, Unit: u} }

func (q Question) group() string {
	if q.Group == "" {
		return v1alpha1.GroupVersion.Group
	}
	return q.Group
}

// String says it as an error does: approve stack payments/shop.
func (q Question) String() string {
	one := strings.TrimSuffix(string(q.Resource), "s")
	switch {
	case q.Group != "":
		return string(q.Verb) + " " + string(q.Resource) + "." + q.Group
	case q.Resource == Record:
		return string(q.Verb) + " the audit record"
	case q.Unit.Name != "" && q.Unit.Namespace != "":
		return string(q.Verb) + " " + one + " " + q.Unit.String()
	case q.Unit.Name != "":
		return string(q.Verb) + " " + one + " " + q.Unit.Name
	case q.Unit.Namespace != "":
		return string(q.Verb) + " " + string(q.Resource) + " in namespace " + q.Unit.Namespace
	}
	return string(q.Verb) + " " + string(q.Resource) + " of all namespaces"
}

// Command returns how kubectl asks the same about p.
func (q Question) Command(p lockstep.Person) string {
	words := []string{"kubectl", "auth", "can-i", string(q.Verb), string(q.Resource) + "." + q.group()}
	if q.Unit.Name != "" {
		words[4] += "/" + q.Unit.Name
	}
	switch q.Unit.Namespace {
	case "":
		words = append(words, "--all-namespaces")
	default:
		words = append(words, "-n", q.Unit.Namespace)
	}
	words = append(words, "--as", p.Name)
	for _, g := range p.Groups {
		words = append(words, "--as-group", g)
	}
	for i, w := range words {
		words[i] = quoted(w)
	}
	return strings.Join(words, " ")
}

// quoted returns a word as a shell reads it back.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@,+=", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// roles are those of deploy/install/roles.yaml and the verbs on Stacks that each
// is the least to have.
var roles = []struct {
	name  string
	verbs []Verb
}{
	{"lockstep-viewer", []Verb{Get, List, Watch, Logs}},
	{"lockstep-operator", []Verb{Reconcile, Pause, Rollback, Actions, Unlock}},
	{"lockstep-approver", []Verb{Approve}},
	{"lockstep-admin", []Verb{Create, Update, Delete, ReadState, WriteState}},
}

// role returns the smallest ready-made role that allows q; "" if none does.
func (q Question) role() string {
	switch {
	case q.Group != "":
		return ""
	case q.Resource == Record:
		return "lockstep-auditor"
	}
	for _, r := range roles {
		if slices.Contains(r.verbs, q.Verb) {
			return r.name
		}
	}
	return ""
}

// Hint says what would let somebody do it, "" if no ready-made role does.
func (q Question) Hint() string {
	if role := q.role(); role != "" {
		return "the role " + role + " allows it"
	}
	return ""
}

// Place writes a unit that may be a whole namespace, or all of them: namespace/name,
// namespace/* or nothing.
func Place(u lockstep.Unit) string {
	switch {
	case u.Name != "":
		return anywhere(u.Namespace) + "/" + u.Name
	case u.Namespace != "":
		return u.Namespace + "/*"
	}
	return ""
}

// ParsePlace reads what Place writes. A bare name is no place: which namespace is
// meant is for who asks to say.
func ParsePlace(s string) (lockstep.Unit, error) {
	if s == "" || s == "*" || s == "*/*" {
		return lockstep.Unit{}, nil
	}
	namespace, name, ok := strings.Cut(s, "/")
	if !ok || !partOf(namespace) || !partOf(name) {
		return lockstep.Unit{}, fault.Usage("%q is no NAMESPACE/NAME", shortened(s)).
			WithHint("NAMESPACE/NAME, or NAMESPACE/* for a whole namespace")
	}
	return lockstep.Unit{Namespace: anyOf(namespace), Name: anyOf(name)}, nil
}
