package statehttp

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/state/memory"
	"github.com/lockstep-dev/lockstep/internal/state/statetest"
)

var vpc = lockstep.Unit{Namespace: "team", Name: "net"}

// scene is a server of states that can be started again on what it left.
type scene struct {
	t     *testing.T
	vault *memory.Vault
	dir   string
	now   time.Time
	log   bytes.Buffer
	*Server
	stop context.CancelFunc
}

func newScene(t *testing.T) *scene {
	x := &scene{t: t, vault: memory.New(), dir: t.TempDir(), now: time.Now()}
	x.start()
	return x
}

func (x *scene) start() {
	x.t.Helper()
	s, err := New(Options{Dir: x.dir, State: state.Options{
		Vault: x.vault, Key: statetest.Key, Log: slog.New(slog.NewTextHandler(&x.log, nil)), MaxBytes: 1 << 20,
		Now: func() time.Time { return x.now },
	}})
	if err != nil {
		x.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(x.t.Context())
	go s.Run(ctx)
	for s.ready() != nil {
		time.Sleep(time.Millisecond)
	}
	x.Server, x.stop = s, stop
	x.t.Cleanup(stop)
}

func (s *Server) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return errors.New("not yet")
	}
	return nil
}

func (x *scene) mint(run string, mode Mode) driver.Backend {
	x.t.Helper()
	b, err := x.Mint(Grant{Unit: vpc, Run: run, Commit: "c0ffee", Mode: mode})
	if err != nil {
		x.t.Fatal(err)
	}
	return b
}

// answer is what came back.
type answer struct {
	status int
	body   string
	head   http.Header
}

// send sends a request as a tool does, through its listener and its certificate.
func (x *scene) send(b driver.Backend, method, query, body string, head ...string) answer {
	x.t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b.CA) {
		x.t.Fatal("the certificate cannot be read")
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(x.t.Context(), method, b.Address+query, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	r.SetBasicAuth(b.User, b.Password)
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return answer{resp.StatusCode, string(text), resp.Header}
}

func (x *scene) want(status int, b driver.Backend, method, query, body string, head ...string) answer {
	x.t.Helper()
	a := x.send(b, method, query, body, head...)
	if a.status != status {
		x.t.Errorf("%s %s answered %d, want %d: %s", method, query, a.status, status, a.body)
	}
	return a
}

func lockJSON(id string) string {
	return fmt.Sprintf(`{"ID":%q,"Operation":"OperationTypeApply","Info":"","Who":"ana@host","Version":"1.12.6","Created":"2026-11-23T01:02:03.4Z","Path":""}`, id)
}

func TestProtocol(t *testing.T) {
	x := newScene(t)
	a, b := x.mint("run1", Apply), x.mint("run2", Apply)
	x.want(204, a, "GET", "", "")
	x.want(409, a, "POST", "?ID=one", string(statetest.State("l", 1, "a")))
	x.want(409, a, "POST", "", string(statetest.State("l", 1, "a")))
	x.want(200, a, "LOCK", "", lockJSON("one"))
	x.want(200, a, "LOCK", "", lockJSON("one"))
	got := x.want(423, b, "LOCK", "", lockJSON("two"))
	var holder map[string]any
	if err := json.Unmarshal([]byte(got.body), &holder); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"ID": "one", "Operation": "OperationTypeApply", "Info": "held by run run1", "Who": "ana@host", "Version": "1.12.6", "Created": "2026-11-23T01:02:03.4Z", "Path": ""}
	if diff := cmp.Diff(want, holder); diff != "" {
		t.Errorf("the holder's lock (-want +got):\n%s", diff)
	}
	body := string(statetest.State("l", 1, "a"))
	sum := md5.Sum([]byte(body))
	x.want(400, a, "POST", "?ID=one", body, "Content-MD5", "AAAA")
	x.want(200, a, "POST", "?ID=one", body, "Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
	x.want(200, a, "POST", "?ID=one", body) // its answer was lost
	x.want(423, b, "POST", "?ID=two", string(statetest.State("l", 2, "b")))
	x.want(423, b, "UNLOCK", "", lockJSON("one"))
	r := x.want(200, b, "GET", "", "")
	if r.body != body || r.head.Get("Content-MD5") == "" || r.head.Get("Cache-Control") != "no-store" {
		t.Errorf("read %q %v", r.body, r.head)
	}
	x.want(200, a, "UNLOCK", "", `{"ID":"one","Operation":"","Created":"0001-01-01T00:00:00Z"}`)
	x.want(200, a, "UNLOCK", "", lockJSON("one"))

	// Tools that are told to lock by other methods.
	x.want(200, b, "PUT", "/lock", lockJSON("three"))
	x.want(200, b, "POST", "/unlock", lockJSON("three"))
	x.want(200, b, "POST", "/lock", lockJSON("four"))
	x.want(200, b, "PUT", "?ID=four", string(statetest.State("l", 2, "b")))
	x.want(200, b, "DELETE", "/lock", lockJSON("four"))

	x.want(403, b, "DELETE", "", "")
	x.want(405, b, "PATCH", "", "")
	x.want(400, b, "LOCK", "", "no lock")
	x.want(400, b, "GET", "?version=1", "")
	x.want(400, b, "GET", "/x/y", "")
	x.want(200, b, "LOCK", "", lockJSON("five"))
	x.want(422, b, "POST", "?ID=five", "<html>")
	x.want(413, b, "POST", "?ID=five", strings.Repeat("x", 1<<20+1))
	x.want(409, b, "POST", "?ID=five&force=true", string(statetest.State("swapped", 9, "b")))
	if err := x.Trouble("run2"); err == nil || !strings.Contains(err.Error(), `lineage "swapped"`) {
		t.Errorf("why it was refused is not told: %v", err)
	}
	if strings.Contains(x.log.String(), `"id":"1"`) || strings.Contains(x.log.String(), b.Password) {
		t.Errorf("the log has what it must not:\n%s", x.log.String())
	}
}

func TestModes(t *testing.T) {
	x := newScene(t)
	apply, plan, read := x.mint("run1", Apply), x.mint("run2", Plan), x.mint("run3", Read)
	if read.LockAddress != "" || read.UnlockAddress != "" || plan.LockAddress == "" {
		t.Errorf("who may not lock is told where to: %+v", read)
	}
	x.want(200, plan, "LOCK", "", lockJSON("p"))
	x.want(403, plan, "POST", "?ID=p", string(statetest.State("l", 1, "a")))
	x.want(200, plan, "UNLOCK", "", lockJSON("p"))
	x.want(200, apply, "LOCK", "", lockJSON("a"))
	x.want(200, apply, "POST", "?ID=a", string(statetest.State("l", 1, "a")))
	x.want(200, read, "GET", "", "")
	for _, m := range []string{"LOCK", "UNLOCK"} {
		x.want(403, read, m, "", lockJSON("a"))
	}
	x.want(403, read, "POST", "?ID=a", string(statetest.State("l", 2, "a")))
}

func TestCredentials(t *testing.T) {
	x := newScene(t)
	good := x.mint("run1", Read)
	for name, change := range map[string]func(*driver.Backend){
		"Password":  func(b *driver.Backend) { b.Password = strings.Repeat("A", 43) },
		"None":      func(b *driver.Backend) { b.Password = "" },
		"Mode":      func(b *driver.Backend) { b.User = strings.Replace(b.User, ".read.", ".apply.", 1) },
		"Unit":      func(b *driver.Backend) { b.Address = strings.Replace(b.Address, "team/net", "team/db", 1) },
		"Workspace": func(b *driver.Backend) { b.Address = strings.Replace(b.Address, "/default", "/prod", 1) },
		"Shifted":   func(b *driver.Backend) { b.Address = strings.Replace(b.Address, "team/net", "teamn/et", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			b := good
			change(&b)
			x.want(401, b, "GET", "", "")
		})
	}
	x.want(204, good, "GET", "", "")
	x.now = x.now.Add(longestRun)
	x.want(403, good, "GET", "", "")
	for range 100 { // one that holds is let in whatever others try
		x.send(driver.Backend{Address: good.Address, CA: good.CA, User: "x", Password: "y"}, "GET", "", "")
	}
	x.want(429, driver.Backend{Address: good.Address, CA: good.CA, User: "x", Password: "y"}, "GET", "", "")
	x.want(204, x.mint("run2", Read), "GET", "", "")
	for name, g := range map[string]Grant{"Run": {Unit: vpc, Mode: Read}, "Mode": {Unit: vpc, Run: "r"}, "Unit": {Run: "r", Mode: Read}} {
		if _, err := x.Mint(g); err == nil {
			t.Errorf("a grant without %s is minted", name)
		}
	}
}

// TestRestart holds that a run which outlives its server does not lose its state, by
// a server that knows of it and by one that does not yet.
func TestRestart(t *testing.T) {
	x := newScene(t)
	b := x.mint("run1", Apply)
	x.want(200, b, "LOCK", "", lockJSON("one"))
	x.want(200, b, "POST", "?ID=one", string(statetest.State("l", 1, "a")))
	x.stop()
	for {
		c, err := net.DialTimeout("tcp", x.address, time.Second)
		if err != nil {
			break // the port is let go
		}
		c.Close()
		time.Sleep(time.Millisecond)
	}
	x.start()
	x.Ask(func(string) bool { return false })
	x.want(200, b, "GET", "", "") // the tools read before they write for the first time
	x.want(200, b, "POST", "?ID=one", string(statetest.State("l", 2, "made meanwhile")))
	x.now = x.now.Add(2 * longestRun)
	x.want(200, b, "POST", "?ID=one", string(statetest.State("l", 3, "made meanwhile")))
	x.want(200, b, "UNLOCK", "", lockJSON("one"))
	x.want(403, b, "POST", "?ID=one", string(statetest.State("l", 4, "late")))
	x.want(403, b, "LOCK", "", lockJSON("one"))
	v, content, err := x.States().Read(t.Context(), state.Of(vpc, ""))
	if err != nil || !strings.Contains(string(content), "made meanwhile") || v.Commit != "c0ffee" || v.Run != "run1" {
		t.Errorf("the state is %+v %v", v, err)
	}
}

func TestRevoked(t *testing.T) {
	x := newScene(t)
	b := x.mint("run1", Apply)
	x.want(200, b, "LOCK", "", lockJSON("one"))
	x.Revoke("run1")
	x.want(403, b, "LOCK", "", lockJSON("another"))
	x.want(200, b, "POST", "?ID=one", string(statetest.State("l", 1, "last words")))
	was, err := x.Release(t.Context(), vpc, "", "run1")
	if err != nil || !was {
		t.Errorf("its lock is not released: %v", err)
	}
	x.want(403, b, "POST", "?ID=one", string(statetest.State("l", 2, "late")))
	x.want(403, b, "GET", "", "")
	if was, err := x.Release(t.Context(), vpc, "", "run1"); err != nil || was {
		t.Errorf("released twice: %v", err)
	}
	// An orphaned lock is in nobody's way, also where nobody released it.
	c := x.mint("run2", Apply)
	x.want(200, c, "LOCK", "", lockJSON("two"))
	x.Revoke("run2")
	x.want(200, x.mint("run3", Apply), "LOCK", "", lockJSON("three"))
	x.want(403, c, "POST", "?ID=two", string(statetest.State("l", 9, "ghost")))
}

// TestIdentity holds that a server proves itself with the same certificate after a
// restart, and one of another installation with another.
func TestIdentity(t *testing.T) {
	a, err := identify(statetest.Key)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := identify(statetest.Key)
	c, _ := identify(bytes.Repeat([]byte("z"), 32))
	if !bytes.Equal(a.ca, b.ca) || bytes.Equal(a.ca, c.ca) {
		t.Error("the certificate does not follow from the key")
	}
	// Who took the port meanwhile is not spoken to.
	x := newScene(t)
	good := x.mint("run1", Read)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	r, err := http.NewRequestWithContext(t.Context(), "GET", good.Address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := client.Do(r); err == nil {
		resp.Body.Close()
		t.Error("a server of somebody else's certificate is believed")
	}
}

// rules lets ana read, bob write, and nobody else anything.
type rules struct{ lines []string }

func (*rules) Who(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		next.ServeHTTP(w, r.WithContext(access.With(r.Context(), lockstep.Person{Name: name})))
	})
}
func (*rules) Person(ctx context.Context) (lockstep.Person, bool) { return access.Who(ctx) }
func (*rules) MayRead(_ context.Context, p lockstep.Person, _ lockstep.Unit) error {
	if p.Name == "ana" || p.Name == "bob" {
		return nil
	}
	return fault.Denied("%s may not", p.Name)
}
func (*rules) MayWrite(_ context.Context, p lockstep.Person, _ lockstep.Unit) error {
	if p.Name == "bob" || p.Name == "eve" {
		return nil
	}
	return fault.Denied("%s may not", p.Name)
}
func (r *rules) Record(_ *http.Request, p lockstep.Person, u lockstep.Unit, verb, reason string, err error) {
	r.lines = append(r.lines, fmt.Sprint(p.Name, " ", verb, " ", u, " ", reason, " ", err == nil))
}

func TestPeople(t *testing.T) {
	seen := &rules{}
	s, err := New(Options{Dir: t.TempDir(), People: seen, State: state.Options{Vault: memory.New(), Key: statetest.Key}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.ForPeople())
	defer srv.Close()
	send := func(status int, token, method, query, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+Prefix+"team/net/default"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.SetBasicAuth("anything", token)
		}
		r.AddCookie(&http.Cookie{Name: "lockstep-session", Value: "bob"})
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status {
			t.Errorf("%s %s %s answered %d, want %d: %s", token, method, query, resp.StatusCode, status, text)
		}
		return string(text)
	}
	send(401, "", "GET", "", "")
	send(403, "carl", "GET", "", "")
	send(204, "ana", "GET", "", "")
	send(403, "ana", "LOCK", "", lockJSON("a"))
	send(200, "bob", "LOCK", "", lockJSON("b"))
	send(423, "eve", "LOCK", "", lockJSON("e"))
	send(423, "eve", "UNLOCK", "", lockJSON("b"))
	send(423, "eve", "POST", "?ID=b", string(statetest.State("l", 5, "a")))
	send(200, "bob", "POST", "?ID=b&reason=moved", string(statetest.State("l", 5, "a")))
	send(409, "bob", "POST", "?ID=b", string(statetest.State("m", 6, "a")))
	send(200, "bob", "POST", "?ID=b&force=true", string(statetest.State("m", 1, "b")))
	if got := send(200, "ana", "GET", "?version=1", ""); !strings.Contains(got, `"serial":5`) {
		t.Errorf("version 1 is %s", got)
	}
	send(410, "ana", "GET", "?version=7", "")
	send(423, "eve", "DELETE", "", "")
	send(200, "bob", "UNLOCK", "", lockJSON("b"))
	send(200, "bob", "DELETE", "", "")
	send(204, "ana", "GET", "", "")
	want := []string{"carl state-pull team/net  false", "ana state-pull team/net  true", "bob state-push team/net moved true"}
	for _, line := range want {
		if !strings.Contains(strings.Join(seen.lines, "\n"), line) {
			t.Errorf("%q is not on record:\n%s", line, strings.Join(seen.lines, "\n"))
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"/terraform/state/team/net/default", "/terraform/state/team/net/default/lock", "/terraform/state/../../x/y", "/terraform/state/a/b/c/d", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		k, last, err := parsePath(path)
		if err != nil {
			return
		}
		again := pathOf(k)
		if last != "" {
			again += "/" + last
		}
		if again != path {
			t.Errorf("%q is taken for %q", path, again)
		}
	})
}

func FuzzLock(f *testing.F) {
	f.Add([]byte(lockJSON("x")))
	f.Add([]byte(`{"ID":"x","Created":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if i, err := parseLock(raw); err == nil && i.ID == "" {
			t.Error("a lock without an ID")
		}
	})
}

func FuzzCredential(f *testing.F) {
	s, err := newSigner(statetest.Key)
	if err != nil {
		f.Fatal(err)
	}
	k := state.Of(vpc, "")
	user := Grant{Unit: vpc, Run: "r", Mode: Read}.user(time.Now())
	f.Add(user, s.password(user, k))
	f.Add("run1.....", "")
	f.Fuzz(func(t *testing.T, user, password string) {
		g, _, err := s.read(user, password, k)
		if err == nil && (s.password(user, k) != password || g.check() != nil) {
			t.Errorf("believed %q", user)
		}
	})
}
