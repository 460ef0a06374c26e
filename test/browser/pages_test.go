package browser

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
	"github.com/lockstep-dev/lockstep/test/forgetest"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestPages looks at everything that depends on who somebody is and on what a cluster
// does: a real server, a real provider, two namespaces of which a viewer sees one.
func TestPages(t *testing.T) {
	needUI(t)
	s := newStage(t)
	playwright(t, "pages", map[string]any{
		"server": s.url, "forge": s.forge.URL, "password": forgetest.Password, "shop": s.shop, "pay": s.pay, "kept": t.TempDir(),
		"remote": remote(t, map[string]func(map[string]string) (map[string]string, error){
			"link": s.link, "edit": s.edit, "push": s.push, "read": s.read, "touch": s.touch,
		}),
	})
}

// stage is a server with what it looks after.
type stage struct {
	*world.World
	k         *kubernetes.Clientset
	forge     *forgetest.Forge
	url       string
	shop, pay string // namespaces
	pushed    func(replicas string) (string, error)
}

func newStage(t *testing.T) *stage {
	t.Helper()
	built := make(chan *forgetest.Forge, 1)
	go func() {
		defer close(built)
		f := forgetest.Start(t)
		for _, name := range []string{"ana", "vera"} {
			f.Person(name)
		}
		built <- f
	}()
	w := world.New(t)
	s := &stage{World: w, k: w.Cluster.Client(t), shop: "shop", pay: "payments"}
	for _, ns := range []string{s.shop, s.pay} {
		s.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
	}
	s.roles()
	srv := w.Serve(world.ServeOptions{})
	s.url = "http://" + srv.Addr
	s.declare()
	s.forge = <-built
	if s.forge == nil {
		t.FailNow()
	}
	s.provider()
	s.settled()
	return s
}

// roles binds the ready-made roles: ana is an administrator, vera sees one namespace.
func (s *stage) roles() {
	s.T.Helper()
	raw, err := os.ReadFile("../../deploy/install/roles.yaml")
	s.must(err)
	for doc := range strings.SplitSeq(string(raw), "\n---\n") {
		u := &unstructured.Unstructured{}
		s.must(yaml.Unmarshal([]byte(doc), &u.Object))
		if len(u.Object) == 0 {
			continue
		}
		s.must(s.Client.Apply(s.T.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("test"), client.ForceOwnership))
	}
	admin := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "browser-admin"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "lockstep-admin"},
		Subjects: []rbacv1.Subject{
			{Kind: "Group", APIGroup: rbacv1.GroupName, Name: signin.Admins},
			{Kind: "User", APIGroup: rbacv1.GroupName, Name: "oidc:ana"},
		},
	}
	s.Create(admin)
	s.Create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.shop, Name: "viewers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "lockstep-viewer"},
		Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "oidc:vera"}},
	})
}

// declare puts four Stacks: one that is well, one whose plans wait for somebody, and
// two that vera must not know of.
func (s *stage) declare() {
	s.T.Helper()
	repo, url := s.Repo("shop")
	files := func(replicas string) map[string]string {
		return map[string]string{
			"checkout/deployment.yaml": fmt.Sprintf(deployment, "checkout", replicas),
			"checkout/config.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: checkout}\ndata: {greeting: hello}\n",
			"ledger/deployment.yaml":   fmt.Sprintf(deployment, "ledger", "3"),
			"till/deployment.yaml":     fmt.Sprintf(deployment, "till", "2"),
			"vault/config.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vault}\ndata: {note: kept}\n",
		}
	}
	s.pushed = func(replicas string) (string, error) {
		return repo.Commit("main", "checkout: "+replicas+" replicas", files(replicas))
	}
	_, err := s.pushed("2")
	s.must(err)
	for _, ns := range []string{s.shop, s.pay} {
		s.Create(&v1alpha1.Source{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop"},
			Spec: v1alpha1.SourceSpec{
				Interval: metav1.Duration{Duration: time.Hour},
				Git:      &v1alpha1.GitSource{URL: url, Ref: &v1alpha1.GitRef{Branch: "main"}},
			},
		})
	}
	put := func(ns, name string, change func(*v1alpha1.StackSpec)) {
		x := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{"env": "prod"}}}
		x.Spec.Source = v1alpha1.StackSource{Name: "shop", Path: name}
		change(&x.Spec)
		s.Create(x)
	}
	put(s.shop, "checkout", func(*v1alpha1.StackSpec) {})
	put(s.shop, "ledger", func(x *v1alpha1.StackSpec) { x.Sync.Mode = v1alpha1.SyncManual })
	put(s.pay, "vault", func(*v1alpha1.StackSpec) {})
	// Where what somebody changes stays, to be looked at.
	put(s.pay, "till", func(x *v1alpha1.StackSpec) { x.Sync.Drift = v1alpha1.DriftReport })
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]s
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers: [{name: app, image: ghcr.io/stefanprodan/podinfo:6.7.0}]
`

// provider has people sign in with the forge.
func (s *stage) provider() {
	s.T.Helper()
	id, secret := s.forge.Register(s.url + "/auth/callback/forge")
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "lockstep-sign-in"},
		StringData: map[string]string{
			"forge": secret,
			"sign-in.yaml": fmt.Sprintf(`providers:
- name: forge
  title: Forge
  issuer: %s
  clientID: %s
  clientSecret: {key: forge}
  scopes: [openid, profile, email, groups]
  claims: {user: preferred_username, groups: groups, display: preferred_username}
  prefix: {user: "oidc:", groups: "oidc:"}
`, s.forge.URL, id),
		},
	})
	s.Eventually("the provider is offered", time.Minute, func() (bool, string) {
		r, err := http.Get(s.url + "/api/v1/auth/providers")
		if err != nil {
			return false, err.Error()
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		return err == nil && strings.Contains(string(b), "Forge"), string(b)
	})
}

// settled waits until the Stacks stand as specs expect: ledger was let through once.
func (s *stage) settled() {
	s.T.Helper()
	reason := func(ns, name string) string {
		x := &v1alpha1.Stack{}
		s.must(s.Client.Get(s.T.Context(), client.ObjectKey{Namespace: ns, Name: name}, x))
		if len(x.Status.Conditions) == 0 {
			return ""
		}
		return x.Status.Conditions[0].Reason
	}
	ledger := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.shop, Name: "ledger"}}
	s.Eventually("the first plan is held", time.Minute, func() (bool, string) { r := reason(s.shop, "ledger"); return r == "Held", r })
	s.Poke(ledger)
	for _, at := range [][2]string{{s.shop, "checkout"}, {s.shop, "ledger"}, {s.pay, "vault"}, {s.pay, "till"}} {
		s.Eventually(at[1]+" is ready", time.Minute, func() (bool, string) { r := reason(at[0], at[1]); return r == "Ready", r })
	}
}

func (s *stage) must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

// link makes a link that signs in once, as lockstep auth link does.
func (s *stage) link(map[string]string) (map[string]string, error) {
	links := signin.SecretLinks{Secrets: s.k.CoreV1().Secrets(s.Namespace), Now: time.Now}
	secret, err := links.Make(context.Background())
	return map[string]string{"url": s.url + "/login#t=" + secret}, err
}

// edit changes the number of replicas of a Deployment behind Git's back.
func (s *stage) edit(args map[string]string) (map[string]string, error) {
	d := &unstructured.Unstructured{}
	d.SetAPIVersion("apps/v1")
	d.SetKind("Deployment")
	d.SetNamespace(args["namespace"])
	d.SetName(args["name"])
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":`+args["replicas"]+`}}`))
	return nil, s.Client.Patch(context.Background(), d, patch, client.FieldOwner("kubectl-edit"))
}

// read returns how many replicas a Deployment has.
func (s *stage) read(args map[string]string) (map[string]string, error) {
	d, err := s.k.AppsV1().Deployments(args["namespace"]).Get(context.Background(), args["name"], metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return map[string]string{"replicas": fmt.Sprint(*d.Spec.Replicas)}, nil
}

// push commits another number of replicas of checkout, and has Git looked at.
func (s *stage) push(args map[string]string) (map[string]string, error) {
	commit, err := s.pushed(args["replicas"])
	if err != nil {
		return nil, err
	}
	src := &v1alpha1.Source{ObjectMeta: metav1.ObjectMeta{Namespace: s.shop, Name: "shop"}}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	return map[string]string{"commit": commit}, s.Client.Patch(context.Background(), src, client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// touch changes a label that the list shows.
func (s *stage) touch(args map[string]string) (map[string]string, error) {
	x := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: args["namespace"], Name: args["name"]}}
	patch := fmt.Sprintf(`{"metadata":{"labels":{"owner":"o%d"}}}`, time.Now().UnixNano())
	return nil, s.Client.Patch(context.Background(), x, client.RawPatch("application/merge-patch+json", []byte(patch)))
}
