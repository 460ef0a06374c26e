package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMatches(t *testing.T) {
	base := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{"lockstep.dev"}, Resources: []string{"stacks"}}
	cases := map[string]struct {
		why    string
		change func(*rbacv1.PolicyRule)
		ask    func(*Request)
		want   bool
	}{
		"Same":          {why: "What it says.", want: true},
		"OtherVerb":     {why: "Verbs are told apart.", ask: func(r *Request) { r.Verb = "pause" }},
		"AnyVerb":       {why: "A star is every verb, our own too.", change: func(p *rbacv1.PolicyRule) { p.Verbs = []string{"*"} }, ask: func(r *Request) { r.Verb = "pause" }, want: true},
		"OtherGroup":    {why: "stacks of another group are other things.", change: func(p *rbacv1.PolicyRule) { p.APIGroups = []string{""} }},
		"AnyGroup":      {why: "A star is every group.", change: func(p *rbacv1.PolicyRule) { p.APIGroups = []string{"*"} }, want: true},
		"Named":         {why: "A name that is listed.", change: func(p *rbacv1.PolicyRule) { p.ResourceNames = []string{"shop"} }, want: true},
		"OtherName":     {why: "One that is not.", change: func(p *rbacv1.PolicyRule) { p.ResourceNames = []string{"till"} }},
		"StarName":      {why: "Names have no star.", change: func(p *rbacv1.PolicyRule) { p.ResourceNames = []string{"*"} }},
		"AllOfNamed":    {why: "Listing everything is more than the names.", change: func(p *rbacv1.PolicyRule) { p.ResourceNames = []string{"shop"} }, ask: func(r *Request) { r.Name = "" }},
		"Subresource":   {why: "A subresource is a resource of its own.", ask: func(r *Request) { r.Resource = "stacks/status" }},
		"EveryStatus":   {why: "A star stands for the resource before it.", change: func(p *rbacv1.PolicyRule) { p.Resources = []string{"*/status"} }, ask: func(r *Request) { r.Resource = "stacks/status" }, want: true},
		"StatusAlone":   {why: "And for no resource itself.", change: func(p *rbacv1.PolicyRule) { p.Resources = []string{"*/status"} }},
		"StarResources": {why: "A star alone is all of them.", change: func(p *rbacv1.PolicyRule) { p.Resources = []string{"*"} }, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rule, ask := *base.DeepCopy(), Request{Verb: "get", Group: "lockstep.dev", Resource: "stacks", Namespace: "a", Name: "shop"}
			if tc.change != nil {
				tc.change(&rule)
			}
			if tc.ask != nil {
				tc.ask(&ask)
			}
			if got := Matches(rule, ask); got != tc.want {
				t.Errorf("%s\n%s: %t", tc.why, Words(rule), got)
			}
		})
	}
}

// TestOrder holds that equal rules are told in equal words, whatever order they were
// read in.
func TestOrder(t *testing.T) {
	rule := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{"lockstep.dev"}, Resources: []string{"stacks"}, ResourceNames: []string{"shop"}}
	binding := func(name string) rbacv1.ClusterRoleBinding {
		return rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "r"},
			Subjects: []rbacv1.Subject{{Kind: "User", Name: "ana"}},
		}
	}
	role := rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "r"}, Rules: []rbacv1.PolicyRule{rule}}
	s := New(Lists{ClusterRoles: []rbacv1.ClusterRole{role}, ClusterRoleBindings: []rbacv1.ClusterRoleBinding{binding("b"), binding("a")}})
	got, _ := s.Explain(Subject{User: "ana"}, Request{Verb: "get", Group: "lockstep.dev", Resource: "stacks", Namespace: "x", Name: "shop"})
	words := "get on stacks.lockstep.dev (only shop)"
	want := []Grant{
		{Binding: "ClusterRoleBinding/a", Role: "ClusterRole/r", Subject: "User ana", Rule: words},
		{Binding: "ClusterRoleBinding/b", Role: "ClusterRole/r", Subject: "User ana", Rule: words},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Named{{Name: "shop"}}, s.Names(Subject{User: "ana"}, "lockstep.dev", "stacks", "get")); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
