// Package rules explains an answer of Kubernetes' role-based access control: which
// binding, of which role, with which rule, lets somebody do something.
//
// It decides nothing. The API server's answer to a SubjectAccessReview is the
// truth; the walk here finds the words for it, and where the two differ another
// authorizer, a webhook as a rule, has spoken.
package rules

import (
	"cmp"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Snapshot is all rules of a cluster at one moment.
type Snapshot struct {
	clusterRoles map[string]*rbacv1.ClusterRole
	roles        map[place]*rbacv1.Role
	everywhere   []rbacv1.ClusterRoleBinding
	within       map[string][]rbacv1.RoleBinding
}

type place struct{ namespace, name string }

// Lists is what a Snapshot is made of.
type Lists struct {
	ClusterRoles        []rbacv1.ClusterRole
	Roles               []rbacv1.Role
	ClusterRoleBindings []rbacv1.ClusterRoleBinding
	RoleBindings        []rbacv1.RoleBinding
}

// New indexes lists; it keeps them, and sorts the bindings.
func New(l Lists) *Snapshot {
	slices.SortFunc(l.ClusterRoleBindings, func(a, b rbacv1.ClusterRoleBinding) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(l.RoleBindings, func(a, b rbacv1.RoleBinding) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	s := &Snapshot{
		clusterRoles: make(map[string]*rbacv1.ClusterRole, len(l.ClusterRoles)),
		roles:        make(map[place]*rbacv1.Role, len(l.Roles)),
		everywhere:   l.ClusterRoleBindings,
		within:       map[string][]rbacv1.RoleBinding{},
	}
	for i := range l.ClusterRoles {
		s.clusterRoles[l.ClusterRoles[i].Name] = &l.ClusterRoles[i]
	}
	for i := range l.Roles {
		s.roles[place{l.Roles[i].Namespace, l.Roles[i].Name}] = &l.Roles[i]
	}
	for _, b := range l.RoleBindings {
		s.within[b.Namespace] = append(s.within[b.Namespace], b)
	}
	return s
}

// Subject is who asks, with all groups, those that Kubernetes adds among them.
type Subject struct {
	User   string
	Groups []string
}

// Request is what is asked. An empty Name is any object, an empty Namespace any
// namespace.
type Request struct {
	Verb, Group, Resource, Namespace, Name string
}

// Grant is one way in which a request is allowed.
type Grant struct {
	// Binding is Kind/name or Kind/namespace/name, Role likewise.
	Binding, Role string
	// Subject is the part of the binding that matches: User ana, Group platform.
	Subject string
	// Rule is the rule of the role that allows it, in one line.
	Rule string
	// From is the role by whose label the rule is part of an aggregated one; "" for
	// one that is written in Role itself.
	From string
}

// Explain returns every way in which the rules allow r to who, those for the whole
// cluster first. Dangling lists bindings of who whose role does not exist.
func (s *Snapshot) Explain(who Subject, r Request) (grants []Grant, dangling []string) {
	s.visit(who, r.Namespace, func(b bound) {
		if !b.exists {
			dangling = append(dangling, b.binding+" names "+b.role+", which does not exist")
			return
		}
		for _, rule := range b.rules {
			if Matches(rule, r) {
				grants = append(grants, Grant{Binding: b.binding, Role: b.role, Subject: b.subject, Rule: Words(rule), From: s.origin(b, rule)})
			}
		}
	})
	slices.Sort(dangling)
	return grants, slices.Compact(dangling)
}

// Names returns the objects of a resource that rules allow who by their names, in
// every namespace in which there are such rules. A name that is allowed for the
// whole cluster has no namespace.
func (s *Snapshot) Names(who Subject, group, resource string, verbs ...string) []Named {
	var out []Named
	collect := func(namespace string) func(bound) {
		return func(b bound) {
			if b.namespace != namespace {
				return // a binding for the whole cluster, which was seen already
			}
			for _, rule := range b.rules {
				if len(rule.ResourceNames) == 0 || !has(rule.APIGroups, group) || !hasResource(rule.Resources, resource) || !hasAny(rule.Verbs, verbs) {
					continue
				}
				for _, n := range rule.ResourceNames {
					out = append(out, Named{Namespace: namespace, Name: n})
				}
			}
		}
	}
	s.visit(who, "", collect(""))
	for ns := range s.within {
		s.visit(who, ns, collect(ns))
	}
	slices.SortFunc(out, func(a, b Named) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(out)
}

// Named is one object that a rule names.
type Named struct{ Namespace, Name string }

// Namespaces returns those with a binding of who, sorted: nowhere else do rules
// for single namespaces give who anything.
func (s *Snapshot) Namespaces(who Subject) []string {
	var out []string
	for ns, bindings := range s.within {
		if slices.ContainsFunc(bindings, func(b rbacv1.RoleBinding) bool { return matching(b.Subjects, who, ns) != "" }) {
			out = append(out, ns)
		}
	}
	slices.Sort(out)
	return out
}

// bound is a role that somebody has by a binding.
type bound struct {
	binding, role, subject string
	namespace              string // of the binding
	exists                 bool
	rules                  []rbacv1.PolicyRule
	aggregated             *rbacv1.ClusterRole
}

// visit calls f with each role that who has in namespace, in a fixed order.
func (s *Snapshot) visit(who Subject, namespace string, f func(bound)) {
	for _, b := range s.everywhere {
		if subject := matching(b.Subjects, who, ""); subject != "" {
			f(s.resolve(b.RoleRef, "", "ClusterRoleBinding/"+b.Name, subject))
		}
	}
	if namespace == "" {
		return
	}
	for _, b := range s.within[namespace] {
		if subject := matching(b.Subjects, who, namespace); subject != "" {
			f(s.resolve(b.RoleRef, namespace, "RoleBinding/"+namespace+"/"+b.Name, subject))
		}
	}
}

func (s *Snapshot) resolve(ref rbacv1.RoleRef, namespace, binding, subject string) bound {
	b := bound{binding: binding, subject: subject, namespace: namespace}
	if ref.Kind == "Role" {
		b.role = "Role/" + namespace + "/" + ref.Name
		if role := s.roles[place{namespace, ref.Name}]; role != nil {
			b.exists, b.rules = true, role.Rules
		}
		return b
	}
	b.role = "ClusterRole/" + ref.Name
	if role := s.clusterRoles[ref.Name]; role != nil {
		b.exists, b.rules = true, role.Rules
		if role.AggregationRule != nil {
			b.aggregated = role
		}
	}
	return b
}

// origin returns the role that an aggregated one has a rule from.
func (s *Snapshot) origin(b bound, rule rbacv1.PolicyRule) string {
	if b.aggregated == nil {
		return ""
	}
	var found []string
	for _, sel := range b.aggregated.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&sel)
		if err != nil {
			continue
		}
		for name, role := range s.clusterRoles {
			if role != b.aggregated && selector.Matches(labels.Set(role.Labels)) && slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return equal(r, rule) }) {
				found = append(found, "ClusterRole/"+name)
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}

func equal(a, b rbacv1.PolicyRule) bool {
	return slices.Equal(a.Verbs, b.Verbs) && slices.Equal(a.APIGroups, b.APIGroups) && slices.Equal(a.Resources, b.Resources) &&
		slices.Equal(a.ResourceNames, b.ResourceNames) && slices.Equal(a.NonResourceURLs, b.NonResourceURLs)
}

// matching returns the subject by which who is in a binding, "" if there is none.
func matching(subjects []rbacv1.Subject, who Subject, namespace string) string {
	for _, s := range subjects {
		switch s.Kind {
		case rbacv1.UserKind:
			if s.Name == who.User {
				return "User " + s.Name
			}
		case rbacv1.GroupKind:
			if slices.Contains(who.Groups, s.Name) {
				return "Group " + s.Name
			}
		case rbacv1.ServiceAccountKind:
			ns := s.Namespace
			if ns == "" {
				ns = namespace
			}
			if ns != "" && who.User == "system:serviceaccount:"+ns+":"+s.Name {
				return "ServiceAccount " + ns + "/" + s.Name
			}
		}
	}
	return ""
}

// Matches says whether a rule allows a request, as the API server decides it.
func Matches(rule rbacv1.PolicyRule, r Request) bool {
	return has(rule.Verbs, r.Verb) && has(rule.APIGroups, r.Group) && hasResource(rule.Resources, r.Resource) &&
		(len(rule.ResourceNames) == 0 || r.Name != "" && slices.Contains(rule.ResourceNames, r.Name))
}

func has(list []string, want string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, want)
}

func hasAny(list, wants []string) bool {
	return slices.ContainsFunc(wants, func(w string) bool { return has(list, w) })
}

// hasResource knows that "*/status" is that subresource of every resource.
func hasResource(list []string, want string) bool {
	if has(list, want) {
		return true
	}
	_, sub, ok := strings.Cut(want, "/")
	return ok && slices.Contains(list, "*/"+sub)
}

// Words returns a rule in one line: approve, pause on stacks.lockstep.dev (shop).
func Words(rule rbacv1.PolicyRule) string {
	var resources []string
	for _, g := range rule.APIGroups {
		for _, r := range rule.Resources {
			if g != "" {
				r += "." + g
			}
			resources = append(resources, r)
		}
	}
	out := strings.Join(rule.Verbs, ", ") + " on " + strings.Join(resources, ", ")
	if len(rule.ResourceNames) > 0 {
		out += " (only " + strings.Join(rule.ResourceNames, ", ") + ")"
	}
	return out
}
