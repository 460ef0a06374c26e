package browser

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/ui"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// playwright runs the specs of a project of playwright.config.ts, or of the one that
// LOCKSTEP_BROWSER_PROJECT names, which is how test/screenshots.sh gets its pictures.
// surroundings is what specs are told of where they are.
func playwright(t *testing.T, project string, surroundings any) {
	t.Helper()
	if other := os.Getenv("LOCKSTEP_BROWSER_PROJECT"); other != "" {
		project = other
	}
	modules, err := filepath.Abs("../../ui/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	cli := filepath.Join(modules, "@playwright", "test", "cli.js")
	if _, err := os.Stat(cli); err != nil {
		t.Fatalf("there is no Playwright: %v\ninstall the packages of the UI with: bash ui/build.sh", err)
	}
	told, err := json.Marshal(surroundings)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", cli, "test", "--config", ".", "--project", project)
	if only := os.Getenv("LOCKSTEP_BROWSER_GREP"); only != "" {
		cmd.Args = append(cmd.Args, "--grep", only)
	}
	// The specs have no packages of their own: they are those of the UI.
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "LOCKSTEP_BROWSER="+string(told), "LOCKSTEP_CHROMIUM="+chromium(t))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("playwright: %v; what the pages looked like is in test/.out/browser", err)
	}
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("LOCKSTEP_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium: bash test/prepare.sh installs one, or LOCKSTEP_CHROMIUM names one")
	return ""
}

func needUI(t *testing.T) {
	t.Helper()
	if _, ok := ui.Built(); !ok {
		t.Fatal("the web UI is not built: bash ui/build.sh")
	}
}

// remote lets specs do from outside what they look for in the page: a JSON object goes
// in, one comes out.
func remote(t *testing.T, deeds map[string]func(args map[string]string) (map[string]string, error)) string {
	t.Helper()
	mux := http.NewServeMux()
	for name, deed := range deeds {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
			args := map[string]string{}
			if err := json.NewDecoder(r.Body).Decode(&args); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			out, err := deed(args)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}
