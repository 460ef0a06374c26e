package git_test

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

// TestEnvironmentIsOurs: what the server's own environment and configuration
// say about git must not matter, for they may be made for another purpose, or
// by somebody else.
func TestEnvironmentIsOurs(t *testing.T) {
	home := t.TempDir()
	witness := filepath.Join(home, "witness")
	script := filepath.Join(home, "run.sh")
	write(t, script, "#!/bin/sh\necho ran >> "+witness+"\nexit 1\n", 0o755)
	hooks := filepath.Join(home, "hooks")
	for _, h := range []string{"reference-transaction", "post-checkout", "pre-auto-gc", "post-merge"} {
		write(t, filepath.Join(hooks, h), "#!/bin/sh\necho ran >> "+witness+"\n", 0o755)
	}
	write(t, filepath.Join(home, ".gitconfig"), "[credential]\n\thelper = "+script+"\n[core]\n\thooksPath = "+hooks+"\n\tsshCommand = "+script+"\n[url \"file:///nowhere/\"]\n\tinsteadOf = http://\n", 0o644)
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, ".gitconfig"))
	t.Setenv("GIT_SSH_COMMAND", script)
	t.Setenv("GIT_ASKPASS", script)
	t.Setenv("GIT_TRACE", witness)
	t.Setenv("http_proxy", "http://127.0.0.1:1")

	r := newHTTPRemote(t)
	c, err := r.repo.Commit("main", "x", map[string]string{"f": "x"})
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(witness) // the repository's own git may have written it
	m := must(r.open.Open(t.Context(), r.spec))
	defer func() { _ = m.Close() }()
	snap, err := m.Fetch(t.Context(), source.Ref{})
	if err != nil || snap.Revision().Commit != c {
		t.Fatalf("Fetch: %v", err)
	}
	if data, err := os.ReadFile(witness); err == nil && strings.Contains(string(data), "ran") {
		t.Errorf("something of the environment ran:\n%s", data)
	}
}

// TestHooksOfTheRemoteDoNothing: hooks are not transferred, and a mirror has no
// place where they would be found.
func TestHooksOfTheRemoteDoNothing(t *testing.T) {
	r := newFileRemote(t)
	witness := filepath.Join(t.TempDir(), "witness")
	for _, h := range []string{"post-update", "reference-transaction", "post-checkout", "fsmonitor-watchman"} {
		write(t, filepath.Join(r.repo.Dir, "hooks", h), "#!/bin/sh\ntouch "+witness+"\n", 0o755)
	}
	r.Commit("main", map[string]string{"hooks/post-checkout": "#!/bin/sh\ntouch " + witness, ".gitattributes": "* filter=x"})
	_ = os.Remove(witness)
	if err := fetchErr(t, r.open, r.spec); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(witness); err == nil {
		t.Error("a hook ran")
	}
}

// TestMaliciousTree: a directory with an entry named ".." is refused as a whole.
func TestMaliciousTree(t *testing.T) {
	for _, name := range []string{"..", ".git", "a/b"} {
		r := newHTTPRemote(t)
		blob := hashObject(t, r, "blob", "x")
		raw, _ := hex.DecodeString(blob)
		tree := hashObject(t, r, "tree", "100644 "+name+"\x00"+string(raw))
		c := hashObject(t, r, "commit", "tree "+tree+"\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n")
		r.SetRef("refs/heads/main", c)
		err := fetchErr(t, r.open, r.spec)
		if fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("entry %q: %v (%v)", name, err, fault.KindOf(err))
		}
	}
}

func hashObject(t *testing.T, r *remote, kind, content string) string {
	t.Helper()
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", kind, len(content), content))
	cmd := exec.Command("git", "hash-object", "-w", "-t", kind, "--literally", "--stdin")
	cmd.Dir = r.repo.Dir
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != hex.EncodeToString(sum[:]) {
		t.Fatalf("hash %s", got)
	}
	return hex.EncodeToString(sum[:])
}

// TestRedirects: a credential follows to the same server only.
func TestRedirects(t *testing.T) {
	dir := t.TempDir()
	repo := newRepo(t, dir)
	must(repo.Commit("main", "x", map[string]string{"f": "x"}))
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			leaked.Store(true)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	real := serve(t, httpserver.Options{Dir: dir, Username: "u", Password: "geheim"})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/old/"); ok {
			http.Redirect(w, r, "/"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		if rest, ok := strings.CutPrefix(r.URL.Path, "/away/"); ok {
			http.Redirect(w, r, other.URL+"/"+rest+"?"+r.URL.RawQuery, http.StatusFound)
			return
		}
		real.ServeHTTP(w, r)
	}))
	defer srv.Close()
	auth := source.Auth{Username: "u", Password: "geheim"}
	if err := fetchErr(t, newStore(t), source.Spec{URL: srv.URL + "/old/repo.git", Auth: auth}); err != nil {
		t.Errorf("a redirect on the same server: %v", err)
	}
	err := fetchErr(t, newStore(t), source.Spec{URL: srv.URL + "/away/repo.git", Auth: auth})
	if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(fault.As(err).Hint, other.URL) {
		t.Errorf("a redirect to another server: %v", err)
	}
	if leaked.Load() {
		t.Error("the credential went to another server")
	}
}

// TestCredentialsAreNotOnTheCommandLine watches the processes of a fetch that
// the server holds up.
func TestCredentialsAreNotOnTheCommandLine(t *testing.T) {
	var lines atomic.Value
	dir := t.TempDir()
	must(newRepo(t, dir).Commit("main", "x", map[string]string{"f": "x"}))
	real := serve(t, httpserver.Options{Dir: dir, Username: "u", Password: "geheim"})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		var all strings.Builder
		for _, f := range files {
			data, _ := os.ReadFile(f)
			all.Write(data)
			all.WriteByte('\n')
		}
		lines.Store(all.String())
		real.ServeHTTP(w, r)
	}))
	defer srv.Close()
	data := t.TempDir()
	s := git.New(git.Options{Dir: data})
	if err := fetchErr(t, s, source.Spec{URL: srv.URL + "/repo.git", Auth: source.Auth{Username: "u", Password: "geheim"}}); err != nil {
		t.Fatal(err)
	}
	seen, _ := lines.Load().(string)
	if !strings.Contains(seen, srv.URL) {
		t.Fatal("git was not seen at work, so this test proves nothing")
	}
	if strings.Contains(seen, "geheim") || strings.Contains(seen, "dTpnZWhlaW0=") {
		t.Error("the password is on a command line")
	}
	_ = filepath.Walk(data, func(p string, i os.FileInfo, err error) error {
		if err != nil || i.IsDir() {
			return err
		}
		if text, _ := os.ReadFile(p); strings.Contains(string(text), "geheim") || strings.Contains(string(text), "dTpnZWhlaW0=") {
			t.Errorf("the password is still in %s", p)
		}
		return nil
	})
}

// TestMirrorIsNotABackDoor: who does not get in at the server does not get at
// what a neighbour fetched either, be it now or after a restart.
func TestMirrorIsNotABackDoor(t *testing.T) {
	r := newHTTPRemote(t)
	c := r.Commit("main", map[string]string{"f": "x"})
	dir := t.TempDir()
	for range 2 {
		s := git.New(git.Options{Dir: dir})
		m := must(s.Open(t.Context(), r.spec))
		if _, err := m.Fetch(t.Context(), source.Ref{Commit: c}); err != nil {
			t.Fatal(err)
		}
		for name, auth := range map[string]source.Auth{"nobody": {}, "a wrong password": {Username: "u", Password: "guess"}} {
			spy := must(s.Open(t.Context(), source.Spec{URL: r.spec.URL, Auth: auth}))
			if _, err := spy.At(t.Context(), c); fault.KindOf(err) != fault.KindNotFound {
				t.Errorf("At for %s: %v", name, err)
			}
			if _, err := spy.Fetch(t.Context(), source.Ref{Commit: c}); fault.KindOf(err) != fault.KindDenied {
				t.Errorf("Fetch for %s: %v", name, err)
			}
			_ = spy.Close()
		}
		_ = m.Close()
	}
	// The rightful owner needs no network after a restart.
	m := must(git.New(git.Options{Dir: dir}).Open(t.Context(), r.spec))
	defer func() { _ = m.Close() }()
	if _, err := m.At(t.Context(), c); err != nil {
		t.Errorf("At after a restart: %v", err)
	}
}

func TestLargeFileIsRefused(t *testing.T) {
	r := newFileRemote(t)
	r.Commit("main", map[string]string{"big": strings.Repeat("x", 5000), "ok": "fine"})
	s := git.New(git.Options{Dir: t.TempDir(), AllowFile: true, MaxBlob: 1000})
	m := must(s.Open(t.Context(), r.spec))
	defer func() { _ = m.Close() }()
	snap := must(m.Fetch(t.Context(), source.Ref{}))
	if _, err := snap.ReadFile("big"); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("got %v", err)
	}
	if data, err := snap.ReadFile("ok"); err != nil || string(data) != "fine" {
		t.Errorf("the next file: %q, %v", data, err)
	}
}

func TestFileURLsAreForTheCommandLine(t *testing.T) {
	r := newFileRemote(t)
	err := fetchErr(t, git.New(git.Options{Dir: t.TempDir()}), r.spec)
	if fault.KindOf(err) != fault.KindInvalid || errors.Is(err, lockstep.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
