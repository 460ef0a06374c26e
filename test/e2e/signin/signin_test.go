// Package signin signs people, terminals, machines and jobs in to a real server, with
// a real identity provider and the permissions of a real cluster.
package signin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/forgetest"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// scene is a server whose people come from the forge, and a Stack that the team
// platform:sre may see.
type scene struct {
	*world.World
	t      *testing.T
	forge  *forgetest.Forge
	issuer *issuer
	server *world.Server
	url    string
	team   int
	home   string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	var f *forgetest.Forge
	var ready sync.WaitGroup
	ready.Go(func() { f = forgetest.Start(t) })
	s := &scene{World: world.New(t), t: t, issuer: newIssuer(t), home: t.TempDir()}
	s.server = s.Serve(world.ServeOptions{})
	s.url = "http://" + s.server.Addr
	ready.Wait()
	if f == nil {
		t.FailNow()
	}
	s.forge = f
	s.people()
	s.configure()
	s.stack()
	return s
}

func (s *scene) people() {
	s.team = team(s.forge)
	for _, name := range []string{"ana", "ben", "cas"} {
		s.forge.Person(name)
	}
	s.forge.API("PUT", fmt.Sprintf("/teams/%d/members/ana", s.team), nil, nil)
}

func (s *scene) configure() {
	id, secret := s.forge.Register(s.url + "/auth/callback/gitea")
	s.Create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "lockstep-sign-in"},
		StringData: map[string]string{"gitea": secret, "sign-in.yaml": fmt.Sprintf(`
providers:
- name: gitea
  issuer: %s
  clientID: %s
  clientSecret: {key: gitea}
  scopes: [openid, profile, email, groups]
sessions: {check: 1s}
trust:
- name: ci
  issuer: %s
  audience: lockstep
  rules:
  - when: claims.repository == "acme/shop"
    user: '"ci:" + claims.repository'
    groups: ["oidc:platform:sre"]
`, s.forge.URL, id, s.issuer.URL)},
	})
	// It is looked at when somebody signs in, and every few seconds at most.
	s.Eventually("the provider is offered", 20*time.Second, func() (bool, string) {
		p := newBrowser(s.t).get(s.url + "/api/v1/auth/providers")
		return strings.Contains(p.body, `"gitea"`), p.body
	})
}

func (s *scene) stack() {
	s.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "shop"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "none"}},
	})
	rules := []rbacv1.PolicyRule{{APIGroups: []string{"lockstep.dev"}, Resources: []string{"stacks"}, Verbs: []string{"get", "list", "watch", "reconcile"}}}
	s.Create(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "sre"}, Rules: rules})
	s.Create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "sre"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "sre"},
		Subjects:   []rbacv1.Subject{{Kind: "Group", APIGroup: rbacv1.GroupName, Name: "oidc:platform:sre"}},
	})
}

// stacks is how a request for the Stacks is answered: "shop" where it is in it.
func (s *scene) stacks(b *browser, head map[string]string) string {
	p := b.send("GET", s.url+"/api/v1/stacks", nil, head)
	switch {
	case p.status != http.StatusOK:
		return fmt.Sprint(p.status)
	case strings.Contains(p.body, `"shop"`):
		return "shop"
	}
	return "none"
}

func (s *scene) want(what string, b *browser, head map[string]string, want string) {
	s.t.Helper()
	s.Eventually(what, 20*time.Second, func() (bool, string) {
		got := s.stacks(b, head)
		return got == want, got
	})
}

func bearer(secret string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + secret}
}

// command is the lockstep of somebody with a home of their own.
func (s *scene) command(args ...string) *exec.Cmd {
	cmd := exec.Command(world.Binary(s.t), args...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+s.home, "KUBECONFIG="+s.Cluster.Kubeconfig)
	return cmd
}

func (s *scene) lockstep(args ...string) string {
	s.t.Helper()
	cmd := s.command(args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("lockstep %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), said.String())
	}
	return strings.TrimSpace(out.String())
}

// TestSignIn goes through a day of a server: one part builds on those before.
func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ana, ben, admin := newBrowser(t), newBrowser(t), newBrowser(t)
	for _, part := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"Link", func(t *testing.T) { s.link(t, admin) }},
		{"Browser", func(t *testing.T) { s.browsers(t, ana, ben) }},
		{"OtherSite", func(t *testing.T) { s.otherSite(t, ana) }},
		{"Loopback", func(t *testing.T) { s.loopback(t, ana) }},
		{"Token", s.token},
		{"Device", func(t *testing.T) { s.device(t, ana) }},
		{"Exchange", s.exchange},
		{"Changed", func(t *testing.T) { s.changed(t, ana, ben) }},
		{"Down", func(t *testing.T) { s.down(t, ana) }},
	} {
		if !t.Run(part.name, part.run) {
			t.Log(s.server.Log())
			return
		}
	}
}

// link signs the local administrator in, who then may do what there is.
func (s *scene) link(t *testing.T, b *browser) {
	link := s.lockstep("auth", "link", "--server", s.url, "--system-namespace", s.Namespace)
	_, secret, ok := strings.Cut(link, "/login#t=")
	if !ok {
		t.Fatalf("the link is %q", link)
	}
	elsewhere := b.send("POST", s.url+"/auth/link", url.Values{"t": {secret}}, map[string]string{"Sec-Fetch-Site": "cross-site"})
	if elsewhere.status != http.StatusForbidden {
		t.Errorf("a page of another site signs people in: %d %s", elsewhere.status, elsewhere.body)
	}
	if p := b.send("POST", s.url+"/auth/link", url.Values{"t": {secret}}, nil); p.status != http.StatusNoContent {
		t.Fatalf("the link gives %d %s", p.status, p.body)
	}
	if p := newBrowser(t).send("POST", s.url+"/auth/link", url.Values{"t": {secret}}, nil); p.status != http.StatusUnauthorized {
		t.Errorf("a second time the link gives %d %s", p.status, p.body)
	}
	s.want("the administrator sees the Stack", b, nil, "shop")
	if p := b.send("POST", s.url+"/api/v1/stacks/"+s.Namespace+"/shop/reconcile", url.Values{}, map[string]string{"Content-Type": "application/json"}); p.status >= 300 {
		t.Errorf("the administrator may not reconcile: %d %s", p.status, p.body)
	}
}

// browsers signs two people in, of whom one is in the team.
func (s *scene) browsers(t *testing.T, ana, ben *browser) {
	if got := s.stacks(ana, nil); got != "401" {
		t.Errorf("nobody gets %s", got)
	}
	p := ana.signIn(s.forge, s.url, "ana")
	if p.status != http.StatusOK || !strings.Contains(p.body, `"oidc:ana@example.org"`) || !strings.Contains(p.body, `"oidc:platform:sre"`) {
		t.Fatalf("ana comes to %s: %d %s", p.url, p.status, p.body)
	}
	var back string
	for _, at := range ana.went {
		if at.Path == "/login/oauth/authorize" {
			q := at.Query()
			if q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" {
				t.Errorf("the forge is asked without PKCE, nonce or state: %s", at.RawQuery)
			}
		}
		if strings.HasPrefix(at.Path, "/auth/callback/") {
			back = at.String()
		}
	}
	if p := ana.get(back); p.status != http.StatusUnauthorized {
		t.Errorf("a second time the way back gives %d", p.status)
	}
	if p := newBrowser(t).get(back); p.status != http.StatusUnauthorized {
		t.Errorf("in another browser the way back gives %d", p.status)
	}
	s.want("ana sees the Stack", ana, nil, "shop")
	if p := ben.signIn(s.forge, s.url, "ben"); p.status != http.StatusOK || strings.Contains(p.body, "sre") {
		t.Fatalf("ben comes to %s: %d %s", p.url, p.status, p.body)
	}
	s.want("ben sees nothing", ben, nil, "none")
}

func (s *scene) otherSite(t *testing.T, ana *browser) {
	p := ana.send("POST", s.url+"/api/v1/stacks/"+s.Namespace+"/shop/reconcile", url.Values{}, map[string]string{"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"})
	if p.status != http.StatusForbidden || !strings.Contains(p.body, "another site") {
		t.Errorf("a page of another site gets %d %s", p.status, p.body)
	}
}

// started is a command that waits for somebody in a browser.
type started struct {
	cmd  *exec.Cmd
	said *lines
	done chan error
}

// lines is what a process wrote so far.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (s *scene) begin(t *testing.T, args ...string) *started {
	t.Helper()
	out := &started{cmd: s.command(args...), said: &lines{}, done: make(chan error, 1)}
	out.cmd.Stderr = out.said
	if err := out.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { out.done <- out.cmd.Wait() }()
	t.Cleanup(func() { _ = out.cmd.Process.Kill() })
	return out
}

// find waits until the command says what the expression describes.
func (c *started) find(t *testing.T, form string) string {
	t.Helper()
	re := regexp.MustCompile(form)
	for range 200 {
		if m := re.FindString(c.said.String()); m != "" {
			return m
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("it says only\n%s", c.said)
	return ""
}

func (c *started) ended(t *testing.T) {
	t.Helper()
	select {
	case err := <-c.done:
		if err != nil {
			t.Fatalf("%v\n%s", err, c.said)
		}
	case <-time.After(15 * time.Second):
		t.Fatalf("it does not end\n%s", c.said)
	}
}

func (s *scene) loopback(t *testing.T, ana *browser) {
	c := s.begin(t, "login", s.url, "--no-browser", "--name", "here")
	p := ana.get(c.find(t, `http://\S+/auth/cli\?\S+`))
	if p := ana.submit(p, url.Values{"allow": {"yes"}}); p.status != http.StatusOK || !strings.Contains(p.body, "The terminal goes on") {
		t.Fatalf("the browser shows %d %s", p.status, p.body)
	}
	c.ended(t)
	if got := s.lockstep("auth", "status"); !strings.Contains(got, "oidc:ana@example.org") {
		t.Errorf("the terminal is %s", got)
	}
}

func (s *scene) device(t *testing.T, ana *browser) {
	c := s.begin(t, "login", s.url, "--device", "--name", "there")
	code := c.find(t, `[B-Z]{4}-[B-Z]{4}`)
	if p := ana.submit(ana.get(s.url+"/login/device?code="+code), url.Values{"allow": {"yes"}}); p.status != http.StatusOK {
		t.Fatalf("the browser shows %d %s", p.status, p.body)
	}
	c.ended(t)
	if got := s.lockstep("auth", "status", "--server", "there"); !strings.Contains(got, "oidc:ana@example.org") {
		t.Errorf("the terminal is %s", got)
	}
	s.lockstep("logout", "there")
	if out, err := s.command("auth", "status", "--server", "there").CombinedOutput(); err == nil {
		t.Errorf("after signing out it says %s", out)
	}
}

// token makes one with the session of the terminal, uses it, and ends it.
func (s *scene) token(t *testing.T) {
	secret := s.lockstep("token", "create", "bot", "--for", "1h", "--scope", "get:"+s.Namespace, "--scope", "list:"+s.Namespace)
	nobody := newBrowser(t)
	s.want("the token sees the Stack", nobody, bearer(secret), "shop")
	if p := nobody.send("POST", s.url+"/api/v1/stacks/"+s.Namespace+"/shop/reconcile", url.Values{}, map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"}); p.status != http.StatusForbidden {
		t.Errorf("the token does what its scopes leave out: %d %s", p.status, p.body)
	}
	var list struct {
		Items []struct{ ID, Name, Kind string }
	}
	if err := json.Unmarshal([]byte(s.lockstep("token", "list", "-o", "json")), &list); err != nil || len(list.Items) != 1 || list.Items[0].Name != "bot" {
		t.Fatalf("the list is %+v, %v", list, err)
	}
	s.lockstep("token", "revoke", list.Items[0].ID)
	if err := json.Unmarshal([]byte(s.lockstep("auth", "sessions", "-o", "json")), &list); err != nil || len(list.Items) != 2 {
		t.Fatalf("the sessions are %+v, %v", list, err)
	}
	if got := s.stacks(nobody, bearer(secret)); got != "401" {
		t.Errorf("after its end the token gets %s", got)
	}
	if got := s.stacks(nobody, bearer(secret+"x")); got != "401" {
		t.Errorf("a made-up token gets %s", got)
	}
}

func (s *scene) exchange(t *testing.T) {
	b := newBrowser(t)
	ask := func(token string) page {
		return b.send("POST", s.url+"/api/v1/auth/exchange", url.Values{
			"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"}, "subject_token": {token},
		}, nil)
	}
	job := s.issuer.token(t, "acme/shop", "lockstep")
	p := ask(job)
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(p.body), &got); err != nil || p.status != http.StatusOK || got.Token == "" {
		t.Fatalf("the job gets %d %s", p.status, p.body)
	}
	s.want("the job sees the Stack", b, bearer(got.Token), "shop")
	for why, token := range map[string]string{
		"a second time":       job,
		"of another project":  s.issuer.token(t, "evil/shop", "lockstep"),
		"for somebody else":   s.issuer.token(t, "acme/shop", "elsewhere"),
		"signed by a forger":  newIssuer(t).signed(t, s.issuer.URL, "acme/shop", "lockstep"),
		"of an unknown party": newIssuer(t).token(t, "acme/shop", "lockstep"),
	} {
		if p := ask(token); p.status != http.StatusUnauthorized {
			t.Errorf("a token %s gives %d %s", why, p.status, p.body)
		}
	}
}

// changed takes one person out of the team and another out of the forge.
func (s *scene) changed(_ *testing.T, ana, ben *browser) {
	s.forge.API("DELETE", fmt.Sprintf("/teams/%d/members/ana", s.team), nil, nil)
	s.forge.API("DELETE", "/admin/users/ben?purge=true", nil, nil)
	s.want("who left the team sees nothing", ana, nil, "none")
	s.want("who was removed is signed out", ben, nil, "401")
	s.forge.API("PUT", fmt.Sprintf("/teams/%d/members/ana", s.team), nil, nil)
	s.want("who is back in the team sees it", ana, nil, "shop")
}

// down ends the forge: who is in stays in, and who wants in is told why not.
func (s *scene) down(t *testing.T, ana *browser) {
	s.forge.Stop()
	time.Sleep(6 * time.Second) // one check; and what is believed of the provider is over
	p := newBrowser(t).get(s.url + "/auth/start?provider=gitea")
	if p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "does not answer") {
		t.Errorf("whoever wants in is shown %d %s", p.status, p.body)
	}
	if got := s.stacks(ana, nil); got != "shop" {
		t.Errorf("whoever is in gets %s", got)
	}
}

// team makes the team platform:sre at the forge, and returns its id.
func team(f *forgetest.Forge) int {
	f.API("POST", "/orgs", map[string]any{"username": "platform"}, nil)
	var made struct{ ID int }
	f.API("POST", "/orgs/platform/teams", map[string]any{"name": "sre", "permission": "read", "units": []string{"repo.code"}}, &made)
	return made.ID
}
