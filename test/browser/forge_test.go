package browser

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
	"syscall"
	"testing"
	"time"
)

// password is everybody's at the forge.
const password = "correct horse battery staple"

// forge is a running Gitea: the identity provider that people sign in with.
type forge struct {
	t   *testing.T
	url string
	// issuer is what it calls itself.
	issuer string
	dir    string
	bin    string
}

const appIni = `
APP_NAME = Forge
RUN_MODE = prod
RUN_USER = %[1]s
WORK_PATH = %[2]s
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[3]s
ROOT_URL = http://127.0.0.1:%[3]s/
STATIC_ROOT_PATH = %[4]s
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = %[2]s/forge.db
[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2_v1
[service]
DISABLE_REGISTRATION = true
[cron]
ENABLED = false
[log]
MODE = console
LEVEL = warn
[indexer]
ISSUE_INDEXER_TYPE = db
`

// startForge builds Gitea where it has not been built yet, and starts it with people,
// of whom the first is its administrator.
func startForge(t *testing.T, people ...string) *forge {
	t.Helper()
	built := filepath.Join(t.TempDir(), "built")
	build := exec.CommandContext(t.Context(), "bash", "../forge/build.sh", built)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building Gitea: %v\n%s", err, out)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	f := &forge{t: t, url: "http://127.0.0.1:" + port, dir: t.TempDir(), bin: filepath.Join(built, "gitea")}
	ini := fmt.Sprintf(appIni, me.Username, f.dir, port, built)
	if err := os.WriteFile(filepath.Join(f.dir, "app.ini"), []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run("migrate")
	for i, p := range people {
		args := []string{"admin", "user", "create", "--username", p, "--password", password, "--email", p + "@example.org", "--must-change-password=false"}
		if i == 0 {
			args = append(args, "--admin")
		}
		f.run(args...)
	}
	f.serve()
	return f
}

func (f *forge) command(args ...string) *exec.Cmd {
	cmd := exec.Command(f.bin, append([]string{"--config", filepath.Join(f.dir, "app.ini")}, args...)...)
	cmd.Env = append(os.Environ(), "GITEA_WORK_DIR="+f.dir, "HOME="+f.dir)
	return cmd
}

func (f *forge) run(args ...string) {
	f.t.Helper()
	if out, err := f.command(args...).CombinedOutput(); err != nil {
		f.t.Fatalf("gitea %v: %v\n%s", args, err, out)
	}
}

func (f *forge) serve() {
	f.t.Helper()
	cmd := f.command("web")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	f.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(f.url + "/.well-known/openid-configuration")
		if err == nil {
			var found struct {
				Issuer string `json:"issuer"`
			}
			err = json.NewDecoder(resp.Body).Decode(&found)
			_ = resp.Body.Close()
			if f.issuer = found.Issuer; err == nil && resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			f.t.Fatalf("Gitea ended\n%s", log.String())
		default:
		}
		if time.Now().After(end) {
			f.t.Fatal("Gitea does not answer")
		}
	}
}

// client registers an application of its administrator.
func (f *forge) client(administrator, redirect string) (id, secret string) {
	f.t.Helper()
	var app struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	f.post(administrator, "/api/v1/user/applications/oauth2", map[string]any{
		"name": "Lockstep", "redirect_uris": []string{redirect}, "confidential_client": true,
	}, &app)
	return app.ID, app.Secret
}

func (f *forge) post(as, path string, body, into any) {
	f.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, f.url+path, bytes.NewReader(raw))
	if err != nil {
		f.t.Fatal(err)
	}
	r.SetBasicAuth(as, password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		f.t.Fatalf("POST %s: %s %v\n%s", path, resp.Status, err, said)
	}
	if err := json.Unmarshal(said, into); err != nil {
		f.t.Fatal(err)
	}
}
