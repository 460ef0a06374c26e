package access

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestIdentify(t *testing.T) {
	cases := map[string]struct {
		why    string
		person lockstep.Person
		want   []string // groups; nil is refused
		says   string
	}{
		"Person": {
			why:    "Everybody who proved who they are is in the group that the API server puts them in.",
			person: lockstep.Person{Name: "oidc:ana", Groups: []string{"oidc:web"}, Via: lockstep.ProofSession},
			want:   []string{"oidc:web", "system:authenticated"},
		},
		"Masters": {
			why:    "What an identity provider claims must not make somebody the cluster's administrator.",
			person: lockstep.Person{Name: "ana", Groups: []string{"system:masters"}, Via: lockstep.ProofSession},
			says:   `group "system:masters" is reserved`,
		},
		"MastersInCapitals": {
			why:    "Kubernetes tells capitals apart; whoever tries this means no good all the same.",
			person: lockstep.Person{Name: "ana", Groups: []string{"System:Masters"}, Via: lockstep.ProofSession},
			says:   "is reserved",
		},
		"NamedAsAnAccount": {
			why:    "Who signs in by a browser is no service account, whatever the provider says.",
			person: lockstep.Person{Name: "system:serviceaccount:kube-system:root", Via: lockstep.ProofSession},
			says:   "is reserved",
		},
		"Account": {
			why:    "A token that was made for a service account acts as it, with the groups that Kubernetes gives.",
			person: lockstep.Person{Name: "system:serviceaccount:ci:deployer", Via: lockstep.ProofToken},
			want:   []string{"system:serviceaccounts", "system:serviceaccounts:ci", "system:authenticated"},
		},
		"AccountWithGroups": {
			why:    "Nobody gives a service account more groups.",
			person: lockstep.Person{Name: "system:serviceaccount:ci:deployer", Groups: []string{"admins"}, Via: lockstep.ProofToken},
			says:   "is reserved",
		},
		"AccountOfNothing": {
			why:    "Half a name is another name.",
			person: lockstep.Person{Name: "system:serviceaccount::x", Via: lockstep.ProofToken},
			says:   "is reserved",
		},
		"Itself": {
			why:    "Lockstep's own deeds are nobody's.",
			person: lockstep.Itself(),
			says:   "does not act as a person",
		},
		"Nobody":    {why: "An empty name would be Lockstep itself.", person: lockstep.Person{Via: lockstep.ProofSession}, says: "is empty"},
		"Blank":     {why: "A header loses the blank, and ana is somebody else.", person: lockstep.Person{Name: "ana "}, says: "begins or ends with a blank"},
		"NoBreak":   {why: "Nor is there a blank of another kind.", person: lockstep.Person{Name: "\u00a0ana"}, says: "begins or ends with a blank"},
		"LineBreak": {why: "A header would end here.", person: lockstep.Person{Name: "a\r\nImpersonate-Group: x"}, says: "has control characters"},
		"Nul":       {why: "It separates the names of a key.", person: lockstep.Person{Name: "ana", Groups: []string{"a\x00b"}}, says: "has control characters"},
		"Long":      {why: "Names are not novels.", person: lockstep.Person{Name: strings.Repeat("a", 1025)}, says: "is too long"},
		"Bytes":     {why: "What is no text is no name.", person: lockstep.Person{Name: "a\xff"}, says: "is not UTF-8"},
		"Crowd":     {why: "A header has an end.", person: lockstep.Person{Name: "ana", Groups: make([]string, 1001)}, says: "are more than the 1000"},
		"Html":      {why: "Odd names are names.", person: lockstep.Person{Name: "<script>'; DROP TABLE x", Groups: []string{"Ärzte & Ko"}}, want: []string{"Ärzte & Ko", "system:authenticated"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			id, err := identify(tc.person)
			if tc.says != "" {
				if err == nil || fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), tc.says) {
					t.Fatalf("%s\ngot %v", tc.why, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, id.groups); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestIdentitiesDiffer(t *testing.T) {
	a, err := identify(lockstep.Person{Name: "a", Groups: []string{"b", "c"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := identify(lockstep.Person{Name: "a", Groups: []string{"b c"}})
	if err != nil {
		t.Fatal(err)
	}
	if a.key == b.key {
		t.Error("two people share what is remembered of one")
	}
}

func TestScopes(t *testing.T) {
	shop, till := lockstep.Unit{Namespace: "payments", Name: "shop"}, lockstep.Unit{Namespace: "payments", Name: "till"}
	cases := map[string]struct {
		why    string
		scopes []string
		q      Question
		says   string
	}{
		"None":         {why: "A person is not narrowed.", q: Of(Delete, shop)},
		"Empty":        {why: "A token with no scopes may nothing.", scopes: []string{}, q: Of(Get, shop), says: "its scopes are none"},
		"Read":         {why: "A word for several verbs.", scopes: []string{"read"}, q: Of(Logs, shop)},
		"ReadNoWrite":  {why: "Reading is not acting.", scopes: []string{"read"}, q: Of(Reconcile, shop), says: `may not reconcile stack payments/shop: its scopes are read`},
		"One":          {why: "A job that syncs one Stack.", scopes: []string{"reconcile:payments/shop"}, q: Of(Reconcile, shop)},
		"Other":        {why: "And no other.", scopes: []string{"reconcile:payments/shop"}, q: Of(Reconcile, till), says: "stack payments/till"},
		"Namespace":    {why: "A namespace has all of its Stacks.", scopes: []string{"pause:payments"}, q: Of(Pause, till)},
		"NotAll":       {why: "One namespace is not every namespace.", scopes: []string{"list:payments"}, q: Of(List, lockstep.Unit{}), says: "of all namespaces"},
		"NotNamespace": {why: "One Stack is not a namespace of them.", scopes: []string{"list:payments/shop"}, q: Of(List, lockstep.Unit{Namespace: "payments"}), says: "in namespace payments"},
		"Star":         {why: "Everything that the person may.", scopes: []string{"*"}, q: Of(Delete, shop)},
		"Garbled":      {why: "What cannot be read allows nothing.", scopes: []string{"everything", "read:", "*:a/b/c"}, q: Of(Get, shop), says: "its scopes are everything"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := narrow(lockstep.Person{Name: "ana", Scopes: tc.scopes}, tc.q)
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%s\ngot %v", tc.why, err)
			}
		})
	}
}

func FuzzParseScope(f *testing.F) {
	for _, s := range []string{"read", "*", "reconcile:payments/shop", "pause:*/shop", "write:", ":", "get:a/b/c", "list:\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		scope, err := ParseScope(s)
		if err != nil {
			return
		}
		if u := scope.Unit; u.Namespace != "" && !label(u.Namespace) || u.Name != "" && !label(u.Name) {
			t.Errorf("%q is of the place %+v", s, u)
		}
		if scope.Verb != "*" && scope.allows(Of(Approve, lockstep.Unit{})) && scope.Verb != "approve" {
			t.Errorf("%q lets a token approve", s)
		}
	})
}

func TestAsked(t *testing.T) {
	cases := map[string]struct {
		why    string
		method string
		path   string
		want   Question
		ok     bool
	}{
		"Get":    {why: "One object.", method: "GET", path: "/apis/lockstep.dev/v1alpha1/namespaces/a/stacks/b", want: Of(Get, lockstep.Unit{Namespace: "a", Name: "b"}), ok: true},
		"List":   {why: "All of a namespace.", method: "GET", path: "/apis/lockstep.dev/v1alpha1/namespaces/a/stacks", want: Of(List, lockstep.Unit{Namespace: "a"}), ok: true},
		"Create": {why: "The name is in the body; no scope for one name lets it.", method: "POST", path: "/apis/lockstep.dev/v1alpha1/namespaces/a/sources", want: Question{Verb: Create, Resource: Sources, Unit: lockstep.Unit{Namespace: "a"}}, ok: true},
		"Patch":  {why: "A patch is an update.", method: "PATCH", path: "/apis/lockstep.dev/v1alpha1/namespaces/a/stacks/b", want: Of(Update, lockstep.Unit{Namespace: "a", Name: "b"}), ok: true},
		"Status": {why: "Statuses are Lockstep's own.", method: "PATCH", path: "/apis/lockstep.dev/v1alpha1/namespaces/a/stacks/b/status"},
		"Core":   {why: "A token of ours is for our kinds.", method: "GET", path: "/api/v1/namespaces/a/secrets/b"},
		"Odd":    {why: "An unknown method is no known verb.", method: "OPTIONS", path: "/apis/lockstep.dev/v1alpha1/namespaces/a/stacks/b"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := asked(httptest.NewRequest(tc.method, tc.path, http.NoBody))
			if ok != tc.ok {
				t.Fatalf("%s\nok is %t", tc.why, ok)
			}
			if diff := cmp.Diff(tc.want, got); ok && diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestCommand(t *testing.T) {
	q := Of(Approve, lockstep.Unit{Namespace: "payments", Name: "shop"})
	got := q.Command(lockstep.Person{Name: "oidc:ana", Groups: []string{"it's $(me)"}})
	want := `kubectl auth can-i approve stacks.lockstep.dev/shop -n payments --as oidc:ana --as-group 'it'\''s $(me)'`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDenied(t *testing.T) {
	err := fault.As(denied(lockstep.Person{Name: "ana"}, Of(Pause, lockstep.Unit{Namespace: "a", Name: "b"})))
	if err.Error() != "ana may not pause stack a/b" || !strings.HasPrefix(err.Hint, "the role lockstep-operator allows it; ask the cluster: kubectl auth can-i pause") {
		t.Errorf("%s\n%s", err, err.Hint)
	}
}
