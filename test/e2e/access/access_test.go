// Package access holds what a server says about permissions to what a real API says:
// who may do what with which Stack, by which rule, and what is hidden.
package access

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// scene is two namespaces, a and b, the ready-made roles, and people with some of
// them.
type scene struct {
	t       *testing.T
	cluster *cluster.Cluster
	api     client.Client
	k       *kubernetes.Clientset
	a, b    string
	sent    atomic.Int64 // requests of the checker
	checker *access.Checker
}

var prepared sync.Once

func newScene(t *testing.T) *scene {
	t.Helper()
	c := cluster.Start(t)
	api, err := client.New(c.Config(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, cluster: c, api: api, k: c.Client(t), a: c.Namespace(t), b: c.Namespace(t)}
	prepared.Do(func() {
		for _, file := range []string{"roles.yaml"} {
			raw, err := os.ReadFile("../../../deploy/install/" + file)
			if err != nil {
				t.Fatal(err)
			}
			s.apply(string(raw))
		}
		crds, err := deploy.CRDs.ReadDir("crds")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range crds {
			raw, err := deploy.CRDs.ReadFile("crds/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			s.apply(string(raw))
		}
	})
	s.checker = s.newChecker(c.Config(t))
	return s
}

func (s *scene) newChecker(cfg *rest.Config) *access.Checker {
	s.t.Helper()
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return &counting{next, &s.sent} })
	c, err := access.New(access.Options{
		Config:     cfg,
		Namespaces: func(context.Context) ([]string, error) { return []string{s.a, s.b}, nil },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

type counting struct {
	next http.RoundTripper
	n    *atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(r)
}

func (s *scene) apply(docs string) {
	s.t.Helper()
	for doc := range strings.SplitSeq(docs, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			s.t.Fatal(err)
		}
		if len(u.Object) == 0 {
			continue
		}
		send := func() error {
			return s.api.Apply(s.t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("test"), client.ForceOwnership)
		}
		err := send()
		// A kind that was just defined is not served at once.
		for end := time.Now().Add(20 * time.Second); meta.IsNoMatchError(err) && time.Now().Before(end); err = send() {
			time.Sleep(100 * time.Millisecond)
		}
		if err != nil {
			s.t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
}

// rule is a rule about Stacks.
func rule(names []string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{"lockstep.dev"}, Resources: []string{"stacks"}, ResourceNames: names, Verbs: verbs}
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: name}
}

func group(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: name}
}

// everywhere binds a ClusterRole for the whole cluster, and makes it first if it
// is given rules.
func (s *scene) everywhere(role string, who rbacv1.Subject, own ...rbacv1.PolicyRule) {
	s.t.Helper()
	rules := s.k.RbacV1()
	if len(own) > 0 {
		_, err := rules.ClusterRoles().Create(s.t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: role}, Rules: own}, metav1.CreateOptions{})
		s.must(err)
		s.t.Cleanup(func() { _ = rules.ClusterRoles().Delete(context.Background(), role, metav1.DeleteOptions{}) })
	}
	b := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.a + "-" + role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}, Subjects: []rbacv1.Subject{who},
	}
	_, err := rules.ClusterRoleBindings().Create(s.t.Context(), b, metav1.CreateOptions{})
	s.must(err)
	s.t.Cleanup(func() { _ = rules.ClusterRoleBindings().Delete(context.Background(), b.Name, metav1.DeleteOptions{}) })
}

// within binds a role in a namespace: a Role of its own if it is given rules, else
// a ClusterRole.
func (s *scene) within(namespace, role string, who rbacv1.Subject, own ...rbacv1.PolicyRule) {
	s.t.Helper()
	rules, kind := s.k.RbacV1(), "ClusterRole"
	if len(own) > 0 {
		kind = "Role"
		_, err := rules.Roles(namespace).Create(s.t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: role}, Rules: own}, metav1.CreateOptions{})
		s.must(err)
	}
	_, err := rules.RoleBindings(namespace).Create(s.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role}, Subjects: []rbacv1.Subject{who},
	}, metav1.CreateOptions{})
	s.must(err)
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// settled waits until the API's authorizer knows the rules that were just made.
func (s *scene) settled(p lockstep.Person, q access.Question) {
	s.t.Helper()
	for range 200 {
		if s.kubectl(p, q) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatalf("the API never let %s %s", p.Name, q)
}

// kubectl answers as kubectl auth can-i does: the person asks the API itself.
func (s *scene) kubectl(p lockstep.Person, q access.Question) bool {
	s.t.Helper()
	cfg := s.cluster.Config(s.t)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: p.Name, Groups: p.Groups}
	k, err := kubernetes.NewForConfig(cfg)
	s.must(err)
	got, err := k.AuthorizationV1().SelfSubjectAccessReviews().Create(s.t.Context(), &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: string(q.Verb), Group: "lockstep.dev", Version: "v1alpha1", Resource: string(q.Resource), Namespace: q.Unit.Namespace, Name: q.Unit.Name,
		}},
	}, metav1.CreateOptions{})
	s.must(err)
	return got.Status.Allowed
}

func person(name string, groups ...string) lockstep.Person {
	return lockstep.Person{Name: name, Groups: groups, Via: lockstep.ProofSession}
}

// TestMatrix asks everything about everybody: what Lockstep says is what the API
// tells the person, and the rules that it names explain it.
func TestMatrix(t *testing.T) {
	s := newScene(t)
	s.everywhere("lockstep-viewer", user("oidc:ana"))
	s.within(s.a, "lockstep-operator", group("oidc:on-call"))
	s.within(s.a, "only-shop", user("oidc:cas"), rule([]string{"shop"}, "get", "approve"))
	s.within(s.a, "edit", user("oidc:dan"))
	s.everywhere("every-shop", user("oidc:eve"), rule([]string{"shop"}, "get", "pause"))
	s.everywhere("lockstep-admin", user("oidc:gia"))
	s.within(s.b, "stars", user("oidc:hal"), rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
	s.within(s.b, "lockstep-approver", rbacv1.Subject{Kind: "ServiceAccount", Namespace: s.a, Name: "ci"})
	s.within(s.b, "gone", user("oidc:ivo"))
	s.within(s.b, "admin", user("<b>x'; DROP TABLE people --"))

	account := "system:serviceaccount:" + s.a + ":ci"
	people := []lockstep.Person{
		person("oidc:ana"), person("oidc:ben", "oidc:on-call", "oidc:staff"), person("oidc:cas"), person("oidc:dan"), person("oidc:eve"),
		person("oidc:fay"), person("oidc:gia"), person("oidc:hal"), person("oidc:ivo"), person("<b>x'; DROP TABLE people --"),
		{Name: account, Via: lockstep.ProofToken},
	}
	s.settled(people[9], access.Of(access.Approve, lockstep.Unit{Namespace: s.b, Name: "shop"})) // made last; and aggregated
	s.settled(people[3], access.Of(access.Pause, lockstep.Unit{Namespace: s.a, Name: "shop"}))

	units := []lockstep.Unit{{Namespace: s.a, Name: "shop"}, {Namespace: s.a, Name: "till"}, {Namespace: s.b, Name: "shop"}, {Namespace: s.a}, {}}
	sources := []lockstep.Unit{{Namespace: s.a, Name: "repo"}, {Namespace: s.b, Name: "repo"}}
	allowed, poked := map[string]string{}, map[string][]string{}
	// There is no Source: whoever may fetch one is told so, and nobody else anything.
	api := httpapi.New(&httpapi.Deps{Access: s.checker, Cache: s.api})
	var mu sync.Mutex
	for _, p := range people {
		t.Run(strings.ReplaceAll(p.Name, "/", ""), func(t *testing.T) {
			t.Parallel()
			for _, u := range units {
				for _, v := range access.Verbs {
					q := access.Of(v, u)
					err := s.checker.Can(t.Context(), p, v, u)
					if err != nil && fault.KindOf(err) != fault.KindDenied {
						t.Fatal(err)
					}
					if got, want := err == nil, s.kubectl(p, q); got != want {
						t.Errorf("%s: %s: we say %t, kubectl %t", p.Name, q, got, want)
					}
					e, ferr := s.checker.Explain(t.Context(), p, q)
					if ferr != nil {
						t.Fatal(ferr)
					}
					if e.Allowed != (err == nil) || e.Elsewhere || e.Unread != "" || e.Allowed != (len(e.Grants) > 0) {
						t.Errorf("%s: %s: explained as %+v", p.Name, q, e)
					}
					if err == nil {
						mu.Lock()
						allowed[p.Name] += place(s, u) + "=" + string(v) + " "
						mu.Unlock()
					}
				}
			}
			s.see(t, p, units[:3])
			for _, u := range sources {
				q := access.Question{Verb: access.Reconcile, Resource: access.Sources, Unit: u}
				err := s.checker.Ask(t.Context(), p, q)
				if got, want := err == nil, s.kubectl(p, q); got != want {
					t.Errorf("%s: %s: we say %t, kubectl %t", p.Name, q, got, want)
				}
				if status := s.fetch(api, p, u); (err == nil) == (status == http.StatusForbidden) {
					t.Errorf("%s: a fetch of source %s, which they may: %t, is answered with %d", p.Name, u, err == nil, status)
				}
				if err == nil {
					mu.Lock()
					poked[p.Name] = append(poked[p.Name], place(s, u))
					mu.Unlock()
				}
			}
		})
	}
	t.Cleanup(func() {
		for who, want := range map[string]string{
			"oidc:fay": "",
			"oidc:ivo": "",
			"oidc:cas": "a/shop=get a/shop=approve ",
			"oidc:eve": "a/shop=get a/shop=pause b/shop=get b/shop=pause ",
		} {
			if allowed[who] != want {
				t.Errorf("%s may %q, want %q", who, allowed[who], want)
			}
		}
		wantPoked := map[string][]string{
			"oidc:ben": {"a/repo"}, "oidc:dan": {"a/repo"}, "oidc:gia": {"a/repo", "b/repo"}, "oidc:hal": {"b/repo"},
			"<b>x'; DROP TABLE people --": {"b/repo"},
		}
		if diff := cmp.Diff(wantPoked, poked); diff != "" {
			t.Errorf("who may fetch a Source (-want +got):\n%s", diff)
		}
		if got := allowed["oidc:gia"]; strings.Count(got, "=") != len(units)*len(access.Verbs) {
			t.Errorf("the admin may %q", got)
		}
		for who, verbs := range map[string][]string{"oidc:ben": {"pause", "rollback"}, "oidc:dan": {"pause", "logs"}} {
			for _, v := range verbs {
				if !strings.Contains(allowed[who], "a/till="+v) || strings.Contains(allowed[who], "b/") || strings.Contains(allowed[who], "=delete") {
					t.Errorf("%s may %q", who, allowed[who])
				}
			}
		}
	})
}

// fetch asks for a fetch of a Source as p, and returns the status of the answer.
func (s *scene) fetch(h http.Handler, p lockstep.Person, u lockstep.Unit) int {
	r := httptest.NewRequest(http.MethodPost, httpapi.Prefix+"/sources/"+u.String()+"/fetch", http.NoBody)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(access.With(r.Context(), p)))
	return w.Code
}

func place(s *scene, u lockstep.Unit) string {
	return strings.NewReplacer(s.a, "a", s.b, "b").Replace(access.Place(u))
}

// see holds the Set of lists to single questions: a Stack is in it if its namespace
// may be listed, or a rule names it.
func (s *scene) see(t *testing.T, p lockstep.Person, units []lockstep.Unit) {
	t.Helper()
	set, err := s.checker.Visible(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		want := s.kubectl(p, access.Of(access.List, lockstep.Unit{Namespace: u.Namespace})) || s.kubectl(p, access.Of(access.Get, u))
		if got := set.Contains(u); got != want {
			t.Errorf("%s sees %s: %t, want %t", p.Name, place(s, u), got, want)
		}
	}
}

// TestExplain holds the words.
func TestExplain(t *testing.T) {
	s := newScene(t)
	s.within(s.a, "edit", group("oidc:web"))
	s.within(s.a, "gone", user("oidc:ana"))
	ana := person("oidc:ana", "oidc:web")
	pause := access.Of(access.Pause, lockstep.Unit{Namespace: s.a, Name: "shop"})
	s.settled(ana, pause)
	e, err := s.checker.Explain(t.Context(), ana, pause)
	s.must(err)
	if len(e.Grants) != 1 {
		t.Fatalf("%+v", e)
	}
	g := e.Grants[0]
	if g.Binding != "RoleBinding/"+s.a+"/edit" || g.Role != "ClusterRole/edit" || g.Subject != "Group oidc:web" || g.From != "ClusterRole/lockstep-operator" ||
		!strings.Contains(g.Rule, "pause") || !strings.Contains(g.Rule, "stacks.lockstep.dev") {
		t.Errorf("%+v", g)
	}
	if len(e.Dangling) != 1 || !strings.Contains(e.Dangling[0], "ClusterRole/gone, which does not exist") {
		t.Errorf("dangling: %q", e.Dangling)
	}
	ana.Scopes = []string{"read"}
	e, err = s.checker.Explain(t.Context(), ana, pause)
	s.must(err)
	if e.Allowed || !strings.Contains(e.Narrowed, "its scopes are read") {
		t.Errorf("%+v", e)
	}
	master, err := s.checker.Explain(t.Context(), access.Hypothetical("oidc:ana", []string{"system:masters"}), pause)
	if fault.KindOf(err) != fault.KindDenied {
		t.Errorf("%+v %v", master, err)
	}
}

// TestTakenBack holds that a binding that is deleted, and one that is made, count
// within the time that answers are kept, for single questions and for lists.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.within(s.a, "lockstep-operator", user("oidc:ana"))
	ana, shop, other := person("oidc:ana"), lockstep.Unit{Namespace: s.a, Name: "shop"}, lockstep.Unit{Namespace: s.b, Name: "shop"}
	s.settled(ana, access.Of(access.Pause, shop))
	seen := make(chan [2]bool, 10)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		_ = s.checker.Follow(ctx, ana, func(set access.Set) { seen <- [2]bool{set.Contains(shop), set.Contains(other)} })
	}()
	if got := <-seen; got != [2]bool{true, false} {
		t.Fatalf("sees %v at first", got)
	}
	s.must(s.checker.Can(t.Context(), ana, access.Pause, shop))
	s.must(s.k.RbacV1().RoleBindings(s.a).Delete(t.Context(), "lockstep-operator", metav1.DeleteOptions{}))
	s.within(s.b, "lockstep-viewer", user("oidc:ana"))
	began := time.Now()
	for s.checker.Can(t.Context(), ana, access.Pause, shop) == nil {
		if time.Since(began) > 11*time.Second {
			t.Fatal("it is still allowed after 11s")
		}
		time.Sleep(100 * time.Millisecond)
	}
	last := [2]bool{true, false}
	for last != [2]bool{false, true} {
		select {
		case last = <-seen:
		case <-time.After(15*time.Second - time.Since(began)):
			t.Fatalf("after 15s the lists have %v", last)
		}
	}
}

// TestAs holds that the API decides what an impersonating client may do, and that
// the scopes of a token count on top.
func TestAs(t *testing.T) {
	s := newScene(t)
	s.everywhere("lockstep-admin", group("oidc:platform"))
	s.within(s.b, "lockstep-approver", rbacv1.Subject{Kind: "ServiceAccount", Namespace: s.a, Name: "ci"})
	gia := person("oidc:gia", "oidc:platform")
	s.settled(gia, access.Of(access.Create, lockstep.Unit{Namespace: s.a}))
	source := func(name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "lockstep.dev/v1alpha1", "kind": "Source", "metadata": map[string]any{"namespace": s.a, "name": name},
			"spec": map[string]any{"git": map[string]any{"url": "https://git.example/x.git"}},
		}}
	}
	scoped := gia
	scoped.Scopes = []string{"read", "create:" + s.b}
	cases := map[string]struct {
		why    string
		person lockstep.Person
		says   string
	}{
		"Admin":   {why: "Who has the role may.", person: gia},
		"Nobody":  {why: "The API says no in its own words.", person: person("oidc:fay"), says: `User "oidc:fay" cannot create resource "sources"`},
		"Scoped":  {why: "A token does not exceed its scopes.", person: scoped, says: "the token may not create sources in namespace"},
		"Account": {why: "A service account has its own name and groups.", person: lockstep.Person{Name: "system:serviceaccount:" + s.a + ":ci", Via: lockstep.ProofToken}, says: "cannot create resource"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := s.checker.As(tc.person)
			s.must(err)
			err = c.Create(t.Context(), source(strings.ToLower(name)))
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%s\ngot %v", tc.why, err)
			}
		})
	}
	if _, err := s.checker.As(person("oidc:gia", "system:masters")); fault.KindOf(err) != fault.KindDenied {
		t.Errorf("the masters are let in: %v", err)
	}
}

// TestRequests counts what asking costs.
func TestRequests(t *testing.T) {
	s := newScene(t)
	s.everywhere("lockstep-viewer", user("oidc:ana"))
	ana := person("oidc:ana")
	s.settled(ana, access.Of(access.List, lockstep.Unit{}))
	if n := s.sent.Load(); n != 0 {
		t.Fatalf("%d requests before anybody asked", n)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			set, err := s.checker.Visible(t.Context(), ana)
			if err != nil || !set.All() {
				t.Errorf("%v %+v", err, set)
			}
			if i%2 == 0 {
				err = s.checker.Can(t.Context(), ana, access.Logs, lockstep.Unit{Namespace: s.a, Name: "shop"})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.sent.Load(); n != 2 {
		t.Errorf("%d requests for two questions that 200 asked at once, want 2", n)
	}
	set, err := s.checker.Visible(t.Context(), ana)
	s.must(err)
	began := time.Now()
	for i := range 10_000 {
		if !set.Contains(lockstep.Unit{Namespace: s.a, Name: fmt.Sprint(i)}) {
			t.Fatal("something is missing")
		}
	}
	if took := time.Since(began); took > 50*time.Millisecond {
		t.Errorf("10,000 Stacks took %s", took)
	}
}

// TestDown holds that an API that does not answer lets nobody do anything.
func TestDown(t *testing.T) {
	s := newScene(t)
	cfg := s.cluster.Config(t)
	cfg.Host = "https://127.0.0.1:1"
	c := s.newChecker(cfg)
	ana := person("oidc:ana")
	if err := c.Can(t.Context(), ana, access.Get, lockstep.Unit{}); fault.KindOf(err) != fault.KindUnavailable {
		t.Errorf("Can: %v", err)
	}
	if set, err := c.Visible(t.Context(), ana); err == nil || fault.KindOf(err) != fault.KindUnavailable || !set.Empty() {
		t.Errorf("Visible: %v %v", set, err)
	}
	if _, err := c.Each(t.Context(), ana, lockstep.Unit{}); err == nil || fault.KindOf(err) != fault.KindUnavailable {
		t.Errorf("Each: %v", err)
	}
}

// TestPeople holds what people.yaml gives the server: it may create a Stack's Source
// as a person who may, and nothing that reaches beyond Lockstep's kinds, be it as the
// group that may do everything.
func TestPeople(t *testing.T) {
	s := newScene(t)
	raw, err := os.ReadFile("../../../deploy/install/people.yaml")
	s.must(err)
	s.apply(strings.ReplaceAll(string(raw), "namespace: lockstep-system", "namespace: "+s.a))
	t.Cleanup(func() {
		_ = s.k.RbacV1().ClusterRoleBindings().Delete(context.Background(), "lockstep-people", metav1.DeleteOptions{})
	})
	as := func(name string, groups ...string) *kubernetes.Clientset {
		cfg := s.cluster.Config(t)
		cfg.Impersonate, cfg.TLSClientConfig.CertFile, cfg.TLSClientConfig.KeyFile = rest.ImpersonationConfig{UserName: name, Groups: groups}, "", ""
		cfg.CertData, cfg.KeyData = nil, nil
		cfg.BearerToken = s.token("lockstep")
		k, err := kubernetes.NewForConfig(cfg)
		s.must(err)
		return k
	}
	create := func(k *kubernetes.Clientset) error {
		body := `{"apiVersion":"lockstep.dev/v1alpha1","kind":"Source","metadata":{"generateName":"x-"},"spec":{"git":{"url":"https://git.example/x.git"}}}`
		return k.CoreV1().RESTClient().Post().AbsPath("/apis/lockstep.dev/v1alpha1/namespaces/"+s.a+"/sources").
			SetHeader("Content-Type", "application/json").Body([]byte(body)).Do(t.Context()).Error()
	}
	s.everywhere("lockstep-admin", group("oidc:platform"))
	s.settled(person("oidc:gia", "oidc:platform"), access.Of(access.Create, lockstep.Unit{Namespace: s.a}))
	if err := create(as("oidc:gia", "oidc:platform")); err != nil {
		t.Errorf("as an admin: %v", err)
	}
	if err := create(as("oidc:fay")); !apierrors.IsForbidden(err) {
		t.Errorf("as somebody without a role: %v", err)
	}
	masters := as("oidc:gia", "system:masters")
	if _, err := masters.CoreV1().Secrets(s.a).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("secrets as the masters: %v", err)
	}
	if err := masters.RbacV1().ClusterRoles().Delete(t.Context(), "view", metav1.DeleteOptions{DryRun: []string{"All"}}); !apierrors.IsForbidden(err) {
		t.Errorf("roles as the masters: %v", err)
	}
	if _, err := as("system:serviceaccount:kube-system:default").CoreV1().ConfigMaps(s.a).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("as a service account: %v", err)
	}
}

// token returns one of a new service account in namespace a.
func (s *scene) token(name string) string {
	s.t.Helper()
	accounts := s.k.CoreV1().ServiceAccounts(s.a)
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"namespace": s.a, "name": name}}}
	s.must(s.api.Apply(s.t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("test")))
	got, err := accounts.CreateToken(s.t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	s.must(err)
	return got.Status.Token
}

// TestDirect holds that a command with a kubeconfig learns the same without a server,
// and with fewer permissions less.
func TestDirect(t *testing.T) {
	s := newScene(t)
	s.within(s.a, "lockstep-operator", user("oidc:ana"))
	ana, pause := person("oidc:ana"), access.Of(access.Pause, lockstep.Unit{Namespace: s.a, Name: "shop"})
	s.settled(ana, pause)
	cfg := s.cluster.Config(t)
	admin, err := access.NewDirect(cfg)
	s.must(err)
	x, err := admin.ExplainOther(t.Context(), ana, pause)
	s.must(err)
	if !x.Allowed || len(x.Grants) != 1 || x.Elsewhere || x.Unread != "" {
		t.Errorf("the administrator is told %+v", x)
	}
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "oidc:ana"}
	own, err := access.NewDirect(cfg)
	s.must(err)
	p, x, err := own.Explain(t.Context(), pause)
	s.must(err)
	if p.Name != "oidc:ana" || !x.Allowed || !strings.Contains(x.Unread, "may not read the roles") || x.Elsewhere || !strings.Contains(x.Reason, "lockstep-operator") {
		t.Errorf("ana is told %+v of %+v", x, p)
	}
	if _, err := own.ExplainOther(t.Context(), person("oidc:ben"), pause); fault.KindOf(err) != fault.KindDenied {
		t.Errorf("ana asks about ben: %v", err)
	}
}

// TestHTTP holds the answers of the API.
func TestHTTP(t *testing.T) {
	s := newScene(t)
	s.within(s.a, "lockstep-operator", user("oidc:ana"))
	s.everywhere("lockstep-auditor", user("oidc:aud"))
	ana, shop := person("oidc:ana"), s.a+"/shop"
	s.settled(ana, access.Of(access.Pause, lockstep.Unit{Namespace: s.a, Name: "shop"}))
	s.settled(person("oidc:aud"), access.Of(access.Get, lockstep.Unit{}))
	h := httpapi.New(&httpapi.Deps{Access: s.checker})
	cases := map[string]struct {
		why    string
		who    string
		path   string
		status int
		has    []string
	}{
		"Own":       {why: "Everybody may ask about themselves.", who: "oidc:ana", path: "/access/can?verb=pause&stack=" + shop, status: 200, has: []string{`"allowed":true`, "RoleBinding/" + s.a + "/lockstep-operator", "User oidc:ana"}},
		"OwnNo":     {why: "A no has the way out.", who: "oidc:ana", path: "/access/can?verb=approve&stack=" + shop, status: 200, has: []string{`"allowed":false`, "lockstep-approver", "kubectl auth can-i approve"}},
		"Others":    {why: "About others only who may.", who: "oidc:ana", path: "/access/can?verb=pause&as=oidc:ben", status: 403, has: []string{"may not ask what others may do"}},
		"Auditor":   {why: "The auditor may.", who: "oidc:aud", path: "/access/can?verb=pause&as=oidc:ana&stack=" + shop, status: 200, has: []string{`"allowed":true`, `"person":"oidc:ana"`}},
		"Masters":   {why: "Not even hypothetically.", who: "oidc:aud", path: "/access/can?verb=pause&as=x&groups=system:masters", status: 403, has: []string{"is reserved"}},
		"Groups":    {why: "Groups of nobody are a mistake.", who: "oidc:aud", path: "/access/can?verb=pause&groups=x", status: 400, has: []string{"nobody to be in them"}},
		"Verb":      {why: "The contract lists the verbs.", who: "oidc:ana", path: "/access/can?verb=destroy", status: 422, has: []string{"query.verb"}},
		"Place":     {why: "A place is checked before it is asked about.", who: "oidc:ana", path: "/access/can?verb=get&stack=%3Cscript%3E", status: 400, has: []string{"is no NAMESPACE/NAME"}},
		"Verbs":     {why: "All at once, for the buttons.", who: "oidc:ana", path: "/access/verbs?stack=" + shop, status: 200, has: []string{`{"verb":"pause","allowed":true}`, `{"verb":"approve","allowed":false,"reason":"oidc:ana may not approve stack ` + shop}},
		"Nobody":    {why: "Who did not sign in is told so.", path: "/access/verbs", status: 401, has: []string{"nobody is signed in"}},
		"Namespace": {why: "A whole namespace may be asked about.", who: "oidc:ana", path: "/access/can?verb=list&stack=" + s.a + "/*", status: 200, has: []string{`"allowed":true`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, httpapi.Prefix+tc.path, http.NoBody)
			if tc.who != "" {
				r = r.WithContext(access.With(r.Context(), person(tc.who)))
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tc.status {
				t.Errorf("%s\ngot %d %s", tc.why, w.Code, w.Body)
			}
			for _, want := range tc.has {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s\n%q is not in %s", tc.why, want, w.Body)
				}
			}
		})
	}
}

// TestFewPermissions runs the checker with no more than lockstep-server gives for it,
// and then without the watch on rules: lists go on, explanations say what is
// missing, and nobody waits.
func TestFewPermissions(t *testing.T) {
	s := newScene(t)
	s.everywhere("reviews-"+s.a, user("server"), rbacv1.PolicyRule{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}})
	s.within(s.a, "lockstep-viewer", user("oidc:ana"))
	ana := person("oidc:ana")
	s.settled(ana, access.Of(access.List, lockstep.Unit{Namespace: s.a}))
	cfg := s.cluster.Config(t)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "server"}
	c := s.newChecker(cfg)
	began := time.Now()
	set, err := c.Visible(t.Context(), ana)
	s.must(err)
	if !set.Contains(lockstep.Unit{Namespace: s.a, Name: "x"}) || set.Contains(lockstep.Unit{Namespace: s.b, Name: "x"}) {
		t.Errorf("ana sees %+v", set)
	}
	e, err := c.Explain(t.Context(), ana, access.Of(access.Get, lockstep.Unit{Namespace: s.a, Name: "x"}))
	s.must(err)
	if !e.Allowed || e.Elsewhere || !strings.Contains(e.Unread, "cannot be read") {
		t.Errorf("explained as %+v", e)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	cfg = s.cluster.Config(t)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "nobody"}
	err = s.newChecker(cfg).Can(t.Context(), ana, access.Get, lockstep.Unit{})
	if fault.KindOf(err) != fault.KindUnavailable || !strings.Contains(fault.As(err).Hint, "subjectaccessreviews") {
		t.Errorf("without any permission: %v", err)
	}
}

// TestRolesInOrder holds that the hint of a refusal names a role that helps.
func TestRolesInOrder(t *testing.T) {
	s := newScene(t)
	shop := lockstep.Unit{Namespace: s.a, Name: "shop"}
	bound := map[string]lockstep.Person{}
	for _, role := range []string{"lockstep-viewer", "lockstep-operator", "lockstep-approver", "lockstep-admin"} {
		p := person("oidc:has-" + role)
		s.within(s.a, role, user(p.Name))
		s.settled(p, access.Of(access.Get, shop))
		bound[role] = p
	}
	nobody := person("oidc:fay")
	for _, v := range access.Verbs {
		f := fault.As(s.checker.Can(t.Context(), nobody, v, shop))
		if f == nil {
			t.Fatalf("nobody may %s", v)
		}
		role, _, _ := strings.Cut(strings.TrimPrefix(f.Hint, "the role "), " ")
		p, ok := bound[role]
		if !ok {
			t.Errorf("%s: the hint is %q", v, f.Hint)
			continue
		}
		if err := s.checker.Can(t.Context(), p, v, shop); err != nil {
			t.Errorf("%s: %s does not help: %v", v, role, err)
		}
	}
}
