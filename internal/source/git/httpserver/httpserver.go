// Package httpserver serves Git repositories over smart HTTP.
//
// It is git's own http-backend behind net/http, so what a client meets is what
// it meets at any Git server. The demo uses it for its sample repositories and
// the tests of the git source for everything over HTTP.
package httpserver

import (
	"crypto/subtle"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Options says what to serve.
type Options struct {
	// Dir holds the bare repositories: /org/repo.git is Dir/org/repo.git.
	Dir string
	// Username and Password are asked for when either is set.
	Username, Password string
	// BearerToken is accepted as well, when set.
	BearerToken string
	// ReceivePack allows pushes.
	ReceivePack bool
	// OnPush is called after each push that the server took, with the path of
	// the repository without its slash.
	OnPush func(repo string)
}

// New returns the handler. It fails when git has no http-backend.
func New(o Options) (http.Handler, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, err
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	return &server{Options: o, backend: backend}, nil
}

type server struct {
	Options
	backend string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "credentials wanted", http.StatusUnauthorized)
		return
	}
	h := cgi.Handler{
		Path: s.backend,
		Dir:  s.Dir,
		Env: []string{
			"GIT_PROJECT_ROOT=" + s.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
			// The repositories may belong to another user than the server's.
			"GIT_CONFIG_COUNT=2",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
			"GIT_CONFIG_KEY_1=http.receivepack", "GIT_CONFIG_VALUE_1=" + map[bool]string{true: "true", false: "false"}[s.ReceivePack],
			// The version of the protocol comes in a header that CGI would rename.
			"GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"),
		},
	}
	// CGI wants a length; git sends large bodies in chunks. http-backend reads to
	// the end of its input when it is told none.
	if r.ContentLength < 0 {
		r.TransferEncoding = nil
	}
	h.ServeHTTP(w, r)
	if repo, ok := strings.CutSuffix(r.URL.Path, "/git-receive-pack"); ok && r.Method == http.MethodPost && s.OnPush != nil {
		s.OnPush(strings.TrimPrefix(repo, "/"))
	}
}

func (s *server) allowed(r *http.Request) bool {
	if s.Username == "" && s.Password == "" && s.BearerToken == "" {
		return true
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return s.BearerToken != "" && equal(token, s.BearerToken)
	}
	user, password, ok := r.BasicAuth()
	return ok && s.Password != "" && equal(user, s.Username) && equal(password, s.Password)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
