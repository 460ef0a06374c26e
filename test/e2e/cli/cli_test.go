// Package cli holds the command line to what it promises of a server: the binary, with
// a token and no kubeconfig, against a server, a cluster and a repository that are real.
package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	lockstepcli "github.com/lockstep-dev/lockstep/internal/cli"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// person is somebody at a terminal.
type person struct {
	t    *testing.T
	bin  string
	env  []string
	home string
}

func (p *person) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), p.bin, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, append([]string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH")}, p.env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// does runs a command that has to exit with code.
func (p *person) does(code int, args ...string) (stdout, stderr string) {
	p.t.Helper()
	got, stdout, stderr := p.run(args...)
	if got != code {
		p.t.Fatalf("lockstep %s exits with %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

// token signs in by a link, as an administrator does the first time, and makes one.
func token(t *testing.T, admin *person, server, namespace string) string {
	t.Helper()
	link, _ := admin.does(0, "auth", "link", "--server", server, "--system-namespace", namespace)
	_, secret, _ := strings.Cut(strings.TrimSpace(link), "#t=")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	resp, err := browser.PostForm(server+"/auth/link", url.Values{"t": {secret}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	resp, err = browser.Post(server+"/api/v1/auth/tokens", "application/json", strings.NewReader(`{"name":"e2e"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct{ Secret string }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Secret == "" {
		t.Fatalf("%s: no token: %v", resp.Status, err)
	}
	return got.Secret
}

const (
	settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {size: \"%\"}\n"
	uploads  = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: uploads}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
)

func TestThroughServer(t *testing.T) {
	w := world.New(t)
	srv := w.Serve(world.ServeOptions{}) // it brings the kinds
	repo, address := w.Repo("shop")
	push := func(message string, files map[string]string) {
		t.Helper()
		if _, err := repo.Commit("main", message, files); err != nil {
			t.Fatal(err)
		}
	}
	push("first", map[string]string{"settings.yaml": strings.ReplaceAll(settings, "%", "1")})
	w.Source("shop", address)
	w.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "shop", Labels: map[string]string{"env": "prod"}},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "shop"}},
	})
	server := "http://" + srv.Addr
	admin := &person{t: t, bin: world.Binary(t), home: t.TempDir(), env: []string{"KUBECONFIG=" + w.Cluster.Kubeconfig}}
	secret := token(t, admin, server, w.Namespace)
	p := &person{t: t, bin: world.Binary(t), home: t.TempDir(), env: []string{"LOCKSTEP_SERVER=" + server, "LOCKSTEP_TOKEN=" + secret}}
	u := w.Namespace + "/shop"

	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.Namespace + "-admins"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "lockstep:admins"}},
	}
	w.Create(binding)
	t.Cleanup(func() { _ = w.Client.Delete(context.Background(), binding) })
	w.Eventually("the rule to be known", 20*time.Second, func() (bool, string) {
		code, _, stderr := p.run("status", u)
		return code == 0, stderr
	})
	p.does(0, "wait", u, "--timeout", "60s")
	push("second", map[string]string{"settings.yaml": strings.ReplaceAll(settings, "%", "2"), "uploads.yaml": uploads})
	out, _ := p.does(0, "reconcile", u, "--wait", "--timeout", "60s")
	if !strings.Contains(out, "ready") {
		t.Errorf("reconcile --wait says %q", out)
	}

	t.Run("JSON", func(t *testing.T) { onlyJSON(t, p, u) })
	t.Run("Times", func(t *testing.T) { timed(t, server, secret, u) })
	t.Run("Filter", func(t *testing.T) {
		for filter, want := range map[string]string{"env:prod name:shop": u + "\n", "env:dev name:shop": ""} {
			if out, _ := p.does(0, slices.Concat([]string{"list", "-n", w.Namespace, "-o", "name"}, strings.Fields(filter))...); out != want {
				t.Errorf("list %s prints %q, want %q", filter, out, want)
			}
		}
		_, stderr := p.does(64, "list", "colour:red")
		if !strings.Contains(stderr, "colour") {
			t.Errorf("an unknown field is answered with %q", stderr)
		}
	})
	t.Run("Compare", func(t *testing.T) {
		out, _ := p.does(2, "diff", u, "--from", "1", "--to", "2", "--exit-code")
		if !strings.Contains(out, "ConfigMap/") || !strings.Contains(out, "PersistentVolumeClaim/") {
			t.Errorf("diff prints %q", out)
		}
		// Release 2 is live, and nobody has changed it since.
		if live, _ := p.does(2, "diff", u, "--from", "1", "--to", "live", "--exit-code"); !strings.Contains(live, "ConfigMap/") {
			t.Errorf("diff with live prints %q", live)
		}
		if out, _ := p.does(0, "diff", u, "--from", "2", "--to", "live", "--with", u, "--exit-code"); !strings.Contains(out, "no differences") {
			t.Errorf("diff of what is live with itself prints %q", out)
		}
		p.does(5, "diff", u, "--with", w.Namespace+"/nowhere")
	})
	t.Run("Plan", func(t *testing.T) {
		if out, _ := p.does(0, "plan", u, "--exit-code"); !strings.Contains(out, "2 unchanged") {
			t.Errorf("plan of what is live prints %q", out)
		}
		out, stderr := p.does(2, "plan", u, "--revision", "1", "--exit-code")
		if !strings.Contains(out, "- PersistentVolumeClaim/") || !strings.Contains(stderr, "nothing of this is applied") {
			t.Errorf("plan of an earlier release prints %q and says %q", out, stderr)
		}
		here, _ := admin.does(2, "plan", u, "--revision", "1", "--exit-code")
		if here != out {
			t.Errorf("a server and this machine plan alike; here it is\n%s\nthere\n%s", here, out)
		}
		p.does(5, "plan", u, "--revision", "77")
	})
	t.Run("Drift", func(t *testing.T) { drifted(t, w, p, admin, u) })
	t.Run("Can", func(t *testing.T) {
		out, _ := p.does(0, "auth", "can", "approve", u)
		if !strings.Contains(out, "yes: ") || !strings.Contains(out, "ClusterRole/cluster-admin, for Group lockstep:admins") {
			t.Errorf("auth can prints %q", out)
		}
		out, _ = p.does(4, "auth", "can", "approve", u, "--as", "oidc:eve", "--as-group", "oidc:nobody")
		if !strings.Contains(out, "no: oidc:eve may not approve") {
			t.Errorf("auth can of somebody else prints %q", out)
		}
	})
	t.Run("Pause", func(t *testing.T) {
		p.does(0, "pause", u, "--reason", "lunch", "--for", "1h")
		w.Eventually("the pause to be seen", 10*time.Second, func() (bool, string) {
			out, _ := p.does(0, "status", u)
			return strings.Contains(out, "paused"), out
		})
		p.does(6, "reconcile", u)
		p.does(0, "resume", u)
		p.does(0, "wait", u, "--timeout", "30s")
	})
	t.Run("Faults", func(t *testing.T) { faults(t, p, u, server) })
	t.Run("Rollback", func(t *testing.T) { rollback(t, p, u) })
	t.Run("Direct", func(t *testing.T) {
		admin.env = append(admin.env, "LOCKSTEP_SYSTEM_NAMESPACE="+w.Namespace, "XDG_CACHE_HOME="+t.TempDir())
		w.Eventually("both ways to draw the same graph", 10*time.Second, func() (bool, string) {
			served, _ := p.does(0, "graph", u, "-o", "json")
			direct, _ := admin.does(0, "graph", u, "-o", "json")
			return served == direct && strings.Contains(served, `"presence": "known"`), served + direct
		})
		rollback(t, admin, u)
	})
}

// onlyJSON runs every command with -o json: standard output is JSON and nothing else.
func onlyJSON(t *testing.T, p *person, u string) {
	cases := map[string][]string{
		"StackList": {"list"}, "SourceList": {"list", "sources"}, "TargetList": {"list", "targets"},
		"FleetStatus": {"status"}, "StackStatus": {"status", u, "--objects"}, "ReleaseList": {"history", u}, "Diff": {"diff", u},
		"Wait": {"wait", u}, "Reconcile": {"reconcile", u}, "LogLineList": {"logs", u}, "EventList": {"events", u}, "Page": {"open", u}, "DeliveryStats": {"history", u, "--stats"},
		"DriftList": {"drift", u}, "Graph": {"graph", u}, "Explanation": {"explain", u}, "Can": {"auth", "can", "get", u}, "Me": {"auth", "whoami"}, "Plan": {"plan", u}, "Tests": {"test", u},
		"Rollback": {"rollback", u, "--to", "1", "--dry-run"},
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"settings.yaml": strings.ReplaceAll(settings, "%", "1")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	more := map[string][]string{
		"SignInStatus": {"auth", "status"}, "SessionList": {"auth", "sessions"}, "TokenList": {"token", "list"}, "ContextList": {"config", "get-contexts"},
		"Version": {"version"}, "List": {"render", dir}, "Health": {"health", "-f", filepath.Join(dir, "settings.yaml")},
		"Pause": {"pause", u, "--reason", "json"}, "Resume": {"resume", u},
	}
	ran := map[string]bool{}
	check := func(kind string, args []string) {
		out, stderr := p.does(0, append(args, "-o", "json")...)
		var got struct{ APIVersion, Kind string }
		if err := json.Unmarshal([]byte(out), &got); err != nil || got.APIVersion == "" || kind != "" && got.Kind != kind {
			t.Errorf("lockstep %s -o json: %v, kind %q, want %q\n%s%s", strings.Join(args, " "), err, got.Kind, kind, out, stderr)
		}
	}
	for _, group := range []map[string][]string{cases, more} {
		for kind, args := range group {
			if kind != "Pause" && kind != "Resume" {
				check(kind, args)
			}
			ran[args[0]], ran[strings.Join(args[:min(2, len(args))], " ")] = true, true
		}
	}
	check("", more["Pause"])
	check("", more["Resume"])
	p.does(0, "wait", u, "--timeout", "30s")
	uncovered(t, ran)
}

// elsewhere are the commands whose JSON is held by other tests, or by people.
var elsewhere = map[string]string{
	"login": "test/e2e/signin", "auth link": "needs a kubeconfig; used above", "token create": "needs a person in a browser", "token revoke": "so does this",
	"audit": "internal/cli/audit", "audit verify": "internal/cli/audit", "doctor": "needs a kubeconfig; test/e2e/engine", "watch": "has no end; is list -w",
	"approve": "test/e2e/modules", "reject": "test/e2e/modules",
	"state list": "test/e2e/state", "state show": "test/e2e/state", "state diff": "test/e2e/state", "state restore": "test/e2e/state", "state unlock": "test/e2e/state", "unlock": "test/e2e/state",
}

// uncovered finds commands that print JSON and that nobody tries.
func uncovered(t *testing.T, ran map[string]bool) {
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		for _, sub := range c.Commands() {
			name := strings.TrimSpace(path + " " + sub.Name())
			walk(sub, name)
			if sub.IsAvailableCommand() && sub.Flags().Lookup("output") != nil && !ran[name] && elsewhere[name] == "" {
				t.Errorf("nobody tries lockstep %s -o json", name)
			}
		}
	}
	walk(lockstepcli.NewRoot(env.New("")), "")
}

// drifted: what somebody else changed is shown through a server as it is straight to
// the cluster.
func drifted(t *testing.T, w *world.World, p, admin *person, u string) {
	p.does(0, "pause", u, "--reason", "drift")
	w.Eventually("the pause to be seen", 10*time.Second, func() (bool, string) {
		out, _ := p.does(0, "status", u)
		return strings.Contains(out, "paused"), out
	})
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "settings"}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"data":{"size":"by hand"}}`))
	if err := w.Client.Patch(t.Context(), cm, patch, client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	type list struct {
		Items []struct{ Object, Field, Live, Git, Manager string }
	}
	read := func(p *person) (out list) {
		text, _ := p.does(0, "drift", u, "-o", "json")
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	w.Eventually("the drift to be seen", 10*time.Second, func() (bool, string) {
		got := read(p)
		return len(got.Items) == 1 && got.Items[0].Field == "data.size" && got.Items[0].Manager == "kubectl-edit", fmt.Sprintf("%+v", got)
	})
	if diff := cmp.Diff(read(admin), read(p)); diff != "" {
		t.Errorf("through a server it is (-direct +server):\n%s", diff)
	}
	out, _ := p.does(0, "explain", u)
	if !strings.Contains(out, "✗  paused") || !strings.Contains(out, "objects") || !strings.Contains(out, "next: lockstep resume "+u) {
		t.Errorf("explain prints %q", out)
	}
	p.does(6, "test", u)
	p.does(0, "resume", u)
	p.does(0, "wait", u, "--timeout", "30s")
}

// timed: the strip of a release says how long each step took from the commit on, at the
// moment at which the release has ended.
func timed(t *testing.T, server, secret, u string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/api/v1/stacks/"+u, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		Lifecycle struct {
			Lead  float64
			Steps []struct {
				Name string
				At   *time.Time
				Took *float64
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, s := range got.Lifecycle.Steps {
		if s.Name == "gates" {
			continue
		}
		if s.At == nil || (s.Took == nil) != (s.Name == "commit") {
			t.Errorf("%s was done at %v and took %v", s.Name, s.At, s.Took)
			continue
		}
		if s.Took != nil {
			sum += *s.Took
		}
	}
	if len(got.Lifecycle.Steps) != 7 || got.Lifecycle.Lead <= 0 || math.Abs(sum-got.Lifecycle.Lead) > 0.001 {
		t.Errorf("%d steps took %v s, and it was %v s from commit to healthy", len(got.Lifecycle.Steps), sum, got.Lifecycle.Lead)
	}
}

func faults(t *testing.T, p *person, u, server string) {
	cases := map[string]struct {
		why  string
		env  []string
		args []string
		code int
		says string
	}{
		"Missing":     {why: "A name that is not there is answered with the nearest.", args: []string{"status", u + "s"}, code: 5, says: "did you mean " + u},
		"NoToken":     {why: "Who is nobody is told how to become somebody.", env: []string{"LOCKSTEP_TOKEN="}, args: []string{"list"}, code: 4, says: "lockstep login " + server},
		"BadToken":    {why: "And who was somebody, how again.", env: []string{"LOCKSTEP_TOKEN=lockstep_nonsense"}, args: []string{"list"}, code: 4, says: "lockstep login"},
		"Unreachable": {why: "A server that is not there is named.", env: []string{"LOCKSTEP_SERVER=http://127.0.0.1:1"}, args: []string{"list"}, code: 1, says: "cannot be reached"},
		"Object":      {why: "So is an object.", args: []string{"logs", u + "/Deployment/web"}, code: 5, says: "has no object"},
		"Release":     {why: "And a release.", args: []string{"rollback", u, "--to", "77"}, code: 5, says: "lockstep history"},
	}
	for name, tc := range cases {
		q := *p
		q.env = append(slices.Clone(p.env), tc.env...)
		code, out, stderr := q.run(tc.args...)
		if code != tc.code || !strings.Contains(stderr, tc.says) || out != "" {
			t.Errorf("%s: %s\nexits with %d, want %d, prints %q and says %q", name, tc.why, code, tc.code, out, stderr)
		}
	}
}

// rollback goes back over a volume claim: it is refused, with the flags to pass, until
// the loss is accepted by name; then it is held, and let go on.
func rollback(t *testing.T, p *person, u string) {
	t.Helper()
	p.does(0, "wait", u, "--timeout", "60s")
	out, stderr := p.does(6, "rollback", u, "--to", "1")
	if !strings.HasPrefix(out, "WILL LOSE  PersistentVolumeClaim/") || !strings.Contains(stderr, "--accept-loss=PersistentVolumeClaim/") {
		t.Errorf("it prints %q and says %q", out, stderr)
	}
	p.does(6, "rollback", u, "--to", "1", "--accept-loss", "pvc/uploads")
	p.does(64, "rollback", u, "--to", "1", "--accept-loss", "pvc/others", "--reason", "x")
	out, _ = p.does(0, "rollback", u, "--to", "1", "--accept-loss", "pvc/uploads", "--reason", "checkout fails", "--for", "1h")
	if !strings.Contains(out, "is held at") {
		t.Errorf("it prints %q", out)
	}
	p.does(0, "rollback", u, "--release")
	p.does(0, "wait", u, "--timeout", "60s")
}
