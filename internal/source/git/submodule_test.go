package git_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

// forge is an HTTP server with several repositories and one password.
type forge struct {
	t    *testing.T
	dir  string
	srv  *httptest.Server
	auth source.Auth
}

func newForge(t *testing.T) *forge {
	f := &forge{t: t, dir: t.TempDir(), auth: source.Auth{Username: "u", Password: "geheim"}}
	f.srv = httptest.NewServer(serve(t, httpserver.Options{Dir: f.dir, Username: "u", Password: "geheim"}))
	t.Cleanup(f.srv.Close)
	return f
}

func (f *forge) commit(repo string, files map[string]string) string {
	f.t.Helper()
	r, err := httpserver.Create(filepath.Join(f.dir, repo+".git"))
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := r.Commit("main", "change", files)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *forge) spec(repo string) source.Spec {
	return source.Spec{URL: f.srv.URL + "/" + repo + ".git", Auth: f.auth, Submodules: true}
}

func gitmodules(entries ...string) string {
	var b strings.Builder
	for i := 0; i < len(entries); i += 2 {
		fmt.Fprintf(&b, "[submodule \"m%d\"]\n\tpath = %s\n\turl = %s\n", i, entries[i], entries[i+1])
	}
	return b.String()
}

func TestSubmodules(t *testing.T) {
	f := newForge(t)
	leaf := f.commit("org/leaf", map[string]string{"leaf.yaml": "leaf"})
	lib := f.commit("org/lib", map[string]string{"base/x.yaml": "x", ".gitmodules": gitmodules("deep/leaf", "../leaf.git"), "deep/leaf": httpserver.Submodule(leaf)})
	f.commit("org/lib", map[string]string{"base/x.yaml": "newer, and not pinned"})
	f.commit("org/app", map[string]string{
		"app.yaml": "app", "vendor/lib": httpserver.Submodule(lib),
		".gitmodules": gitmodules("vendor/lib", "../lib.git", "left/over", "../nothing.git"),
		"link":        "\x00symlink:vendor/lib/base",
	})
	m := must(newStore(t).Open(t.Context(), f.spec("org/app")))
	defer func() { _ = m.Close() }()
	s, err := m.Fetch(t.Context(), source.Ref{})
	if err != nil {
		t.Fatalf("%v; %s", err, fault.As(err).Hint)
	}
	f.srv.Close() // whatever follows is read from the mirrors
	for p, want := range map[string]string{"app.yaml": "app", "vendor/lib/base/x.yaml": "x", "vendor/lib/deep/leaf/leaf.yaml": "leaf", "link/x.yaml": "x"} {
		if got, err := s.ReadFile(p); err != nil || string(got) != want {
			t.Errorf("ReadFile(%q): %q, %v", p, got, err)
		}
	}
	e, err := s.Stat("vendor/lib")
	if err != nil || e.Type != lockstep.Directory || e.Hash != lib {
		t.Errorf("Stat(vendor/lib): %+v, %v", e, err)
	}
	list, err := s.ReadDir("vendor")
	if err != nil || len(list) != 1 || list[0].Type != lockstep.Directory {
		t.Errorf("ReadDir(vendor): %+v, %v", list, err)
	}
	if list, err := s.ReadDir("vendor/lib"); err != nil || len(list) != 3 {
		t.Errorf("ReadDir(vendor/lib): %+v, %v", list, err)
	}
}

func TestSubmodulesAreLeftAloneUnlessAskedFor(t *testing.T) {
	f := newForge(t)
	lib := f.commit("lib", map[string]string{"x": "x"})
	f.commit("app", map[string]string{"lib": httpserver.Submodule(lib), ".gitmodules": gitmodules("lib", "../lib.git")})
	spec := f.spec("app")
	spec.Submodules = false
	m := must(newStore(t).Open(t.Context(), spec))
	defer func() { _ = m.Close() }()
	s := must(m.Fetch(t.Context(), source.Ref{}))
	if e, err := s.Stat("lib"); err != nil || e.Type != lockstep.Submodule {
		t.Errorf("Stat: %+v, %v", e, err)
	}
	_, err := s.ReadFile("lib/x")
	if !errors.Is(err, lockstep.ErrNotExist) || !strings.Contains(fault.As(err).Hint, "submodules") {
		t.Errorf("ReadFile: %v", err)
	}
}

// TestHostileSubmodules: what .gitmodules says is a stranger's word.
func TestHostileSubmodules(t *testing.T) {
	cases := map[string]struct{ why, url string }{
		"Option":   {"git would take it for an option.", "-u./payload"},
		"Helper":   {"git would run the program.", "ext::sh -c touch% /tmp/x"},
		"File":     {"A served repository may not look at this machine.", "file:///etc"},
		"Path":     {"The same without a scheme.", "/etc"},
		"Climbing": {"Above the server there is nothing.", "../../../../../etc"},
		"Password": {"Credentials come from the Secret alone.", "https://u:p@h/r"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			f.commit("app", map[string]string{
				"lib":         httpserver.Submodule(strings.Repeat("1", 40)),
				".gitmodules": "[submodule \"m\"]\n\tpath = lib\n\turl = \"" + tc.url + "\"\n",
			})
			err := fetchErr(t, newStore(t), f.spec("app"))
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "submodule") {
				t.Errorf("%s\ngot %v", tc.why, err)
			}
		})
	}
}

// TestSubmoduleElsewhereGetsNoCredential: the parent's password is for the
// parent's server.
func TestSubmoduleElsewhereGetsNoCredential(t *testing.T) {
	var asked, leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(true)
		if r.Header.Get("Authorization") != "" {
			leaked.Store(true)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	f := newForge(t)
	f.commit("app", map[string]string{
		"lib": httpserver.Submodule(strings.Repeat("1", 40)), ".gitmodules": gitmodules("lib", other.URL+"/lib.git"),
	})
	err := fetchErr(t, newStore(t), f.spec("app"))
	if fault.KindOf(err) != fault.KindDenied || !asked.Load() {
		t.Errorf("got %v", err)
	}
	if leaked.Load() {
		t.Error("the credential went to another server")
	}
}

// TestEndlessSubmodules: a repository that holds itself ends somewhere.
func TestEndlessSubmodules(t *testing.T) {
	f := newForge(t)
	c := f.commit("app", map[string]string{"f": "x"})
	for range 8 {
		c = f.commit("app", map[string]string{"me": httpserver.Submodule(c), ".gitmodules": gitmodules("me", "../app.git")})
	}
	err := fetchErr(t, newStore(t), f.spec("app"))
	if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "nested") {
		t.Errorf("got %v", err)
	}
}
