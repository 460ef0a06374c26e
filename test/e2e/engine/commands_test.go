package engine

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/itchyny/gojq"
	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/internal/source/tree"
	"github.com/lockstep-dev/lockstep/test/world"
)

// within is how long a script waits for what it expects.
var within = flag.Duration("within", 30*time.Second, "how long scripts wait for what they expect")

// gitHost serves the repositories of all scripts over HTTP.
type gitHost struct {
	dir, url string
}

func newGit(t *testing.T) *gitHost {
	dir := t.TempDir()
	handler, err := httpserver.New(httpserver.Options{Dir: dir, ReceivePack: true})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return &gitHost{dir: dir, url: srv.URL}
}

type sceneKey struct{}

// usual are files that every script finds unless it brings its own: what most
// promises are about is one directory of one repository.
var usual = map[string]string{
	"source.yaml": `apiVersion: lockstep.dev/v1alpha1
kind: Source
metadata: {name: app}
spec: {interval: 1h, git: {url: $GIT/app.git}}
`,
	"stack.yaml": `apiVersion: lockstep.dev/v1alpha1
kind: Stack
metadata: {name: app}
spec: {source: {name: app}}
`,
}

// scene is one script's state.
type scene struct {
	world   *world.World
	server  *world.Server
	git     *gitHost
	ns      string
	repos   map[string]*httpserver.Repo
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	stamps  map[string]string
	wire    *wire
}

var serial atomic.Int64

func newScene(t *testing.T, e *testscript.Env, w *world.World, server *world.Server, git *gitHost) *scene {
	s := &scene{world: w, server: server, git: git, repos: map[string]*httpserver.Repo{}, stamps: map[string]string{}}
	s.ns = fmt.Sprintf("e2e-%d-%d", os.Getpid(), serial.Add(1))
	api := w.Cluster.Client(t)
	if _, err := api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.ns}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = api.CoreV1().Namespaces().Delete(ctx, s.ns, metav1.DeleteOptions{})
	})
	cfg := w.Cluster.Config(t)
	s.dynamic = dynamic.NewForConfigOrDie(cfg)
	s.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(cfg)))
	e.Setenv("NS", s.ns)
	e.Setenv("GIT", git.url+"/"+s.ns)
	e.Setenv("KUBECONFIG", w.Cluster.Kubeconfig)
	e.Setenv("DEVCLUSTER_DIR", w.Cluster.Dir)
	e.Setenv("SERVER", server.Addr)
	e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
	e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, ".config"))
	e.Setenv("NO_COLOR", "1")
	e.Setenv("LOCKSTEP_SYSTEM_NAMESPACE", w.Namespace)
	e.Setenv("API", cfg.Host)
	for name, text := range usual {
		file := filepath.Join(e.WorkDir, name)
		if _, err := os.Stat(file); err == nil {
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"push":       push,
	"apply":      apply,
	"ready":      ready,
	"unready":    unready,
	"live":       live,
	"gone":       gone,
	"remove":     remove,
	"edit":       edit,
	"event":      event,
	"stamp":      stamp,
	"same":       same,
	"lockstep":   lockstep,
	"devcluster": devcluster,
	"hook":       hook,
	"quiet":      quiet,
	"ask":        ask,
	"secret":     secret,
	"keep":       keep,
	"columns":    columns,
	"unseen":     unseen,
	"legacy":     legacy,
	"git":        git,
	"gitserver":  gitserver,
	"registry":   ociRegistry,
	"charts":     charts,
	"link":       link,
	"at":         at,
}

func of(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

func usage(ts *testscript.TestScript, ok bool, text string) {
	if !ok {
		ts.Fatalf("usage: %s", text)
	}
}

// push REPO[@BRANCH] DIR [message]: DIR becomes the whole content of the branch
// (main), its hash is $COMMIT, and every Source of the namespace is asked to
// look.
func push(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "push repo[@branch] dir [message]")
	s := of(ts)
	message := "change"
	if len(args) > 2 {
		message = args[2]
	}
	name, branch, ok := strings.Cut(args[0], "@")
	if !ok {
		branch = "main"
	}
	commit, err := s.repo(ts, name).Commit(branch, message, filesIn(ts, args[1]))
	ts.Check(err)
	ts.Setenv("COMMIT", commit)
	var sources v1alpha1.SourceList
	ts.Check(s.world.Client.List(context.Background(), &sources, inNamespace(s.ns)))
	for i := range sources.Items {
		ts.Check(s.poke("Source/" + sources.Items[i].Name))
	}
}

func (s *scene) repo(ts *testscript.TestScript, name string) *httpserver.Repo {
	if r := s.repos[name]; r != nil {
		return r
	}
	r, err := httpserver.Create(filepath.Join(s.git.dir, s.ns, name+".git"))
	ts.Check(err)
	s.repos[name] = r
	return r
}

// filesIn reads a directory. A file named X.link stands for a symbolic link X
// to what it holds: txtar has no links.
func filesIn(ts *testscript.TestScript, dir string) map[string]string {
	files := map[string]string{}
	root := ts.MkAbs(dir)
	ts.Check(filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(p)
		name := filepath.ToSlash(rel)
		if to, ok := strings.CutSuffix(name, ".link"); ok {
			files[to] = tree.Symlink(strings.TrimSpace(string(b)))
			return err
		}
		files[name] = string(b)
		return err
	}))
	return files
}

// apply FILE…: as a person with every permission; $VARIABLES are expanded.
func apply(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) > 0, "apply file...")
	s := of(ts)
	var failed []string
	for _, f := range args {
		for doc := range strings.SplitSeq(os.Expand(ts.ReadFile(f), func(k string) string { return ts.Getenv(k) }), "\n---\n") {
			if strings.TrimSpace(doc) == "" {
				continue
			}
			if err := s.applyOne(doc); err != nil {
				failed = append(failed, err.Error())
			}
		}
	}
	_, _ = ts.Stderr().Write([]byte(strings.Join(failed, "\n") + "\n"))
	if neg != (len(failed) > 0) {
		ts.Fatalf("apply: failed=%v, want failed=%v\n%s", len(failed) > 0, neg, strings.Join(failed, "\n"))
	}
}

func (s *scene) applyOne(doc string) error {
	u := &unstructured.Unstructured{}
	raw, err := yaml.YAMLToJSON([]byte(doc))
	if err != nil {
		return err
	}
	if err := u.UnmarshalJSON(raw); err != nil {
		return err
	}
	r, namespaced, err := s.resource(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
	if err != nil {
		return err
	}
	if namespaced && u.GetNamespace() == "" {
		u.SetNamespace(s.ns)
	}
	_, err = on(r, namespaced, u.GetNamespace()).Apply(context.Background(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "person", Force: true})
	return err
}

func (s *scene) resource(gk schema.GroupKind, versions ...string) (dynamic.NamespaceableResourceInterface, bool, error) {
	m, err := s.mapper.RESTMapping(gk, versions...)
	if meta.IsNoMatchError(err) {
		s.mapper.Reset()
		m, err = s.mapper.RESTMapping(gk, versions...)
	}
	if err != nil {
		return nil, false, err
	}
	return s.dynamic.Resource(m.Resource), m.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

func on(r dynamic.NamespaceableResourceInterface, namespaced bool, ns string) dynamic.ResourceInterface {
	if namespaced {
		return r.Namespace(ns)
	}
	return r
}

// named reads Kind[.group]/[namespace/]name.
func (s *scene) named(ref string) (dynamic.ResourceInterface, string, error) {
	parts := strings.Split(ref, "/")
	kind, group, _ := strings.Cut(parts[0], ".")
	if group == "" {
		switch kind {
		case "Stack", "Source", "Target":
			group = "lockstep.dev"
		case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
			group = "apps"
		case "Job", "CronJob":
			group = "batch"
		case "CustomResourceDefinition":
			group = "apiextensions.k8s.io"
		case "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding":
			group = "rbac.authorization.k8s.io"
		}
	}
	ns, name := s.ns, parts[len(parts)-1]
	if len(parts) == 3 {
		ns = parts[1]
	}
	r, namespaced, err := s.resource(schema.GroupKind{Group: group, Kind: kind})
	if err != nil {
		return nil, "", err
	}
	return on(r, namespaced, ns), name, nil
}

func (s *scene) get(ref string) (*unstructured.Unstructured, error) {
	r, name, err := s.named(ref)
	if err != nil {
		return nil, err
	}
	return r.Get(context.Background(), name, metav1.GetOptions{})
}

func (s *scene) poke(ref string) error {
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcileAt, strconv.FormatInt(time.Now().UnixNano(), 10))
	r, name, err := s.named(ref)
	if err != nil {
		return err
	}
	_, err = r.Patch(context.Background(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// ask REF: asks for a pass over a Stack or Source now.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "ask ref")
	ts.Check(of(ts).poke(args[0]))
}

// secret NAME KEY=VALUE|KEY=@FILE…: creates or replaces a Secret.
func secret(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "secret name key=value|key=@file...")
	s := of(ts)
	data := map[string][]byte{}
	for _, a := range args[1:] {
		k, v, _ := strings.Cut(a, "=")
		if file, ok := strings.CutPrefix(v, "@"); ok {
			v = ts.ReadFile(file)
		}
		data[k] = []byte(v)
	}
	want := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: args[0]}, Data: data}
	err := s.world.Client.Create(context.Background(), want)
	if apierrors.IsAlreadyExists(err) {
		err = s.world.Client.Update(context.Background(), want)
	}
	ts.Check(err)
}

// keep VAR: puts the last command's output into $VAR.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "keep var")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// columns KIND: what kubectl get shows, the names of columns first.
func columns(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "columns stacks|sources|targets")
	s := of(ts)
	client, err := kubernetes.NewForConfig(s.world.Cluster.Config(s.world.T))
	ts.Check(err)
	table := &metav1.Table{}
	raw, err := client.RESTClient().Get().AbsPath("/apis/lockstep.dev/v1alpha1/namespaces/"+s.ns+"/"+args[0]).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(context.Background()).Raw()
	ts.Check(err)
	ts.Check(json.Unmarshal(raw, table))
	var out strings.Builder
	for _, c := range table.ColumnDefinitions {
		fmt.Fprintf(&out, "%s|", c.Name)
	}
	for _, row := range table.Rows {
		out.WriteString("\n")
		for _, cell := range row.Cells {
			fmt.Fprintf(&out, "%v|", cell)
		}
	}
	_, _ = ts.Stdout().Write([]byte(out.String() + "\n"))
}

// unseen TEXT: it is in no status and event of the namespace, and not in the
// server's log.
func unseen(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "unseen text")
	s := of(ts)
	var events corev1.EventList
	var stacks v1alpha1.StackList
	var sources v1alpha1.SourceList
	ts.Check(s.world.Client.List(context.Background(), &events, inNamespace(s.ns)))
	ts.Check(s.world.Client.List(context.Background(), &stacks, inNamespace(s.ns)))
	ts.Check(s.world.Client.List(context.Background(), &sources, inNamespace(s.ns)))
	for place, what := range map[string]any{"an event": events.Items, "a Stack": stacks.Items, "a Source": sources.Items, "the log": s.server.Log()} {
		text, err := json.Marshal(what)
		ts.Check(err)
		if bytes.Contains(text, []byte(args[0])) {
			ts.Fatalf("%q is in %s:\n%s", args[0], place, text)
		}
	}
}

// legacy FILE: kubectl apply as it was before server-side apply: a client that
// updates whole objects and keeps what it sent in an annotation.
func legacy(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "legacy file")
	s := of(ts)
	raw, err := yaml.YAMLToJSON([]byte(os.Expand(ts.ReadFile(args[0]), func(k string) string { return ts.Getenv(k) })))
	ts.Check(err)
	u := &unstructured.Unstructured{}
	ts.Check(u.UnmarshalJSON(raw))
	u.SetNamespace(s.ns)
	u.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(raw) + "\n"})
	r, namespaced, err := s.resource(u.GroupVersionKind().GroupKind())
	ts.Check(err)
	_, err = on(r, namespaced, s.ns).Create(context.Background(), u, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"})
	ts.Check(err)
}

// until tries again until ok, and fails with the last thing seen.
func until(ts *testscript.TestScript, what string, ok func() (bool, string)) {
	deadline := time.Now().Add(*within)
	for {
		done, last := ok()
		if done {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: not within %s\nlast seen: %s", what, *within, last)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ready REF…: Ready is True for the current spec; a Stack is at the last pushed
// commit if that touched it, which scripts check with live.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "ready ref...")
	s := of(ts)
	for _, ref := range args {
		until(ts, "ready "+ref, func() (bool, string) {
			u, err := s.get(ref)
			if err != nil {
				return false, err.Error()
			}
			c, current := condition(u)
			return current && c["status"] == "True", show(u)
		})
	}
}

// unready REF REGEXP: Ready is False for the current spec with such a message.
func unready(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "unready ref regexp")
	s := of(ts)
	re, err := regexp.Compile("(?s)" + args[1])
	ts.Check(err)
	until(ts, "unready "+args[0], func() (bool, string) {
		u, err := s.get(args[0])
		if err != nil {
			return false, err.Error()
		}
		c, current := condition(u)
		text := fmt.Sprintf("%v: %v", c["reason"], c["message"])
		return current && c["status"] == "False" && re.MatchString(text), show(u)
	})
}

func condition(u *unstructured.Unstructured) (c map[string]any, current bool) {
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	seen, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	for _, x := range list {
		m, _ := x.(map[string]any)
		if m["type"] == "Ready" {
			return m, seen == u.GetGeneration()
		}
	}
	return nil, false
}

func show(u *unstructured.Unstructured) string {
	status, _ := yaml.Marshal(u.Object["status"])
	return string(status)
}

// live REF [jq]: the object exists, and the jq expression is true of it.
// ! live REF jq: the expression stays false for a second.
func live(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) >= 1 && len(args) <= 2, "live ref [jq]")
	s := of(ts)
	expr := "true"
	if len(args) == 2 {
		expr = args[1]
	}
	q, err := gojq.Parse(expr)
	ts.Check(err)
	holds := func() (bool, string) {
		u, err := s.get(args[0])
		if err != nil {
			return false, err.Error()
		}
		var plain any
		raw, _ := json.Marshal(u.Object)
		_ = json.Unmarshal(raw, &plain)
		v, _ := q.Run(plain).Next()
		if err, bad := v.(error); bad {
			return false, err.Error()
		}
		delete(u.Object["metadata"].(map[string]any), "managedFields")
		text, _ := yaml.Marshal(u.Object)
		return v == true, string(text)
	}
	if !neg {
		until(ts, "live "+args[0], holds)
		return
	}
	for range 10 {
		if ok, seen := holds(); ok {
			ts.Fatalf("live %s: %s holds\n%s", args[0], expr, seen)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// gone REF…: the objects do not exist any more. ! gone: they stay for a second.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) > 0, "gone ref...")
	s := of(ts)
	for _, ref := range args {
		missing := func() (bool, string) {
			_, err := s.get(ref)
			return apierrors.IsNotFound(err), fmt.Sprint(err)
		}
		if !neg {
			until(ts, "gone "+ref, missing)
			continue
		}
		for range 10 {
			if is, _ := missing(); is {
				ts.Fatalf("%s is gone", ref)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// remove REF: deletes it by hand.
func remove(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "remove ref")
	r, name, err := of(ts).named(args[0])
	ts.Check(err)
	background := metav1.DeletePropagationBackground
	ts.Check(r.Delete(context.Background(), name, metav1.DeleteOptions{PropagationPolicy: &background}))
}

// edit REF PATCH: a merge patch by hand, as kubectl edit makes it.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 2, "edit ref merge-patch")
	r, name, err := of(ts).named(args[0])
	ts.Check(err)
	_, err = r.Patch(context.Background(), name, types.MergePatchType, []byte(args[1]), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if neg != (err != nil) {
		ts.Fatalf("edit: %v", err)
	}
}

// at NAME DURATION: $NAME is the time so long from now, in whole seconds.
func at(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "at name duration")
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().Add(d).UTC().Format(time.RFC3339))
}

// event REF REASON COUNT: so many events with that reason tell of the object.
func event(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 3, "event ref reason count")
	s := of(ts)
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	kind, name, _ := strings.Cut(args[0], "/")
	until(ts, "event "+args[0], func() (bool, string) {
		var list corev1.EventList
		ts.Check(s.world.Client.List(context.Background(), &list, inNamespace(s.ns)))
		n := 0
		var seen bytes.Buffer
		for _, e := range list.Items {
			if e.InvolvedObject.Kind != kind || e.InvolvedObject.Name != name {
				continue
			}
			fmt.Fprintf(&seen, "%s %s\n", e.Reason, e.Message)
			if e.Reason == args[1] {
				n++
			}
		}
		return n == want, seen.String()
	})
}

// stamp REF: remembers the object as it is for same.
func stamp(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "stamp ref")
	u, err := of(ts).get(args[0])
	ts.Check(err)
	of(ts).stamps[args[0]] = string(u.GetUID()) + "@" + u.GetResourceVersion()
}

// same REF: nothing was written to the object since stamp, nor is for a second.
// ! same REF: something was.
func same(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 1 && of(ts).stamps[args[0]] != "", "same ref, after stamp ref")
	if !neg {
		time.Sleep(time.Second)
	}
	u, err := of(ts).get(args[0])
	ts.Check(err)
	if is := of(ts).stamps[args[0]] == string(u.GetUID())+"@"+u.GetResourceVersion(); is == neg {
		ts.Fatalf("%s is untouched: %v, want %v\n%s", args[0], is, !neg, show(u))
	}
}

// quiet REF: nothing is written to the object for a second and a half.
func quiet(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "quiet ref")
	s := of(ts)
	before, err := s.get(args[0])
	ts.Check(err)
	time.Sleep(1500 * time.Millisecond)
	after, err := s.get(args[0])
	ts.Check(err)
	if before.GetResourceVersion() != after.GetResourceVersion() {
		ts.Fatalf("%s was written:\n%s", args[0], show(after))
	}
}

// lockstep ARGS: the command line.
func lockstep(ts *testscript.TestScript, neg bool, args []string) {
	run(ts, neg, world.Binary(of(ts).world.T), append([]string{"-n", of(ts).ns}, args...)...)
}

func devcluster(ts *testscript.TestScript, neg bool, args []string) {
	run(ts, neg, of(ts).world.Cluster.Binary, args...)
}

func run(ts *testscript.TestScript, neg bool, name string, args ...string) {
	err := ts.Exec(name, args...)
	if err != nil && !isExit(err) {
		ts.Fatalf("%s: %v", name, err)
	}
	if neg != (err != nil) {
		ts.Fatalf("%s %s: %v, want failure: %v", filepath.Base(name), strings.Join(args, " "), err, neg)
	}
	code := 0
	if err != nil {
		code = exitCode(err)
	}
	ts.Setenv("EXIT", strconv.Itoa(code))
}

func isExit(err error) bool { return exitCode(err) >= 0 }

func exitCode(err error) int {
	if e, ok := err.(*exec.ExitError); ok {
		return e.ExitCode()
	}
	return -1
}

// hook SOURCE FILE HEADER=VALUE…: posts FILE as a webhook; github=SECRET is the
// headers of a GitHub push signed with SECRET.
func hook(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) >= 2, "hook source file [header=value...]")
	s := of(ts)
	body := ts.ReadFile(args[1])
	// A Secret that was changed a moment ago counts as soon as its watch tells.
	until(ts, "hook "+args[0], func() (bool, string) {
		req, err := http.NewRequest(http.MethodPost, "http://"+s.server.Addr+"/hooks/"+s.ns+"/"+args[0], strings.NewReader(body))
		ts.Check(err)
		for _, h := range args[2:] {
			k, v, _ := strings.Cut(h, "=")
			if k == "github" {
				mac := hmac.New(sha256.New, []byte(v))
				mac.Write([]byte(body))
				k, v = "X-Hub-Signature-256", fmt.Sprintf("sha256=%x", mac.Sum(nil))
				req.Header.Set("X-GitHub-Event", "push")
			}
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(req)
		ts.Check(err)
		_ = resp.Body.Close()
		return (resp.StatusCode/100 == 2) != neg, resp.Status
	})
}
