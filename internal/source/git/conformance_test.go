package git_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/source/git/gittest"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/internal/source/sourcetest"
)

// remote is a repository on a real server.
type remote struct {
	tb   testing.TB
	repo *httpserver.Repo
	spec source.Spec
	open *git.Store
}

func (r *remote) Spec() source.Spec     { return r.spec }
func (r *remote) Opener() source.Opener { return r.open }

func (r *remote) Commit(branch string, files map[string]string) string {
	r.tb.Helper()
	c, err := r.repo.Commit(branch, "change "+branch, files)
	if err != nil {
		r.tb.Fatal(err)
	}
	return c
}

func (r *remote) git(args ...string) string {
	r.tb.Helper()
	out, err := r.repo.Git(args...)
	if err != nil {
		r.tb.Fatal(err)
	}
	return out
}

// Tag makes annotated tags, which are what people push and lead to a commit only
// in two steps.
func (r *remote) Tag(name, commit string) {
	r.tb.Helper()
	r.git("-c", "user.name=t", "-c", "user.email=t@example.com", "tag", "--force", "-a", "-m", name, name, commit)
}
func (r *remote) ForcePush(branch, commit string) { r.SetRef("refs/heads/"+branch, commit) }
func (r *remote) SetRef(name, commit string)      { r.git("update-ref", name, commit) }
func (r *remote) DeleteBranch(branch string)      { r.git("update-ref", "-d", "refs/heads/"+branch) }

// newRepo makes dir/repo.git.
func newRepo(tb testing.TB, dir string) *httpserver.Repo {
	tb.Helper()
	r, err := httpserver.Create(filepath.Join(dir, "repo.git"))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func newStore(tb testing.TB) *git.Store {
	return git.New(git.Options{Dir: tb.TempDir(), AllowFile: true, Timeout: 30 * time.Second})
}

func serve(tb testing.TB, o httpserver.Options) http.Handler {
	tb.Helper()
	h, err := httpserver.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func newFileRemote(tb testing.TB) *remote {
	dir := tb.TempDir()
	return &remote{tb: tb, repo: newRepo(tb, dir), open: newStore(tb), spec: source.Spec{URL: "file://" + dir + "/repo.git"}}
}

func newHTTPRemote(tb testing.TB) *remote {
	dir := tb.TempDir()
	srv := httptest.NewServer(serve(tb, httpserver.Options{Dir: dir, Username: "u", Password: "p4ss"}))
	tb.Cleanup(srv.Close)
	return &remote{tb: tb, repo: newRepo(tb, dir), open: newStore(tb), spec: source.Spec{
		URL: srv.URL + "/repo.git", Auth: source.Auth{Username: "u", Password: "p4ss"},
	}}
}

func newSSHRemote(tb testing.TB, passphrase string) (*remote, *gittest.SSH) {
	dir := tb.TempDir()
	srv, err := gittest.NewSSH(dir, passphrase)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = srv.Close() })
	return &remote{tb: tb, repo: newRepo(tb, dir), open: newStore(tb), spec: source.Spec{
		URL:  "ssh://git@" + srv.Addr + "/repo.git",
		Auth: source.Auth{SSHKey: srv.Key, SSHPassphrase: passphrase, KnownHosts: srv.KnownHosts},
	}}, srv
}

func TestConformanceHTTP(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Remote { return newHTTPRemote(t) })
}

func TestConformanceSSH(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Remote {
		r, _ := newSSHRemote(t, "")
		return r
	})
}

func TestConformanceFile(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Remote { return newFileRemote(t) })
}

// counted counts the requests that reach a handler.
func counted(h http.Handler) (http.Handler, *atomic.Int64) {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h.ServeHTTP(w, r)
	}), &n
}
