package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/statehttp"
	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/state/statetest"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
	"github.com/lockstep-dev/lockstep/test/world"
)

// house is a whole server with people who have tokens.
type house struct {
	*world.World
	srv    *world.Server
	data   string
	tokens map[string]string
}

// run runs the command line as somebody, and returns how it ended and all it said.
func (h *house) run(who string, args ...string) (code int, said string) {
	h.T.Helper()
	cmd := exec.CommandContext(h.T.Context(), world.Binary(h.T), args...)
	cmd.Env = []string{"HOME=" + h.T.TempDir(), "PATH=" + os.Getenv("PATH"), "LOCKSTEP_SERVER=http://" + h.srv.Addr, "LOCKSTEP_TOKEN=" + h.tokens[who]}
	if who == "" {
		cmd.Env = append(cmd.Env[:2], "KUBECONFIG="+h.Cluster.Kubeconfig)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.T.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// does is run for what has to end with code, say each of the words, and no secret.
func (h *house) does(who string, code int, words []string, args ...string) string {
	h.T.Helper()
	got, said := h.run(who, args...)
	if got != code {
		h.T.Fatalf("%s: lockstep %s exits with %d, want %d\n%s\n%s", who, strings.Join(args, " "), got, code, said, h.srv.Log())
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			h.T.Errorf("%s: lockstep %s does not say %q:\n%s", who, strings.Join(args, " "), w, said)
		}
	}
	if args[1] != "pull" && strings.Contains(said, secret) {
		h.T.Errorf("%s: lockstep %s says the secret:\n%s", who, strings.Join(args, " "), said)
	}
	return said
}

func newHouse(t *testing.T) *house {
	h := &house{World: world.New(t), data: t.TempDir(), tokens: map[string]string{}}
	h.serve()
	h.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: h.Namespace, Name: "net"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "nowhere"}},
	})
	_, link := h.run("", "auth", "link", "--server", "http://"+h.srv.Addr, "--system-namespace", h.Namespace)
	_, key, _ := strings.Cut(strings.TrimSpace(link), "#t=")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	resp, err := browser.PostForm("http://"+h.srv.Addr+"/auth/link", url.Values{"t": {strings.Fields(key)[0]}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for who, role := range map[string]string{"boss": "lockstep-admin", "oncall": "lockstep-operator", "viewer": "lockstep-viewer"} {
		resp, err := browser.Post("http://"+h.srv.Addr+"/api/v1/auth/tokens", "application/json", strings.NewReader(fmt.Sprintf(`{"name":%q,"machine":%q,"for":"1h"}`, who, who)))
		if err != nil {
			t.Fatal(err)
		}
		var made struct{ Secret string }
		err = json.NewDecoder(resp.Body).Decode(&made)
		_ = resp.Body.Close()
		if err != nil || made.Secret == "" {
			t.Fatalf("%s: no token: %v", resp.Status, err)
		}
		h.tokens[who] = made.Secret
		verbs := map[string][]string{
			"lockstep-viewer": {"get", "list", "watch"}, "lockstep-operator": {"get", "list", "watch", "unlock"},
			"lockstep-admin": {"get", "list", "watch", "unlock", "read-state", "write-state"},
		}
		// The roles are the installation's; here each has the verbs that are asked about.
		h.Create(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: h.Namespace, Name: role}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"lockstep.dev"}, Resources: []string{"stacks"}, Verbs: verbs[role]}}})
		h.Create(&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: h.Namespace, Name: who}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "machine:" + who}},
		})
	}
	for who := range h.tokens {
		h.Eventually("the rules to be known of "+who, 30*time.Second, func() (bool, string) {
			// What is allowed finds that there is nothing.
			net := h.Namespace + "/net"
			code, said := h.run(who, map[string][]string{
				"viewer": {"state", "show", net}, "oncall": {"unlock", net, "--id", "x", "--reason", "x"}, "boss": {"state", "pull", net},
			}[who]...)
			return code == 5, said
		})
	}
	return h
}

func (h *house) serve() {
	h.srv = h.Serve(world.ServeOptions{DataDir: h.data, Args: []string{"--state-keep", "4", "--log-level", "debug"}})
}

// ask sends a request to a path of the server.
func (h *house) ask(who, method, path, body string) (int, string) {
	h.T.Helper()
	r, err := http.NewRequestWithContext(h.T.Context(), method, "http://"+h.srv.Addr+path, strings.NewReader(body))
	if err != nil {
		h.T.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.tokens[who])
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.T.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.T.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestPeople has people use states with tools and the command line: who may what, what
// they are told, and what is on record.
func TestPeople(t *testing.T) {
	h := newHouse(t)
	net := h.Namespace + "/net"
	address := "http://" + h.srv.Addr + statehttp.Prefix + net + "/default"
	tool := tofutest.Tools(t).Tofu
	dir := tofutest.Write(t, t.TempDir(), map[string]string{"main.tf": simple, "zz_override.tf": override})
	as := func(who string, more ...string) []string {
		return append([]string{"TF_HTTP_ADDRESS=" + address, "TF_HTTP_LOCK_ADDRESS=" + address, "TF_HTTP_UNLOCK_ADDRESS=" + address, "TF_HTTP_USERNAME=token", "TF_HTTP_PASSWORD=" + h.tokens[who]}, more...)
	}
	tool.Must(t, dir, as("boss"), "init")
	tool.Must(t, dir, as("boss", "TF_VAR_value="+secret), "apply", "-auto-approve")
	tool.Must(t, dir, as("boss", "TF_VAR_value="+secret+"-two"), "apply", "-auto-approve")
	for _, who := range []string{"viewer", "oncall"} {
		if r := tool.Run(t, dir, as(who), "state", "pull"); r.Code == 0 || strings.Contains(r.All(), secret) {
			t.Errorf("%s may read a state:\n%s", who, r.All())
		}
		h.does(who, 4, []string{"may not read-state", "lockstep-admin allows it"}, "state", "pull", net)
		h.does(who, 4, nil, "state", "restore", net, "--version", "1", "--reason", "x")
	}
	h.does("viewer", 0, []string{net, "boss"}, "state", "list")
	h.does("viewer", 0, []string{"terraform_data.a", "value", "VERSION"}, "state", "show", net)
	h.does("viewer", 0, []string{"~ terraform_data.a", "input", "~ output value"}, "state", "diff", net)
	for _, args := range [][]string{{"state", "list"}, {"state", "show", net}, {"state", "diff", net}, {"unlock", net}} {
		var got struct{ APIVersion, Kind string }
		if err := json.Unmarshal([]byte(h.does("viewer", 0, nil, append(args, "-o", "json")...)), &got); err != nil || got.APIVersion == "" || got.Kind == "" {
			t.Errorf("%v -o json: %+v %v", args, got, err)
		}
	}
	h.does("viewer", 5, []string{"no state of it is kept"}, "state", "show", h.Namespace+"/other")
	for _, path := range []string{"/api/v1/states", "/api/v1/stacks/" + net + "/state", "/api/v1/stacks/" + net + "/state/versions/2", "/api/v1/stacks/" + net + "/state/diff"} {
		if status, text := h.ask("viewer", "GET", path, ""); status != 200 || strings.Contains(text, secret) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if said := h.does("boss", 0, nil, "state", "pull", net); !strings.Contains(said, secret+"-two") {
		t.Errorf("pulled %s", said)
	}

	// A lock that somebody took and left.
	if status, text := h.ask("boss", "LOCK", statehttp.Prefix+net+"/default", `{"ID":"left-behind","Operation":"OperationTypeApply","Who":"boss@laptop"}`); status != 200 {
		t.Fatalf("locked: %d %s", status, text)
	}
	h.does("oncall", 6, []string{"locked by machine:boss", "boss@laptop", "left-behind"}, "unlock", net)
	h.does("viewer", 4, []string{"may not unlock"}, "unlock", net, "--id", "left-behind", "--reason", "x")
	h.does("boss", 1, []string{"locked by machine:boss"}, "state", "restore", net, "--version", "1", "--reason", "x")
	h.does("oncall", 1, []string{"locked by machine:boss"}, "unlock", net, "--id", "another", "--reason", "x")
	h.does("oncall", 0, []string{"is off"}, "state", "unlock", net, "--id", "left-behind", "--reason", "the laptop is gone")

	h.does("boss", 0, []string{"serial 3"}, "state", "restore", net, "--version", "1", "--reason", "two was wrong")
	h.does("viewer", 4, nil, "state", "restore", net, "--version", "1", "--reason", "x", "-o", "json")
	if said := h.does("boss", 0, nil, "state", "pull", net); strings.Contains(said, secret+"-two") || !strings.Contains(said, secret) {
		t.Errorf("after the restore: %s", said)
	}
	file := filepath.Join(dir, "swapped.tfstate")
	if err := os.WriteFile(file, statetest.State("swapped", 9, "x"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.does("boss", 1, []string{`lineage "swapped"`}, "state", "push", net, file)
	h.does("boss", 0, []string{"newest version"}, "state", "push", net, file, "--force", "--reason", "meant")
	h.does("boss", 0, []string{"content of version 1", "two was wrong", "meant"}, "state", "show", net)

	// Another server on the same cluster has the same states.
	h.srv.Stop()
	log := h.srv.Log()
	h.serve()
	h.does("boss", 0, []string{"swapped"}, "state", "show", net)
	log += h.srv.Log()
	for _, planted := range append([]string{secret}, h.tokens["boss"], h.tokens["viewer"]) {
		if strings.Contains(log, planted) {
			t.Error("a secret is in the log")
		}
	}
	h.atRest()
	h.recorded()
}

// recorded looks for what people did in the history that is kept.
func (h *house) recorded() {
	h.T.Helper()
	h.srv.Stop()
	cmd := exec.CommandContext(context.WithoutCancel(h.T.Context()), world.Binary(h.T), "audit", "--store", filepath.Join(h.data, "lockstep.db"), "-o", "json")
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.T.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"state-pull"`, `"state-push"`, `"state-restore"`, `"state-unlock"`, "the laptop is gone", "two was wrong"} {
		if !bytes.Contains(out, []byte(want)) {
			h.T.Errorf("%s is not on record", want)
		}
	}
	if bytes.Contains(out, []byte(secret)) {
		h.T.Error("the secret is in the record")
	}
}

// atRest looks for the secret in the server's directory and in all Secrets of its
// namespace.
func (h *house) atRest() {
	h.T.Helper()
	err := filepath.WalkDir(h.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && bytes.Contains(raw, []byte(secret)) {
			h.T.Errorf("the secret is in %s", path)
		}
		return err
	})
	if err != nil {
		h.T.Error(err)
	}
	l, err := h.Cluster.Client(h.T).CoreV1().Secrets(h.Namespace).List(h.T.Context(), metav1.ListOptions{})
	if err != nil {
		h.T.Fatal(err)
	}
	heads := 0
	for _, s := range l.Items {
		if s.Name == state.HeadName(state.Of(lockstep.Unit{Namespace: h.Namespace, Name: "net"}, "")) {
			heads++
		}
		for _, raw := range s.Data {
			if bytes.Contains(raw, []byte(secret)) {
				h.T.Errorf("the secret is in %s", s.Name)
			}
		}
	}
	if heads != 1 {
		h.T.Errorf("the state has %d heads in the system namespace", heads)
	}
}
