package signin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const password = "Correct-horse-7"

// forge is a running Gitea, which is an OpenID Connect provider.
type forge struct {
	t      *testing.T
	url    string
	folder string // what it runs from
	work   string
	cmd    *exec.Cmd
	log    *os.File
}

// built returns the folder that Gitea runs from: the one that LOCKSTEP_FORGE names,
// else bin/forge, which is built if there is none.
func built(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("LOCKSTEP_FORGE"); dir != "" {
		return dir
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "bin", "forge")
	// It is one look where it is built and current.
	if out, err := exec.Command("bash", filepath.Join(root, "test", "forge", "build.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("building the forge: %v\n%s", err, out)
	}
	return dir
}

// newForge starts Gitea with an administrator, root, and waits until it answers.
func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{t: t, folder: built(t), work: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	f.url = fmt.Sprintf("http://127.0.0.1:%d/", port)
	f.write("app.ini", fmt.Sprintf(`RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %d
ROOT_URL = %s
STATIC_ROOT_PATH = %s
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = %s/gitea.db
[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2$1000$50
[oauth2]
JWT_SIGNING_ALGORITHM = RS256
JWT_SECRET = vBrCUVMdPKoWYAOOk-Pv0TGyr7Tj7wrJFKtSoNnnLXA
[service]
DISABLE_REGISTRATION = true
[log]
LEVEL = Warn
[cron]
ENABLED = false
`, port, f.url, f.folder, f.work))
	if f.log, err = os.Create(filepath.Join(f.work, "forge.log")); err != nil {
		t.Fatal(err)
	}
	f.run("migrate")
	f.run("admin", "user", "create", "--admin", "--username", "root", "--password", password, "--email", "root@example.org", "--must-change-password=false")
	f.cmd = f.command("web")
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	for range 1200 {
		if resp, err := http.Get(f.url + "api/healthz"); err == nil {
			_ = resp.Body.Close()
			return f
		}
		time.Sleep(50 * time.Millisecond)
	}
	raw, _ := os.ReadFile(f.log.Name())
	t.Fatalf("the forge does not answer\n%s", raw)
	return nil
}

func (f *forge) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.work, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forge) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(f.folder, "gitea"), append([]string{"--work-path", f.work, "--config", filepath.Join(f.work, "app.ini")}, args...)...)
	cmd.Env = append(os.Environ(), "USER=root", "HOME="+f.work)
	cmd.Stdout, cmd.Stderr = f.log, f.log
	return cmd
}

func (f *forge) run(args ...string) {
	f.t.Helper()
	if err := f.command(args...).Run(); err != nil {
		raw, _ := os.ReadFile(f.log.Name())
		f.t.Fatalf("gitea %s: %v\n%s", strings.Join(args, " "), err, raw)
	}
}

// stop ends it; a second call does nothing.
func (f *forge) stop() {
	if f.cmd == nil {
		return
	}
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = f.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		_ = f.cmd.Process.Kill()
		<-done
	}
	f.cmd = nil
}

// api asks Gitea's own API as its administrator.
func (f *forge) api(method, path string, in, out any) {
	f.t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+"api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		f.t.Fatal(err)
	}
	r.SetBasicAuth("root", password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(resp.Body)
	if resp.StatusCode >= 300 {
		f.t.Fatalf("%s %s: %s\n%s", method, path, resp.Status, b.String())
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(b.Bytes(), out); err != nil {
		f.t.Fatal(err)
	}
}

// person makes an account.
func (f *forge) person(name string) {
	f.t.Helper()
	f.api("POST", "/admin/users", map[string]any{"username": name, "email": name + "@example.org", "password": password, "must_change_password": false, "full_name": name}, nil)
}

// team makes the team platform:sre, and returns its id.
func (f *forge) team() int {
	f.t.Helper()
	f.api("POST", "/orgs", map[string]any{"username": "platform"}, nil)
	var team struct{ ID int }
	f.api("POST", "/orgs/platform/teams", map[string]any{"name": "sre", "permission": "read", "units": []string{"repo.code"}}, &team)
	return team.ID
}

// register makes Lockstep known, and returns what it proves itself with.
func (f *forge) register(server string) (id, secret string) {
	f.t.Helper()
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	f.api("POST", "/user/applications/oauth2", map[string]any{
		"name": "lockstep", "confidential_client": true, "redirect_uris": []string{server + "/auth/callback/gitea"},
	}, &app)
	return app.ID, app.Secret
}
