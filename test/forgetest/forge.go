// Package forgetest runs Gitea for tests: a forge, and the OpenID Connect provider that
// people sign in with. The binary is what test/forge builds.
package forgetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// Administrator is the first account; tests ask the forge's API as it.
	Administrator = "root"
	// Password is everybody's.
	Password = "Correct-horse-7"
)

// Forge is a running Gitea with an administrator.
type Forge struct {
	t testing.TB
	// URL has no slash at its end. It is the issuer, too.
	URL    string
	folder string // what it runs from
	work   string
	cmd    *exec.Cmd
	ended  chan struct{}
	log    *os.File
}

// PBKDF2 with few rounds, or each account and each sign-in would cost a second of
// processor time; the key is given, or it would be made anew at each start.
const settings = `RUN_MODE = prod
RUN_USER = %[1]s
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]d
ROOT_URL = http://127.0.0.1:%[2]d/
STATIC_ROOT_PATH = %[3]s
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = %[4]s/gitea.db
[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2$1000$50
[oauth2]
JWT_SIGNING_ALGORITHM = RS256
JWT_SECRET = vBrCUVMdPKoWYAOOk-Pv0TGyr7Tj7wrJFKtSoNnnLXA
[service]
DISABLE_REGISTRATION = true
[cron]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
MODE = console
LEVEL = Warn
`

// Start builds Gitea where it has not been built yet, and starts it with an
// administrator.
func Start(t testing.TB) *Forge {
	t.Helper()
	f := &Forge{t: t, folder: built(t), work: t.TempDir(), ended: make(chan struct{})}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	port := free(t)
	f.URL = fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := os.WriteFile(f.ini(), fmt.Appendf(nil, settings, me.Username, port, f.folder, f.work), 0o600); err != nil {
		t.Fatal(err)
	}
	if f.log, err = os.Create(filepath.Join(f.work, "forge.log")); err != nil {
		t.Fatal(err)
	}
	f.run("migrate")
	f.run("admin", "user", "create", "--admin", "--username", Administrator, "--password", Password, "--email", Administrator+"@example.org", "--must-change-password=false")
	f.cmd = f.command("web")
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = f.cmd.Wait(); close(f.ended) }()
	t.Cleanup(f.Stop)
	f.ready()
	return f
}

// built returns the folder that Gitea runs from: the one that LOCKSTEP_FORGE names,
// else bin/forge, which is built if there is none.
func built(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("LOCKSTEP_FORGE"); dir != "" {
		return dir
	}
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..")
	dir := filepath.Join(root, "bin", "forge")
	// It is one look where it is built and current.
	if out, err := exec.Command("bash", filepath.Join(root, "test", "forge", "build.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("building the forge: %v\n%s", err, out)
	}
	return dir
}

func free(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (f *Forge) ini() string { return filepath.Join(f.work, "app.ini") }

func (f *Forge) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(f.folder, "gitea"), append([]string{"--work-path", f.work, "--config", f.ini()}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+f.work)
	cmd.Stdout, cmd.Stderr = f.log, f.log
	return cmd
}

func (f *Forge) run(args ...string) {
	f.t.Helper()
	if err := f.command(args...).Run(); err != nil {
		f.t.Fatalf("gitea %s: %v\n%s", strings.Join(args, " "), err, f.said())
	}
}

func (f *Forge) said() []byte {
	raw, _ := os.ReadFile(f.log.Name())
	return raw
}

// ready waits until it can be signed in with.
func (f *Forge) ready() {
	f.t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		select {
		case <-f.ended:
			f.t.Fatalf("the forge ended\n%s", f.said())
		default:
		}
		resp, err := http.Get(f.URL + "/.well-known/openid-configuration")
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	f.t.Fatalf("the forge does not answer\n%s", f.said())
}

// Stop ends it; a second call does nothing.
func (f *Forge) Stop() {
	if f.cmd == nil {
		return
	}
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-f.ended:
	case <-time.After(5 * time.Second):
		_ = f.cmd.Process.Kill()
		<-f.ended
	}
	f.cmd = nil
}

// API asks Gitea's own API as its administrator. What is sent and what is read are
// JSON, or nil.
func (f *Forge) API(method, path string, in, out any) {
	f.t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.URL+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		f.t.Fatal(err)
	}
	r.SetBasicAuth(Administrator, Password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		f.t.Fatalf("%s %s: %s %v\n%s", method, path, resp.Status, err, said)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(said, out); err != nil {
		f.t.Fatal(err)
	}
}

// Person makes an account.
func (f *Forge) Person(name string) {
	f.t.Helper()
	f.API("POST", "/admin/users", map[string]any{"username": name, "email": name + "@example.org", "password": Password, "must_change_password": false, "full_name": name}, nil)
}

// Register makes an application known that people sign in to, and returns what it
// proves itself with.
func (f *Forge) Register(redirect string) (id, secret string) {
	f.t.Helper()
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	f.API("POST", "/user/applications/oauth2", map[string]any{
		"name": "lockstep", "confidential_client": true, "redirect_uris": []string{redirect},
	}, &app)
	return app.ID, app.Secret
}
