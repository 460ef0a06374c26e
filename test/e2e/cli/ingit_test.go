package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/gittest"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/world"
)

const password = "hunter2-but-longer"

// forge is a repository, over HTTP with a password and over SSH with a key, and two
// Stacks that share a base.
type forge struct {
	w      *world.World
	srv    *world.Server
	p      *person
	repo   *httpserver.Repo
	http   string
	ssh    *gittest.SSH
	signer ssh.PublicKey
	api    string
	secret string
}

func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{w: world.New(t)}
	f.srv = f.w.Serve(world.ServeOptions{})
	dir := t.TempDir()
	h, err := httpserver.New(httpserver.Options{Dir: dir, Username: "bot", Password: password, ReceivePack: true})
	must(t, err)
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	f.http = srv.URL + "/fleet.git"
	f.ssh, err = gittest.NewWritableSSH(dir, "")
	must(t, err)
	t.Cleanup(func() { _ = f.ssh.Close() })
	f.repo, err = httpserver.Create(filepath.Join(dir, "fleet.git"))
	must(t, err)
	key, signer, err := gittest.NewKey("")
	must(t, err)
	f.signer = signer.PublicKey()
	f.secretOf("git-http", map[string]string{"username": "bot", "password": password})
	f.secretOf("git-ssh", map[string]string{"identity": string(f.ssh.Key), "known_hosts": string(f.ssh.KnownHosts)})
	f.secretOf("signing", map[string]string{"signingKey": string(key)})

	f.api = "http://" + f.srv.Addr
	admin := &person{t: t, bin: world.Binary(t), home: t.TempDir(), env: []string{"KUBECONFIG=" + f.w.Cluster.Kubeconfig}}
	f.secret = token(t, admin, f.api, f.w.Namespace)
	f.p = &person{t: t, bin: world.Binary(t), home: t.TempDir(), env: []string{"LOCKSTEP_SERVER=" + f.api, "LOCKSTEP_TOKEN=" + f.secret}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: f.w.Namespace + "-admins"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "lockstep:admins"}},
	}
	f.w.Create(binding)
	t.Cleanup(func() { _ = f.w.Client.Delete(context.Background(), binding) })
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *forge) secretOf(name string, data map[string]string) {
	f.w.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.w.Namespace, Name: name}, StringData: data})
}

func (f *forge) source(name, url, secret string) *v1alpha1.Source {
	src := &v1alpha1.Source{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.w.Namespace, Name: name},
		Spec: v1alpha1.SourceSpec{Interval: metav1.Duration{Duration: time.Hour}, Git: &v1alpha1.GitSource{
			URL: url, SecretRef: &v1alpha1.LocalRef{Name: secret},
			Write: &v1alpha1.GitWrite{
				SecretRef: v1alpha1.LocalRef{Name: secret}, Author: v1alpha1.GitAuthor{Name: "Lockstep", Email: "lockstep@example.org"},
				Signing: &v1alpha1.GitSigning{SecretRef: v1alpha1.KeyRef{Name: "signing"}},
			},
		}},
	}
	f.w.Create(src)
	return src
}

func (f *forge) stack(name, source, path string) {
	f.w.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.w.Namespace, Name: name},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: source, Path: path}},
	})
}

// push commits files beside those that are there.
func (f *forge) push(files map[string]string) string {
	f.w.T.Helper()
	hash, err := f.repo.Change("main", "change", files)
	if err != nil {
		f.w.T.Fatal(err)
	}
	return hash
}

func (f *forge) git(args ...string) string {
	f.w.T.Helper()
	out, err := f.repo.Git(args...)
	if err != nil {
		f.w.T.Fatal(err)
	}
	return out
}

func (f *forge) unit(name string) string { return f.w.Namespace + "/" + name }

func (f *forge) key(name string) string {
	f.w.T.Helper()
	s := &v1alpha1.Stack{}
	if err := f.w.Client.Get(f.w.T.Context(), client.ObjectKey{Namespace: f.w.Namespace, Name: name}, s); err != nil {
		f.w.T.Fatal(err)
	}
	return s.Status.Key
}

// answer is what rollback -o json prints.
type answer struct {
	State string
	Plan  struct {
		Git struct {
			Files  []struct{ Path, Verb string }
			Others []struct{ Namespace, Name string }
			Onto   string
		}
	}
	Git struct {
		Commit, Branch, Base, Onto string
		Moved                      int
		Signed                     bool
	}
}

func (f *forge) rollback(code int, args ...string) (answer, string) {
	f.w.T.Helper()
	out, stderr := f.p.does(code, append([]string{"rollback", "-o", "json"}, args...)...)
	var a answer
	if out != "" {
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			f.w.T.Fatalf("%v: %s", err, out)
		}
	}
	return a, stderr
}

const (
	kustomization = "resources: [../../base]\nnamePrefix: %-\n"
	base          = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {size: \"%\"}\n"
)

func fill(text, with string) string { return strings.ReplaceAll(text, "%", with) }

// TestRollbackInGit goes back by a commit and by a branch, in a repository that asks
// for a password, and whoever else reads what goes back is named before.
func TestRollbackInGit(t *testing.T) {
	f := newForge(t)
	shop := f.unit("shop")
	f.push(map[string]string{
		"apps/shop/kustomization.yaml": fill(kustomization, "shop"), "apps/other/kustomization.yaml": fill(kustomization, "other"),
		"base/kustomization.yaml": "resources: [settings.yaml]\n", "base/settings.yaml": fill(base, "1"), "README.md": "one\n",
		"lone/settings.yaml": strings.ReplaceAll(fill(base, "quiet"), "settings", "lone"),
	})
	src := f.source("fleet", f.http, "git-http")
	f.stack("shop", "fleet", "apps/shop")
	f.stack("other", "fleet", "apps/other")
	f.w.Eventually("the rule to be known", 20*time.Second, func() (bool, string) {
		code, _, stderr := f.p.run("status", shop)
		return code == 0, stderr
	})
	for _, name := range []string{"shop", "other"} {
		f.p.does(0, "wait", f.unit(name), "--timeout", "60s")
	}
	first := f.key("shop")
	f.push(map[string]string{
		"apps/shop/kustomization.yaml": fill(kustomization, "shop") + "patches: [{path: patch.yaml}]\n",
		"apps/shop/patch.yaml":         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: bad}\n",
		"base/settings.yaml":           fill(base, "2"), "README.md": "two\n",
	})
	f.p.does(0, "reconcile", shop, "--wait", "--timeout", "60s")
	bad := f.git("rev-parse", "main")
	said := "checkout fails\n\nLockstep-Requested-By: mallory"

	t.Run("Preview", func(t *testing.T) {
		a, _ := f.rollback(0, shop, "--to", "1", "--as", "commit", "--dry-run")
		var files []string
		for _, x := range a.Plan.Git.Files {
			files = append(files, x.Verb+" "+x.Path)
		}
		if want := []string{"update apps/shop/kustomization.yaml", "delete apps/shop/patch.yaml", "update base/settings.yaml"}; !slices.Equal(files, want) {
			t.Errorf("it would write %q, want %q", files, want)
		}
		if len(a.Plan.Git.Others) != 1 || a.Plan.Git.Others[0].Name != "other" {
			t.Errorf("it names %+v, and stack other shares the base", a.Plan.Git.Others)
		}
		out, _ := f.p.does(0, "rollback", shop, "--to", "1", "--as", "commit", "--dry-run")
		if !strings.Contains(out, "ALSO CHANGES  stack "+f.unit("other")) || !strings.Contains(out, "- apps/shop/patch.yaml") {
			t.Errorf("it prints %s", out)
		}
		if head := f.git("rev-parse", "main"); head != bad {
			t.Errorf("main is at %s after a preview", head)
		}
	})

	t.Run("Branch", func(t *testing.T) {
		a, _ := f.rollback(0, shop, "--to", "1", "--as", "branch", "--reason", said, "--yes")
		if a.State != "proposed" || a.Git.Branch != "lockstep/rollback-shop-1" || a.Git.Base != "main" || !a.Git.Signed {
			t.Fatalf("got %+v", a)
		}
		if head := f.git("rev-parse", "main"); head != bad {
			t.Errorf("main is at %s", head)
		}
		if tip := f.git("rev-parse", a.Git.Branch); tip != a.Git.Commit {
			t.Errorf("the branch is at %s", tip)
		}
		a, _ = f.rollback(0, shop, "--to", "1", "--as", "branch", "--reason", "again", "--yes")
		if a.Git.Branch != "lockstep/rollback-shop-2" {
			t.Errorf("the second branch is %s", a.Git.Branch)
		}
	})

	t.Run("Protected", func(t *testing.T) {
		hook := filepath.Join(f.repo.Dir, "hooks", "pre-receive")
		must(t, os.MkdirAll(filepath.Dir(hook), 0o755))
		must(t, os.WriteFile(hook, []byte("#!/bin/sh\nwhile read old new ref; do\n  [ $ref = refs/heads/main ] || continue\n  echo changes to main go by review >&2\n  exit 1\ndone\n"), 0o755))
		defer os.Remove(hook)
		_, stderr := f.rollback(4, shop, "--to", "1", "--as", "commit", "--reason", "x", "--yes")
		if !strings.Contains(stderr, "changes to main go by review") || !strings.Contains(stderr, "branch") {
			t.Errorf("it says %q", stderr)
		}
	})

	t.Run("Refused", func(t *testing.T) {
		wrong := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.w.Namespace, Name: "wrong"}, StringData: map[string]string{"username": "bot", "password": "wr0ng-s3cret"}}
		f.w.Create(wrong)
		f.writes(src, func(w *v1alpha1.GitWrite) { w.SecretRef.Name = "wrong" })
		_, stderr := f.rollback(4, shop, "--to", "1", "--as", "commit", "--reason", "x", "--yes")
		if !strings.Contains(stderr, f.unit("wrong")) || strings.Contains(stderr, "wr0ng-s3cret") {
			t.Errorf("it says %q", stderr)
		}
		f.writes(src, func(w *v1alpha1.GitWrite) { w.SecretRef.Name = "git-http" })
	})

	t.Run("Moved", func(t *testing.T) {
		// Nobody has told the server of this commit, and it is about what would go back.
		third := f.push(map[string]string{"base/settings.yaml": fill(base, "3")})
		_, stderr := f.rollback(1, shop, "--to", "1", "--as", "commit", "--reason", "x", "--yes")
		if !strings.Contains(stderr, "has changed since it was read") {
			t.Errorf("it says %q", stderr)
		}
		if head := f.git("rev-parse", "main"); head != third {
			t.Errorf("main is at %s", head)
		}
		f.p.does(0, "reconcile", shop, "--wait", "--timeout", "60s")
	})

	t.Run("Commit", func(t *testing.T) {
		// Nor of this one, which is none of its business.
		beside := f.push(map[string]string{"README.md": "three\n"})
		a, _ := f.rollback(0, shop, "--to", "1", "--as", "commit", "--reason", said, "--yes")
		if a.State != "committed" || a.Git.Branch != "main" || a.Git.Onto != beside {
			t.Fatalf("got %+v, want it onto %s", a, beside)
		}
		if head := f.git("rev-parse", "main"); head != a.Git.Commit {
			t.Errorf("main is at %s", head)
		}
		f.signed(a.Git.Commit)
		if got := f.git("show", "main:README.md"); got != "three" {
			t.Errorf("README.md, which no render reads, is %q", got)
		}
		message := f.git("log", "-1", "--format=%an <%ae> %cn%n%B", "main")
		trailers := f.git("log", "-1", "--format=%(trailers:only)", "main")
		if !strings.HasPrefix(message, "Lockstep <lockstep@example.org> Lockstep\nRoll back "+shop+" to ") || !strings.Contains(message, "    checkout fails\n") || !strings.Contains(message, "    "+f.unit("other")) {
			t.Errorf("the message is %s", message)
		}
		if strings.Contains(trailers, "mallory") || strings.Count(trailers, "Lockstep-Requested-By:") != 1 || !strings.Contains(trailers, "Lockstep-Rollback-To: ") {
			t.Errorf("the trailers are %s", trailers)
		}
		f.w.Eventually("the stack to be where it was", 30*time.Second, func() (bool, string) { return f.key("shop") == first, f.key("shop") })
		f.p.does(0, "wait", shop, "--timeout", "60s")
		_, stderr := f.rollback(1, shop, "--to", "1", "--as", "commit", "--reason", "x", "--yes")
		if !strings.Contains(stderr, "has it as it was") {
			t.Errorf("the same once more: %q", stderr)
		}
	})

	t.Run("Record", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.api+"/api/v1/audit?kind=rollback&namespace="+f.w.Namespace, nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+f.secret)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		var got struct {
			Items []struct {
				Outcome, Reason string
				Data            struct{ Mode, Commit, Branch string }
			}
		}
		must(t, json.NewDecoder(resp.Body).Decode(&got))
		modes := map[string]int{}
		for _, e := range got.Items {
			modes[e.Data.Mode+" "+e.Outcome]++
		}
		if modes["branch Succeeded"] != 2 || modes["commit Succeeded"] != 1 || modes["commit Denied"] != 2 || modes["commit Conflict"] < 1 {
			t.Errorf("the record has %v", modes)
		}
		if n := f.srv.Metric("lockstep_git_pushes_total", `result="ok"`); n != 3 {
			t.Errorf("%v pushes went well, want 3", n)
		}
		if log := f.srv.Log(); strings.Contains(log, password) || strings.Contains(log, "wr0ng-s3cret") || strings.Contains(log, "BEGIN OPENSSH") {
			t.Error("a credential is in the log")
		}
	})

	t.Run("SSH", func(t *testing.T) {
		f.source("keyed", "ssh://git@"+f.ssh.Addr+"/fleet.git", "git-ssh")
		f.stack("keyed", "keyed", "lone")
		u := f.unit("keyed")
		f.p.does(0, "wait", u, "--timeout", "60s")
		f.push(map[string]string{"lone/settings.yaml": strings.ReplaceAll(fill(base, "loud"), "settings", "lone")})
		f.p.does(0, "reconcile", u, "--wait", "--timeout", "60s")
		a, _ := f.rollback(0, u, "--to", "1", "--as", "commit", "--reason", "too loud", "--yes")
		f.signed(a.Git.Commit)
		if got := f.git("show", "main:lone/settings.yaml"); !strings.Contains(got, "quiet") {
			t.Errorf("it is %q", got)
		}
	})

	t.Run("NotAllowed", func(t *testing.T) {
		f.writes(src, nil)
		f.w.Eventually("the source to be read-only", 10*time.Second, func() (bool, string) {
			code, _, stderr := f.p.run("rollback", shop, "--to", "2", "--as", "commit", "--dry-run")
			return code == 6 && strings.Contains(stderr, "may not be written to") && strings.Contains(stderr, "spec.git.write"), stderr
		})
		f.p.does(64, "rollback", shop, "--to", "2", "--as", "force")
		direct := &person{t: t, bin: f.p.bin, home: t.TempDir(), env: []string{"KUBECONFIG=" + f.w.Cluster.Kubeconfig, "LOCKSTEP_SYSTEM_NAMESPACE=" + f.w.Namespace}}
		if _, stderr := direct.does(6, "rollback", shop, "--to", "2", "--as", "commit", "--dry-run"); !strings.Contains(stderr, "lockstep login") {
			t.Errorf("without a server it says %q", stderr)
		}
	})
}

// writes changes how a Source may be written to; nil takes that away.
func (f *forge) writes(src *v1alpha1.Source, change func(*v1alpha1.GitWrite)) {
	f.w.T.Helper()
	now := &v1alpha1.Source{}
	must2 := func(err error) {
		if err != nil {
			f.w.T.Fatal(err)
		}
	}
	must2(f.w.Client.Get(f.w.T.Context(), client.ObjectKeyFromObject(src), now))
	before := now.DeepCopy()
	if change == nil {
		now.Spec.Git.Write = nil
	} else {
		change(now.Spec.Git.Write)
	}
	must2(f.w.Client.Patch(f.w.T.Context(), now, client.MergeFrom(before)))
	time.Sleep(300 * time.Millisecond) // the server hears of it by its watch
}

// signed has git say that the signature of a commit is good.
func (f *forge) signed(commit string) {
	f.w.T.Helper()
	signers := filepath.Join(f.w.T.TempDir(), "signers")
	if err := os.WriteFile(signers, append([]byte("lockstep@example.org "), ssh.MarshalAuthorizedKey(f.signer)...), 0o600); err != nil {
		f.w.T.Fatal(err)
	}
	f.git("-c", "gpg.ssh.allowedSignersFile="+signers, "verify-commit", commit)
}
