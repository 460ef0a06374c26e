// Package look holds what people are told of one Stack's objects, and what they may
// do to them, against a real API.
package look_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/stack/renderers"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/internal/store/storetest"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

const secret = "correct-horse-battery"

var files = map[string]string{
	"web.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1
        envFrom: [{secretRef: {name: web}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {password: ` + secret + `}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: alone, annotations: {note: "<script>alert(1)</script>"}}
data: {a: b}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: job, image: busybox}]}
`,
}

// scene is one Stack that is live, and the API in front of it.
type scene struct {
	t      *testing.T
	api    *clientset.Clientset
	conn   *kubernetes.Cluster
	stack  *v1alpha1.Stack
	source *memory.Source
	lists  *atomic.Int64
	url    string
	ns     string
}

// Get and List make a scene what reads Stacks from memory.
func (s *scene) Get(_ context.Context, key types.NamespacedName, into client.Object, _ ...client.GetOption) error {
	if key.Namespace != s.stack.Namespace || key.Name != s.stack.Name {
		return apierrors.NewNotFound(schema.GroupResource{Group: "lockstep.dev", Resource: "stacks"}, key.Name)
	}
	s.stack.DeepCopyInto(into.(*v1alpha1.Stack))
	return nil
}

func (s *scene) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func (s *scene) Secret(context.Context, string, string) (map[string][]byte, error) { return nil, nil }
func (s *scene) ConfigMap(context.Context, string, string) (map[string][]byte, error) {
	return nil, nil
}
func (s *scene) Driver(context.Context, lockstep.TargetRef) (driver.Driver, error) {
	return s.conn, nil
}

func (s *scene) Snapshot(ctx context.Context, _ lockstep.Unit, commit string) (source.Snapshot, error) {
	m, err := s.source.Open(ctx, s.source.Spec())
	if err != nil {
		return nil, err
	}
	snap, err := m.Fetch(ctx, source.Ref{Branch: "main"})
	if err != nil || commit == "" {
		return snap, err
	}
	return m.At(ctx, commit)
}

type counting struct {
	next  http.RoundTripper
	lists *atomic.Int64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && r.URL.Query().Get("watch") == "" {
		c.lists.Add(1)
	}
	return c.next.RoundTrip(r)
}

func set(t *testing.T) *scene {
	t.Helper()
	c := cluster.Start(t)
	s := &scene{t: t, api: c.Client(t), ns: c.Namespace(t), source: memory.New("web"), lists: &atomic.Int64{}}
	first := s.source.Commit("main", files)
	key := []byte("0123456789abcdef")
	config := rest.CopyConfig(c.Config(t))
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counting{next, s.lists} })
	var err error
	if s.conn, err = kubernetes.Connect(kubernetes.Options{Config: config, Digester: diff.Digester{Key: key}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.conn.Close)
	s.stack = &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "shop", Generation: 1}, Spec: v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "web", Path: "."}}}
	render, err := renderers.All(renderers.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(render.Close)
	s.apply(stack.Engine{Lookup: s, Render: render.Render, Key: key})

	checker, err := access.New(access.Options{Config: c.Config(t), Namespaces: func(context.Context) ([]string, error) { return []string{s.ns}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(checker.Close)
	history, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "lockstep.db"), db.Migrated)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = history.Close() })
	released := storetest.Released(lockstep.Unit{Namespace: s.ns, Name: "shop"}, 1, store.Succeeded, time.Now().Add(-time.Minute), time.Now())
	released.Release.Revision = first
	if _, err := history.Append(t.Context(), released); err != nil {
		t.Fatal(err)
	}
	open := func() (store.Store, error) { return history, nil }
	api := httpapi.New(&httpapi.Deps{Access: checker, History: open, Live: &live.Looker{
		Stacks: s, Driver: s.Driver, Render: render.Render, Key: key,
		Memo:   func(lockstep.Unit, int64) (fleet.Memo, bool) { return fleet.Memo{}, false },
		Lookup: func(lockstep.Unit) (stack.Lookup, func()) { return s, func() {} },
	}})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.Header.Get("Test-Person"); name != "" {
			r = r.WithContext(access.With(r.Context(), lockstep.Person{Name: name, Via: lockstep.ProofSession}))
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL + httpapi.Prefix + "/stacks/" + s.ns + "/shop"
	s.allow("ana", "get", "logs", "actions")
	s.allow("vera", "get")
	return s
}

// apply carries out what Git asks for, as a pass would.
func (s *scene) apply(e stack.Engine) {
	s.t.Helper()
	in, err := stack.Resolve(s.t.Context(), s, s.stack)
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := e.Desired(s.t.Context(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	observed, err := e.Observe(s.t.Context(), in, out.Objects)
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := e.Plan(in, out.Objects, observed)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, step := range p.Steps() {
		if o := s.conn.Apply(s.t.Context(), stack.ActorOf(s.stack), step); o.Err != nil {
			s.t.Fatal(o.Err)
		}
		s.stack.Status.Kinds = append(s.stack.Status.Kinds, step.Key.GroupKind().String())
	}
}

func (s *scene) allow(person string, verbs ...string) {
	s.t.Helper()
	meta := metav1.ObjectMeta{Namespace: s.ns, Name: person}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"lockstep.dev"}, Resources: []string{"stacks"}, Verbs: verbs}}}
	if _, err := s.api.RbacV1().Roles(s.ns).Create(s.t.Context(), role, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: person}, Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: person}}}
	if _, err := s.api.RbacV1().RoleBindings(s.ns).Create(s.t.Context(), binding, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the role of "+person, func() bool { status, _ := s.ask(person, "GET", "/resources", ""); return status == 200 })
}

func (s *scene) ask(person, method, path, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Test-Person", person)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func read[T any](s *scene, path string) (out T) {
	s.t.Helper()
	status, body := s.ask("ana", "GET", path, "")
	if status != 200 {
		s.t.Fatalf("GET %s: %d %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *scene) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within a minute: %s", what)
		}
	}
}

func (s *scene) object(group, kind, name string) string {
	return fmt.Sprintf("/resources/%s/%s/%s/%s", group, kind, s.ns, url.PathEscape(name))
}

func find(rs []live.Resource, kind, name string) (live.Resource, bool) {
	for _, r := range rs {
		if r.Kind == kind && strings.HasPrefix(r.Name, name) {
			return r, true
		}
	}
	return live.Resource{}, false
}

// TestLook is one scene, since setting one takes longer than looking at it.
func TestLook(t *testing.T) {
	s := set(t)
	t.Run("Resources", s.resources)
	t.Run("Rights", s.rights)
	t.Run("ManyViewers", s.viewers)
	t.Run("Drift", s.drift)
	t.Run("SecretsAreMasked", s.masked)
	t.Run("Hostile", s.hostile)
	t.Run("Streams", s.streams)
	t.Run("Actions", s.actions)
	t.Run("Releases", s.releases)
}

// releases are compared by their numbers, and the values of Secrets stay masked.
func (s *scene) releases(t *testing.T) {
	const next = "battery-staple-correct"
	changed := map[string]string{"web.yaml": strings.NewReplacer(secret, next, "replicas: 2", "replicas: 3").Replace(files["web.yaml"])}
	second := s.source.Commit("main", changed)
	if now := read[httpapi.Comparison](s, "/compare?from=1"); now.To == "" || now.ToRelease != nil {
		t.Errorf("what Git says now is %q, release %+v", now.To, now.ToRelease)
	}
	first := read[httpapi.Comparison](s, "/compare?from=1&to="+second)
	if r := first.FromRelease; r == nil || r.Number != 1 || r.Revision != first.From || len(r.Objects) != 0 || first.ToRelease != nil || first.To != second {
		t.Errorf("release 1 and a commit that was not released are %+v and %+v of %s and %s", r, first.ToRelease, first.From, first.To)
	}
	kinds := map[string]bool{}
	for _, c := range first.Changes {
		kinds[strings.SplitN(c.ID, "/", 2)[0]] = c.Change == "changed"
	}
	if diff := cmp.Diff(map[string]bool{"Deployment.apps": true, "Secret": true}, kinds); diff != "" {
		t.Errorf("what differs (-want +got):\n%s", diff)
	}
	back := read[httpapi.Comparison](s, "/compare?from="+second+"&to="+first.From)
	if back.FromRelease != nil || back.ToRelease == nil || back.ToRelease.Number != 1 || len(back.Changes) != 2 {
		t.Errorf("by commits it is %+v", back)
	}
	s.compareLive(t, second)
	cases := map[string]struct {
		why, person, query string
		want               int
	}{
		"Viewer":      {"Whoever may see the Stack may compare.", "vera", "?from=1&to=1", 200},
		"Stranger":    {"Nobody else is told whether there are releases.", "eve", "?from=1", 403},
		"GitNow":      {"What the Source says now is with what is left out.", "ana", "?to=1", 200},
		"Live":        {"", "vera", "?from=1&to=live", 200},
		"LiveTwice":   {"What is compared with itself is a mistake.", "ana", "?from=live&to=live", 422},
		"StrangeLive": {"", "eve", "?from=live", 403},
		"Hidden":      {"What one may not see is not compared with either.", "ana", "?with=elsewhere/shop", 403},
		"OtherLive":   {"Fields of two Stacks are told apart by what both render to.", "ana", "?to=live&with=elsewhere/shop", 403},
		"NoName":      {"", "ana", "?with=elsewhere", 422},
		"NoRelease":   {"", "ana", "?from=7", 404},
		"NoCommit":    {"", "ana", "?from=" + strings.Repeat("a", 40), 404},
		"NeitherKind": {"A branch may move while it is compared.", "ana", "?from=main", 422},
		"Huge":        {"", "ana", "?from=99999999999999999999", 422},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, body := s.ask(tc.person, "GET", "/compare"+tc.query, "")
			if status != tc.want {
				t.Errorf("%s\n%d, want %d: %s", tc.why, status, tc.want, body)
			}
			for _, value := range []string{secret, next, base64.StdEncoding.EncodeToString([]byte(next))} {
				if strings.Contains(body, value) {
					t.Errorf("it tells the secret value %q", value)
				}
			}
		})
	}
	if _, body := s.ask("ana", "GET", "/compare?from=1&to="+second, ""); strings.Contains(body, secret) || strings.Contains(body, next) || !strings.Contains(body, "•••") {
		t.Errorf("the values of the Secret are not masked:\n%s", body)
	}
}

// compareLive scales the Deployment by hand, and looks at it from both sides.
func (s *scene) compareLive(t *testing.T, second string) {
	t.Helper()
	if _, err := s.api.AppsV1().Deployments(s.ns).Patch(t.Context(), "web", types.MergePatchType, []byte(`{"spec":{"replicas":7}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ why, query, from, to, before, after string }{
		"ReleaseToLive": {"What became of a release since.", "?from=1&to=live", "2", "7", "replicas: 2", "replicas: 7"},
		"LiveToCommit":  {"What a commit would bring, whether it was released or not.", "?from=live&to=" + second, "7", "3", "replicas: 7", "replicas: 3"},
		"LiveToGit":     {"What Git says now needs no name.", "?from=live", "7", "3", "replicas: 7", "replicas: 3"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got live.RevisionChange
			s.eventually("the change by hand is told", func() bool {
				all := read[httpapi.Comparison](s, "/compare"+tc.query)
				for _, c := range all.Changes {
					if c.ID == "Deployment.apps/"+s.ns+"/web" {
						got = c
					}
				}
				return slices.ContainsFunc(got.Fields, func(f live.FieldState) bool { return f.Path == "spec.replicas" && f.Live == tc.from && f.Git == tc.to })
			})
			if got.Change != "changed" || !strings.Contains(got.Before, tc.before) || !strings.Contains(got.After, tc.after) {
				t.Errorf("%s\n%s:\n%s\n→\n%s", tc.why, got.Change, got.Before, got.After)
			}
			if strings.Contains(got.Before+got.After, "uid:") {
				t.Error("what the cluster filled in is compared")
			}
		})
	}
}

func (s *scene) resources(t *testing.T) {
	var got live.Resources
	s.eventually("two pods are ready", func() bool {
		got = read[live.Resources](s, "/resources")
		web, _ := find(got.Items, "Deployment", "web")
		return web.Note == "2 of 2 ready" && web.Health == "Healthy"
	})
	if got.Counts.Objects != 5 {
		t.Errorf("%d objects, want the 5 of Git", got.Counts.Objects)
	}
	web, _ := find(got.Items, "Deployment", "web")
	rs, ok := find(got.Items, "ReplicaSet", "web")
	if !ok || rs.Parent != web.ID {
		t.Errorf("the ReplicaSet hangs below %q, want %q", rs.Parent, web.ID)
	}
	pod, ok := find(got.Items, "Pod", "web")
	if !ok || pod.Parent != rs.ID || pod.Card != web.ID || len(pod.Containers) != 1 {
		t.Errorf("a pod is %+v", pod)
	}
	for _, kind := range []string{"Service", "Secret"} {
		if r, _ := find(got.Items, kind, "web"); r.Card != web.ID {
			t.Errorf("%s is on card %q, want that of the Deployment", kind, r.Card)
		}
	}
	if slice, ok := find(got.Items, "EndpointSlice", "web"); !ok || !strings.HasPrefix(slice.Parent, "Service/") {
		t.Errorf("the EndpointSlice hangs below %q", slice.Parent)
	}
	first := read[live.Resources](s, "/resources?limit=2")
	rest := read[live.Resources](s, "/resources?limit=100&cursor="+url.QueryEscape(first.Next))
	if n := len(first.Items) + len(rest.Items); first.Next == "" || n != len(got.Items) || rest.Next != "" {
		t.Errorf("pages have %d of %d objects, next is %q", n, len(got.Items), first.Next)
	}
}

func (s *scene) rights(t *testing.T) {
	web := `{"object":"Deployment.apps/` + s.ns + `/web","action":"restart"}`
	cases := map[string]struct {
		person, method, path, body string
		want                       int
	}{
		"NobodyReads":       {"", "GET", "/resources", "", 401},
		"StrangerReads":     {"eve", "GET", "/resources", "", 403},
		"StrangerObject":    {"eve", "GET", s.object("apps", "Deployment", "web"), "", 403},
		"StrangerDiff":      {"eve", "GET", "/diff", "", 403},
		"StrangerManifest":  {"eve", "GET", "/manifest", "", 403},
		"StrangerCompares":  {"eve", "GET", "/compare", "", 403},
		"StrangerEvents":    {"eve", "GET", "/events", "", 403},
		"StrangerStreams":   {"eve", "GET", "/events/stream", "", 403},
		"StrangerLogs":      {"eve", "GET", "/logs", "", 403},
		"StrangerActs":      {"eve", "POST", "/actions", web, 403},
		"ViewerReads":       {"vera", "GET", "/resources", "", 200},
		"ViewerLogs":        {"vera", "GET", "/logs", "", 403},
		"ViewerActs":        {"vera", "POST", "/actions", web, 403},
		"NoSuchAction":      {"ana", "POST", "/actions", `{"object":"Deployment.apps/` + s.ns + `/web","action":"explode"}`, 422},
		"NoActionOfTheKind": {"ana", "POST", "/actions", `{"object":"ConfigMap/` + s.ns + `/alone","action":"restart"}`, 400},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, body := s.ask(tc.person, tc.method, tc.path, tc.body); got != tc.want {
				t.Errorf("%s %s %s: %d, want %d: %s", tc.person, tc.method, tc.path, got, tc.want, body)
			}
		})
	}
	// Whether something exists is not for strangers to find out.
	there, _ := s.ask("eve", "GET", "/diff", "")
	s2 := *s
	s2.url = strings.Replace(s.url, "/shop", "/nothing", 1)
	if absent, _ := s2.ask("eve", "GET", "/diff", ""); absent != there {
		t.Errorf("a stranger is told %d of what is there and %d of what is not", there, absent)
	}
}

func (s *scene) viewers(t *testing.T) {
	time.Sleep(live.Fresh + 100*time.Millisecond)
	before := s.lists.Load()
	read[live.Resources](s, "/resources")
	one := s.lists.Load() - before
	time.Sleep(live.Fresh + 100*time.Millisecond)
	before = s.lists.Load()
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() { s.ask("ana", "GET", "/resources", "") })
	}
	wait.Wait()
	if ten := s.lists.Load() - before; ten > one || one == 0 {
		t.Errorf("ten viewers cost %d requests, one costs %d", ten, one)
	}
}

func (s *scene) drift(t *testing.T) {
	if d := read[live.Differences](s, "/diff"); len(d.Objects) != 0 {
		t.Fatalf("nothing was changed, and this differs: %+v", d.Objects)
	}
	patch := `{"spec":{"replicas":5},"metadata":{"annotations":{"on-call":"mia"}}}`
	_, err := s.api.AppsV1().Deployments(s.ns).Patch(t.Context(), "web", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		t.Fatal(err)
	}
	var fields []live.FieldState
	s.eventually("the drift is told", func() bool {
		fields = nil
		for _, o := range read[live.Differences](s, "/diff").Objects {
			fields = append(fields, o.Fields...)
		}
		return len(fields) == 1
	})
	f := fields[0]
	if f.Path != "spec.replicas" || f.Git != "2" || f.Live != "5" || f.Manager != "kubectl-edit" || f.At == nil || f.Class != "drift" || f.Next == "" {
		t.Errorf("the field is told as %+v", f)
	}
	o := read[live.ObjectDetail](s, s.object("apps", "Deployment", "web"))
	if strings.Contains(o.Live, "managedFields") || !strings.Contains(o.Desired, "replicas: 2") || o.Origin == "" {
		t.Errorf("the manifests are\n%s\n%s", o.Live, o.Desired)
	}
	var other bool
	for _, f := range o.Fields {
		other = other || f.Class == "other" && f.Path == "metadata.annotations.on-call" && f.Manager == "kubectl-edit"
	}
	if !other {
		t.Errorf("what Git does not ask for is not told: %+v", o.Fields)
	}
}

func (s *scene) masked(t *testing.T) {
	changed := base64.StdEncoding.EncodeToString([]byte("changed-by-hand"))
	_, err := s.api.CoreV1().Secrets(s.ns).Patch(t.Context(), "web", types.MergePatchType,
		[]byte(`{"data":{"password":"`+changed+`"},"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"password\":\"`+secret+`\"}"}}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		t.Fatal(err)
	}
	s.eventually("the change of the Secret is told", func() bool {
		_, body := s.ask("ana", "GET", "/diff", "")
		return strings.Contains(body, "Secret/")
	})
	for _, path := range []string{"/diff", "/manifest", "/compare", "/resources", "/events", s.object("-", "Secret", "web")} {
		status, body := s.ask("ana", "GET", path, "")
		if status != 200 {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
		for _, value := range []string{secret, "changed-by-hand", changed, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(body, value) {
				t.Errorf("GET %s tells the secret value %q", path, value)
			}
		}
	}
	if o := read[live.ObjectDetail](s, s.object("-", "Secret", "web")); !strings.Contains(o.Live, "•••") || !strings.Contains(o.Desired, "•••") {
		t.Errorf("masks are missing:\n%s\n%s", o.Live, o.Desired)
	}
}

func (s *scene) hostile(t *testing.T) {
	if _, err := s.api.CoreV1().Secrets(s.ns).Get(t.Context(), "web", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why, path string
		want      int
	}{
		"NotOfTheStack": {"What is beside the Stack does not exist here.", s.object("-", "ServiceAccount", "default"), 404},
		"OtherPlace":    {"Nor does what is in another namespace.", "/resources/-/ConfigMap/kube-system/extension-apiserver-authentication", 404},
		"Markup":        {"Markup in a name is a name.", s.object("-", "ConfigMap", `<img src=x onerror=alert(1)>`), 404},
		"Dots":          {"Dots do not climb.", s.object("-", "ConfigMap", `..%2F..%2Fsecrets`), 404},
		"Revision":      {"A revision is a hash.", "/manifest?revision=main%3Brm", 422},
		"UnknownCommit": {"A commit that nobody knows is said so.", "/manifest?revision=" + strings.Repeat("a", 40), 404},
		"LogObject":     {"Half an id is none.", "/logs?object=x", 400},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, body := s.ask("ana", "GET", tc.path, "")
			if status != tc.want || !strings.Contains(body, `"title"`) {
				t.Errorf("%s\n%d, want %d: %s", tc.why, status, tc.want, body)
			}
		})
	}
}

func (s *scene) streams(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/events/stream", nil)
	r.Header.Set("Test-Person", "ana")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("the stream is of type %q", ct)
	}
	scan := bufio.NewScanner(resp.Body)
	scan.Buffer(nil, 1<<20)
	var told bool
	for scan.Scan() && !told {
		told = strings.HasPrefix(scan.Text(), "data:") && strings.Contains(scan.Text(), "ScalingReplicaSet")
	}
	if !told {
		t.Error("the stream does not tell that the Deployment was scaled")
	}
	// No kubelet runs here that has logs: it is said, and the stream ends.
	status, body := s.ask("ana", "GET", "/logs?tail=5&object="+url.QueryEscape("Deployment.apps/"+s.ns+"/web"), "")
	if status != 200 || !strings.Contains(body, `"note":true`) || !strings.Contains(body, "event: end") {
		t.Errorf("logs: %d %s", status, body)
	}
}

func (s *scene) act(t *testing.T, body string) live.ActionDone {
	t.Helper()
	status, answer := s.ask("ana", "POST", "/actions", body)
	if status != 200 {
		t.Fatalf("%s: %d %s", body, status, answer)
	}
	var done live.ActionDone
	if err := json.Unmarshal([]byte(answer), &done); err != nil {
		t.Fatal(err)
	}
	return done
}

func (s *scene) actions(t *testing.T) {
	web := "Deployment.apps/" + s.ns + "/web"
	o := read[live.ObjectDetail](s, s.object("apps", "Deployment", "web"))
	var scale live.Action
	for _, a := range o.Actions {
		if a.Name == "scale" {
			scale = a
		}
	}
	if !scale.Undone || !strings.Contains(scale.Drift, "Git decides spec.replicas") {
		t.Errorf("nobody is told that the scale is undone: %+v", scale)
	}
	s.act(t, `{"object":"`+web+`","action":"scale","replicas":3}`)
	d, err := s.api.AppsV1().Deployments(s.ns).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || *d.Spec.Replicas != 3 {
		t.Errorf("replicas are %v, %v", d.Spec.Replicas, err)
	}
	s.act(t, `{"object":"`+web+`","uid":"`+string(d.UID)+`","action":"restart"}`)
	if d, err = s.api.AppsV1().Deployments(s.ns).Get(t.Context(), "web", metav1.GetOptions{}); err != nil || d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" {
		t.Errorf("it was not restarted: %v", err)
	}
	if status, body := s.ask("ana", "POST", "/actions", `{"object":"`+web+`","uid":"another","action":"restart"}`); status != 409 {
		t.Errorf("another object of the same name: %d %s", status, body)
	}
	cron := "CronJob.batch/" + s.ns + "/nightly"
	done := s.act(t, `{"object":"`+cron+`","action":"trigger","reason":"a test"}`)
	s.eventually("the job is among the resources", func() bool {
		job, ok := find(read[live.Resources](s, "/resources").Items, "Job", "nightly-manual")
		return ok && job.Parent == cron && job.ID == done.Created
	})
	s.act(t, `{"object":"`+cron+`","action":"suspend"}`)
	c, err := s.api.BatchV1().CronJobs(s.ns).Get(t.Context(), "nightly", metav1.GetOptions{})
	if err != nil || c.Spec.Suspend == nil || !*c.Spec.Suspend {
		t.Errorf("it is not suspended: %v", err)
	}
	var pod live.Resource
	s.eventually("there is a pod", func() bool {
		var ok bool
		pod, ok = find(read[live.Resources](s, "/resources").Items, "Pod", "web")
		return ok
	})
	s.act(t, `{"object":"`+pod.ID+`","uid":"`+pod.UID+`","action":"delete-pod"}`)
	s.eventually("the pod is gone", func() bool {
		p, err := s.api.CoreV1().Pods(s.ns).Get(t.Context(), pod.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err) || string(p.UID) != pod.UID || p.DeletionTimestamp != nil
	})
}
