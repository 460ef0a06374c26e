package git_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/source/git/gittest"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

// fetchErr opens and fetches main and returns the error of whichever failed.
func fetchErr(t *testing.T, s *git.Store, spec source.Spec) error {
	t.Helper()
	m, err := s.Open(t.Context(), spec)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	_, err = m.Fetch(t.Context(), source.Ref{})
	return err
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// stage is a server with one commit on main, ready to be asked in a wrong way.
type stage struct {
	http, tls, mtls *httptest.Server
	ca              *gittest.CA
	cert, key       []byte
	ssh             *gittest.SSH
	proxy           *httptest.Server
	proxied         *gittest.Proxy
}

func newStage(t *testing.T) *stage {
	dir := t.TempDir()
	must(newRepo(t, dir).Commit("main", "one", map[string]string{"f": "x"}))
	s := &stage{ca: must(gittest.NewCA()), proxied: &gittest.Proxy{User: "pu", Password: "ppw"}}
	closed := httpserver.Options{Dir: dir, Username: "u", Password: "geheim", BearerToken: "tok3n"}
	s.http = httptest.NewServer(serve(t, closed))
	pair, cert, key, err := s.ca.Issue()
	if err != nil {
		t.Fatal(err)
	}
	s.cert, s.key = cert, key
	open := serve(t, httpserver.Options{Dir: dir})
	quiet := func(srv *httptest.Server, conf *tls.Config) *httptest.Server {
		srv.TLS = conf
		srv.Config.ErrorLog = nil
		srv.StartTLS()
		return srv
	}
	s.tls = quiet(httptest.NewUnstartedServer(open), &tls.Config{Certificates: []tls.Certificate{pair}})
	s.mtls = quiet(httptest.NewUnstartedServer(open), &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.ca.Pool(),
	})
	s.ssh = must(gittest.NewSSH(dir, "open sesame"))
	s.proxy = httptest.NewServer(s.proxied)
	t.Cleanup(func() {
		for _, srv := range []*httptest.Server{s.http, s.tls, s.mtls, s.proxy} {
			srv.Close()
		}
		_ = s.ssh.Close()
	})
	return s
}

func (s *stage) sshURL() string { return "ssh://git@" + s.ssh.Addr + "/repo.git" }

func TestAuthentication(t *testing.T) {
	s := newStage(t)
	proxy := strings.Replace(s.proxy.URL, "http://", "http://pu:ppw@", 1)
	cases := map[string]source.Spec{
		"Basic":      {URL: s.http.URL + "/repo.git", Auth: source.Auth{Username: "u", Password: "geheim"}},
		"UserInURL":  {URL: strings.Replace(s.http.URL, "//", "//u@", 1) + "/repo.git", Auth: source.Auth{Password: "geheim"}},
		"Bearer":     {URL: s.http.URL + "/repo.git", Auth: source.Auth{BearerToken: "tok3n"}},
		"CA":         {URL: s.tls.URL + "/repo.git", Auth: source.Auth{CA: s.ca.PEM}},
		"ClientCert": {URL: s.mtls.URL + "/repo.git", Auth: source.Auth{CA: s.ca.PEM, ClientCert: s.cert, ClientKey: s.key}},
		"ProxyHTTP":  {URL: s.http.URL + "/repo.git", Auth: source.Auth{Username: "u", Password: "geheim", ProxyURL: proxy}},
		"ProxyHTTPS": {URL: s.tls.URL + "/repo.git", Auth: source.Auth{CA: s.ca.PEM, ProxyURL: proxy}},
		"SSH":        {URL: s.sshURL(), Auth: source.Auth{SSHKey: s.ssh.Key, SSHPassphrase: "open sesame", KnownHosts: s.ssh.KnownHosts}},
	}
	for name, spec := range cases {
		t.Run(name, func(t *testing.T) {
			before := s.proxied.Used.Load()
			if err := fetchErr(t, newStore(t), spec); err != nil {
				t.Fatalf("%v\nhint: %s", err, fault.As(err).Hint)
			}
			if through := s.proxied.Used.Load() > before; through != (spec.Auth.ProxyURL != "") {
				t.Errorf("went through the proxy: %v", through)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	s := newStage(t)
	_, otherHost, err := gittest.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	otherKey, _, _ := gittest.NewKey("")
	hostPattern := strings.Fields(string(s.ssh.KnownHosts))[0]
	changed := fmt.Appendf(nil, "%s %s %s", hostPattern, otherHost.PublicKey().Type(), strings.Fields(authorized(otherHost.PublicKey()))[1])
	unknown := []byte("elsewhere.example " + strings.SplitN(string(s.ssh.KnownHosts), " ", 2)[1])
	dead := "http://" + freeAddr(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!DOCTYPE html>\n<html><head><title>Sign in to the forge to go on</title></head>\n<body>hello</body></html>\n"))
	}))
	t.Cleanup(web.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	forbidden := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(forbidden.Close)
	ssh := func(key []byte, pass string, hosts []byte) source.Auth {
		return source.Auth{SSHKey: key, SSHPassphrase: pass, KnownHosts: hosts}
	}
	basic := func(pw string) source.Auth { return source.Auth{Username: "u", Password: pw} }

	cases := map[string]struct {
		spec source.Spec
		kind fault.Kind
		what string // part of the message
		hint string // part of the hint
	}{
		"NoCredential":     {source.Spec{URL: s.http.URL + "/repo.git"}, fault.KindDenied, "credential", "bearerToken"},
		"WrongPassword":    {source.Spec{URL: s.http.URL + "/repo.git", Auth: basic("falsch")}, fault.KindDenied, "credential", "password"},
		"WrongToken":       {source.Spec{URL: s.http.URL + "/repo.git", Auth: source.Auth{BearerToken: "falsch"}}, fault.KindDenied, "credential", "bearerToken"},
		"Forbidden":        {source.Spec{URL: forbidden.URL + "/repo.git", Auth: basic("falsch")}, fault.KindDenied, "may not read", "read access"},
		"NoRepository":     {source.Spec{URL: s.http.URL + "/nothing.git", Auth: basic("geheim")}, fault.KindNotFound, "repository does not exist", "check the url"},
		"UnknownHost":      {source.Spec{URL: "https://nosuch.invalid/repo.git"}, fault.KindUnavailable, "cannot be resolved", "DNS"},
		"Refused":          {source.Spec{URL: dead + "/repo.git"}, fault.KindUnavailable, "cannot be reached", "port"},
		"UnknownCA":        {source.Spec{URL: s.tls.URL + "/repo.git"}, fault.KindDenied, "not trusted", "ca.crt"},
		"NoClientCert":     {source.Spec{URL: s.mtls.URL + "/repo.git", Auth: source.Auth{CA: s.ca.PEM}}, fault.KindDenied, "certificate", "tls.crt"},
		"WebPage":          {source.Spec{URL: web.URL + "/repo"}, fault.KindInvalid, "no git repository", "web page"},
		"ServerError":      {source.Spec{URL: broken.URL + "/repo"}, fault.KindUnavailable, "server failed", "502"},
		"ProxyCredential":  {source.Spec{URL: s.tls.URL + "/repo.git", Auth: source.Auth{CA: s.ca.PEM, ProxyURL: strings.Replace(s.proxy.URL, "//", "//pu:falsch@", 1)}}, fault.KindUnavailable, "proxy", "credential"},
		"ProxyHTTP407":     {source.Spec{URL: s.http.URL + "/repo.git", Auth: source.Auth{ProxyURL: s.proxy.URL}}, fault.KindUnavailable, "proxy", "credential"},
		"ProxyDown":        {source.Spec{URL: s.http.URL + "/repo.git", Auth: source.Auth{ProxyURL: dead}}, fault.KindUnavailable, "cannot be reached", ""},
		"SSHWrongKey":      {source.Spec{URL: s.sshURL(), Auth: ssh(otherKey, "", s.ssh.KnownHosts)}, fault.KindDenied, "refused the ssh key", "identity"},
		"SSHUnknownHost":   {source.Spec{URL: s.sshURL(), Auth: ssh(otherKey, "", unknown)}, fault.KindDenied, "not in known_hosts", "ssh-keyscan"},
		"SSHChangedHost":   {source.Spec{URL: s.sshURL(), Auth: ssh(otherKey, "", changed)}, fault.KindDenied, "not the one in known_hosts", "listening in"},
		"SSHNoRepository":  {source.Spec{URL: "ssh://git@" + s.ssh.Addr + "/nothing.git", Auth: ssh(s.ssh.Key, "open sesame", s.ssh.KnownHosts)}, fault.KindNotFound, "repository does not exist", ""},
		"SSHRefused":       {source.Spec{URL: "ssh://git@" + strings.TrimPrefix(dead, "http://") + "/r", Auth: ssh(otherKey, "", s.ssh.KnownHosts)}, fault.KindUnavailable, "cannot be reached", ""},
		"SSHUnknownName":   {source.Spec{URL: "git@nosuch.invalid:r", Auth: ssh(otherKey, "", s.ssh.KnownHosts)}, fault.KindUnavailable, "cannot be resolved", ""},
		"SSHNoPassphrase":  {source.Spec{URL: s.sshURL(), Auth: ssh(s.ssh.Key, "", s.ssh.KnownHosts)}, fault.KindInvalid, "has a passphrase", "password"},
		"SSHBadPassphrase": {source.Spec{URL: s.sshURL(), Auth: ssh(s.ssh.Key, "falsch", s.ssh.KnownHosts)}, fault.KindInvalid, "passphrase", "password"},
		"SSHGarbageKey":    {source.Spec{URL: s.sshURL(), Auth: ssh([]byte("falsch"), "", s.ssh.KnownHosts)}, fault.KindInvalid, "cannot be read", "PEM"},
		"SSHNoKnownHosts":  {source.Spec{URL: s.sshURL(), Auth: ssh(otherKey, "", nil)}, fault.KindInvalid, "known_hosts", "known_hosts"},
		"SSHNoKey":         {source.Spec{URL: s.sshURL()}, fault.KindInvalid, "private key", "identity"},
		"KeyForHTTPS":      {source.Spec{URL: s.http.URL + "/r", Auth: ssh(otherKey, "", nil)}, fault.KindInvalid, "ssh key", ""},
		"CertWithoutKey":   {source.Spec{URL: s.mtls.URL + "/r", Auth: source.Auth{ClientCert: s.cert}}, fault.KindInvalid, "client certificate", "tls.key"},
		"GarbageCA":        {source.Spec{URL: s.tls.URL + "/r", Auth: source.Auth{CA: []byte("falsch")}}, fault.KindInvalid, "no certificate", "ca.crt"},
		"GarbageProxy":     {source.Spec{URL: s.tls.URL + "/r", Auth: source.Auth{ProxyURL: "falsch"}}, fault.KindInvalid, "proxy", "socks5"},
		"LineBreak":        {source.Spec{URL: s.http.URL + "/r", Auth: basic("falsch\n")}, fault.KindInvalid, "line break", "newline"},
		"PasswordInURL":    {source.Spec{URL: "https://u:falsch@h/r"}, fault.KindInvalid, "password", "Secret"},
		"Helper":           {source.Spec{URL: "ext::sh -c id"}, fault.KindInvalid, "url", ""},
		"Option":           {source.Spec{URL: "--upload-pack=id"}, fault.KindInvalid, "dash", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := fetchErr(t, newStore(t), tc.spec)
			if err == nil {
				t.Fatal("no error")
			}
			f := fault.As(err)
			if f.Kind != tc.kind || !strings.Contains(f.What, tc.what) || !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("got %v: %v\nhint: %s\nwant %v with %q and hint %q\ncause: %v", f.Kind, f, f.Hint, tc.kind, tc.what, tc.hint, stderrOf(f))
			}
			for _, secret := range []string{"falsch", "geheim", "tok3n", "open sesame"} {
				if strings.Contains(f.Error()+f.Hint, secret) {
					t.Errorf("the fault shows %q: %v; %s", secret, f, f.Hint)
				}
			}
		})
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestClosestNames(t *testing.T) {
	r := newFileRemote(t)
	c := r.Commit("release-4", map[string]string{"f": "x"})
	r.Commit("release-3", map[string]string{"f": "x"})
	r.Commit("unrelated-thing", map[string]string{"f": "x"})
	r.Tag("v1.0.0", c)
	m := must(r.open.Open(t.Context(), r.spec))
	defer func() { _ = m.Close() }()
	_, err := m.Fetch(t.Context(), source.Ref{Branch: "relase-4"})
	f := fault.As(err)
	if !strings.Contains(f.Error(), `no branch "relase-4"`) || !strings.HasPrefix(f.Hint, "closest: release-4, release-3") {
		t.Errorf("%v\nhint: %s", f, f.Hint)
	}
	_, err = m.Fetch(t.Context(), source.Ref{Tag: "v1.0"})
	if f := fault.As(err); !strings.Contains(f.Error(), `no tag "v1.0"`) || f.Hint != "closest: v1.0.0" {
		t.Errorf("%v\nhint: %s", f, f.Hint)
	}
}

// TestHangingServer: a server that takes the request and never answers.
func TestHangingServer(t *testing.T) {
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	defer srv.Close()
	defer close(stop)
	s := git.New(git.Options{Dir: t.TempDir(), Timeout: 300 * time.Millisecond})
	start := time.Now()
	err := fetchErr(t, s, source.Spec{URL: srv.URL + "/repo.git"})
	if fault.KindOf(err) != fault.KindTimeout {
		t.Errorf("got %v (%v)", err, fault.KindOf(err))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the time limit of 300 ms took %v", took)
	}
}

// TestServerDiesMidPack: the connection breaks in the middle of a pack, and the
// next fetch succeeds.
func TestServerDiesMidPack(t *testing.T) {
	dir := t.TempDir()
	repo := newRepo(t, dir)
	want := must(repo.Commit("main", "one", map[string]string{"big": strings.Repeat("0123456789abcdef", 1<<12) + time.Now().String()}))
	h := serve(t, httpserver.Options{Dir: dir})
	var dying atomic.Bool
	dying.Store(true)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !dying.Load() || r.Method != http.MethodPost {
			h.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		if !strings.Contains(string(body), "PACK") {
			_, _ = w.Write(body)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:len(body)-100])
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	s := newStore(t)
	m := must(s.Open(t.Context(), source.Spec{URL: srv.URL + "/repo.git"}))
	defer func() { _ = m.Close() }()
	if _, err := m.Fetch(t.Context(), source.Ref{}); fault.KindOf(err) != fault.KindUnavailable {
		t.Fatalf("got %v (%v)", err, fault.KindOf(err))
	}
	dying.Store(false)
	snap, err := m.Fetch(t.Context(), source.Ref{})
	if err != nil || snap.Revision().Commit != want {
		t.Fatalf("after the server came back: %v, %v", snap, err)
	}
}

// TestRemoteLostAnObject: a server that cannot read its own repository says so
// in words that git has for ours too. What is damaged is told by whose words
// they are, and the mirror is not cloned anew for it.
func TestRemoteLostAnObject(t *testing.T) {
	dir := t.TempDir()
	repo := newRepo(t, dir)
	must(repo.Commit("main", "one", map[string]string{"f": "lost", "g": "kept"}))
	blob := must(repo.Git("rev-parse", "main:f"))
	if err := os.Remove(filepath.Join(repo.Dir, "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(serve(t, httpserver.Options{Dir: dir}))
	defer srv.Close()
	f := fault.As(fetchErr(t, newStore(t), source.Spec{URL: srv.URL + "/repo.git"}))
	if f.Kind != fault.KindUnavailable || f.What != "the repository is damaged at the remote: unable to read "+blob {
		t.Errorf("got %v: %v\nhint: %s\ncause: %v", f.Kind, f, f.Hint, stderrOf(f))
	}
}
