package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/edge"
)

// within may be seen: one namespace, or all.
type within string

func (w within) Contains(u lockstep.Unit) bool { return w == "*" || u.Namespace == string(w) }

type house struct {
	*httptest.Server
	deps  *Deps
	board *board.Board
	acts  []string
}

// newHouse serves a few Stacks to "ana", who sees and may do everything in team-a,
// and to "root" and such, who may all. Who asks is in a header, which only this test believes.
func newHouse(t testing.TB, stacks ...*v1alpha1.Stack) *house {
	scheme := kruntime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	src := &v1alpha1.Source{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "repo"}}
	src.Spec.Git = &v1alpha1.GitSource{URL: "https://ana:hunter2@git.example.org/repo.git?token=abc"}
	other := src.DeepCopy()
	other.Namespace = "team-b"
	objects := []client.Object{src, other}
	h := &house{board: board.New()}
	for _, s := range stacks {
		objects = append(objects, s)
		h.board.Put(s)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	done := make(chan struct{})
	region := func(p lockstep.Person) within {
		if strings.HasPrefix(p.Name, "root") {
			return "*"
		}
		return "team-a"
	}
	e := edge.New(slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	h.deps = &Deps{
		Version: "v1", Build: "v1+abc", Cache: c, Write: c, Board: h.board, Done: done, Edge: e, Log: slog.New(slog.DiscardHandler),
		See: func(_ context.Context, p lockstep.Person) (board.Sight, error) { return region(p), nil },
		May: func(_ context.Context, p lockstep.Person, q access.Question) error {
			if r := region(p); r == "*" || string(r) == q.Unit.Namespace {
				return nil
			}
			return fault.Denied("you may not %s", q)
		},
		Record: func(_ context.Context, p lockstep.Person, a Act, err error) {
			h.acts = append(h.acts, fmt.Sprintf("%s %s %s %v", p.Name, a.Name, a.Unit, err == nil))
		},
	}
	inner := e.Inner(New(h.deps))
	h.Server = httptest.NewServer(e.Outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.Header.Get("X-Test-Person"); name != "" {
			r = r.WithContext(access.With(r.Context(), lockstep.Person{Name: name}))
		}
		inner.ServeHTTP(w, r)
	})))
	t.Cleanup(func() { close(done); h.CloseClientConnections(); h.Close() })
	return h
}

func (h *house) do(t testing.TB, person, method, path, body string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Test-Person", person)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

func stackIn(namespace, name string) *v1alpha1.Stack {
	s := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1}}
	s.Spec.Source = v1alpha1.StackSource{Name: "repo", Path: "apps/" + name}
	s.Status.ObservedGeneration = 1
	s.Status.Health = &v1alpha1.StackHealth{Status: "Healthy"}
	v1alpha1.SetVerdict(&s.Status.Conditions, v1alpha1.InSync("main@1", 3), 1, metav1.Now())
	return s
}

// TestVisible: what may not be seen is in no answer, in no number and in no error.
func TestVisible(t *testing.T) {
	mine, theirs := stackIn("team-a", "shop"), stackIn("team-b", "hidden")
	theirs.Status.Drift = &v1alpha1.StackDrift{Objects: 1, Fields: 1, Records: []v1alpha1.DriftRecord{{Object: "ConfigMap/team-b/hidden", Field: "data.x"}}}
	mine.Spec.DependsOn = []v1alpha1.Dependency{{Name: "team-b/hidden"}}
	theirs.Spec.DependsOn = []v1alpha1.Dependency{{Name: "team-a/shop"}}
	h := newHouse(t, mine, theirs)
	for _, path := range []string{"/stacks", "/stacks?q=hidden", "/stacks/map", "/stacks/map?group=source", "/sources", "/targets", "/drift"} {
		status, body, _ := h.do(t, "ana", "GET", Prefix+path, "")
		// The filter is said back, and is the person's own word.
		body = strings.ReplaceAll(body, `"filter":"hidden"`, "")
		if status != 200 || strings.Contains(body, "hidden") || strings.Contains(body, "team-b") {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
	_, body, _ := h.do(t, "ana", "GET", Prefix+"/stacks", "")
	var page StackPage
	if err := json.Unmarshal([]byte(body), &page); err != nil || page.Fleet.Total != 1 || page.Counts.InStep != 1 || page.Matches != 1 {
		t.Errorf("one Stack may be seen: %v %s", err, body)
	}
	there, hidden := 0, ""
	for _, name := range []string{"hidden", "nowhere"} {
		status, body, _ := h.do(t, "ana", "GET", Prefix+"/stacks/team-b/"+name, "")
		body = strings.ReplaceAll(body, name, "X")
		body = body[:strings.Index(body, `"request"`)]
		if hidden != "" && (status != there || body != hidden) {
			t.Errorf("what is hidden and what is not there can be told apart:\n%d %s\n%d %s", there, hidden, status, body)
		}
		there, hidden = status, body
	}
	status, body, _ := h.do(t, "ana", "GET", Prefix+"/stacks/team-a/shop", "")
	if status != 200 || strings.Contains(body, `"dependants":[{`) || !strings.Contains(body, `"name":"hidden","health":"Unknown"`) {
		t.Errorf("of others that are hidden only what the Stack's own spec says: %d %s", status, body)
	}
	if _, all, _ := h.do(t, "root", "GET", Prefix+"/stacks", ""); !strings.Contains(all, "hidden") {
		t.Errorf("who may see everything does not: %s", all)
	}
	if _, body, _ := h.do(t, "ana", "GET", Prefix+"/sources", ""); strings.Contains(body, "hunter2") || strings.Contains(body, "abc") {
		t.Errorf("a credential gets out: %s", body)
	}
}

func TestBadInput(t *testing.T) {
	h := newHouse(t, stackIn("team-a", "shop"))
	cases := map[string]struct {
		person, method, path, body string
		status                     int
		says                       string
	}{
		"Nobody":         {"", "GET", "/stacks", "", 401, "Unauthenticated"},
		"NobodyContract": {"", "GET", "/openapi.yaml", "", 401, "Unauthenticated"},
		"NobodyEvents":   {"", "GET", "/events?topics=fleet", "", 401, "Unauthenticated"},
		"NobodyActs":     {"", "POST", "/stacks/team-a/shop/reconcile", "", 401, "Unauthenticated"},
		"NoPath":         {"ana", "GET", "/nonsense", "", 404, "no such path"},
		"Method":         {"ana", "DELETE", "/stacks", "", 405, "no DELETE"},
		"Filter":         {"ana", "GET", "/stacks?q=evn:prod", "", 400, "filter, character 1"},
		"Cursor":         {"ana", "GET", "/stacks?cursor=xx", "", 400, "cursor"},
		"Limit":          {"ana", "GET", "/stacks?limit=100000", "", 422, "query.limit"},
		"Sort":           {"ana", "GET", "/stacks?sort=drop", "", 422, "query.sort"},
		"Unknown":        {"ana", "GET", "/stacks?colour=red", "", 422, "query.colour"},
		"Twice":          {"ana", "GET", "/events?topics=fleet&topics=sources", "", 422, "query.topics"},
		"LongFilter":     {"ana", "GET", "/stacks?q=" + strings.Repeat("a", 1001), "", 422, "query.q"},
		"LongQuery":      {"ana", "GET", "/stacks?q=" + strings.Repeat("a", 9000), "", 413, "bytes"},
		"HTML":           {"ana", "GET", "/stacks/team-a/%3Cscript%3E", "", 422, "path.name"},
		"SQL":            {"ana", "GET", "/stacks/team-a/x';DROP%20TABLE%20entries--", "", 422, "path.name"},
		"Topic":          {"ana", "GET", "/events?topics=everything", "", 400, "there is no topic"},
		"NotJSON":        {"ana", "POST", "/stacks/team-a/shop/reconcile", "{", 400, "unexpected"},
		"WrongType":      {"ana", "POST", "/stacks/team-a/shop/reconcile", `{"reason":7}`, 422, "body.reason"},
		"Surplus":        {"ana", "POST", "/stacks/team-a/shop/reconcile", `{"nonsense":7}`, 422, "body"},
		"Oversized":      {"ana", "POST", "/stacks/team-a/shop/reconcile", `{"reason":"` + strings.Repeat("a", edge.MaxBody) + `"}`, 413, "allowed"},
		"DriftFilter":    {"ana", "GET", "/drift?q=evn:prod", "", 400, "filter, character 1"},
		"DriftCursor":    {"ana", "GET", "/drift?cursor=xx", "", 400, "cursor"},
		"TestNotMine":    {"ana", "POST", "/stacks/team-b/x/test", "", 403, "may not"},
		"TestGone":       {"ana", "POST", "/stacks/team-a/gone/test", "", 404, "does not exist"},
		"PlanRevision":   {"ana", "GET", "/stacks/team-a/shop/plan?revision=HEAD~1", "", 422, "query.revision"},
		"NotMine":        {"ana", "POST", "/stacks/team-b/x/reconcile", "", 403, "may not"},
		"Gone":           {"ana", "POST", "/stacks/team-a/gone/reconcile", "", 404, "does not exist"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, body, head := h.do(t, tc.person, tc.method, Prefix+tc.path, tc.body)
			if status != tc.status || !strings.Contains(body, tc.says) {
				t.Errorf("got %d %s, want %d and %q", status, body, tc.status, tc.says)
			}
			var p Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != status || p.Title == "" || p.Request == "" || head.Get("Content-Type") != "application/problem+json" {
				t.Errorf("is no problem as the contract has them: %v %s %s", err, head.Get("Content-Type"), body)
			}
			if strings.Contains(body, "<s") || head.Get("X-Content-Type-Options") != "nosniff" || head.Get("X-Request-Id") != p.Request {
				t.Errorf("not inert: %v %s", head, body)
			}
		})
	}
}

func TestReconcile(t *testing.T) {
	h := newHouse(t, stackIn("team-a", "shop"))
	status, body, _ := h.do(t, "ana", "POST", Prefix+"/stacks/team-a/shop/reconcile", `{"reason":"now"}`)
	var a Asked
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 202 || a.Request == "" {
		t.Fatalf("%v %d %s", err, status, body)
	}
	s := &v1alpha1.Stack{}
	if err := h.deps.Cache.Get(t.Context(), client.ObjectKey{Namespace: "team-a", Name: "shop"}, s); err != nil || s.Annotations[v1alpha1.AnnotationReconcileAt] != a.Request {
		t.Errorf("the Stack is not asked for a pass: %v %v", err, s.Annotations)
	}
	h.do(t, "ana", "POST", Prefix+"/stacks/team-b/x/reconcile", "")
	if got := strings.Join(h.acts, "; "); got != "ana reconcile team-a/shop true; ana reconcile team-b/x false" {
		t.Errorf("recorded: %s", got)
	}
}

func TestTestHooks(t *testing.T) {
	quiet := stackIn("team-a", "quiet")
	quiet.Spec.Pause = &v1alpha1.Pause{Reason: "lunch"}
	h := newHouse(t, stackIn("team-a", "shop"), quiet)
	status, body, _ := h.do(t, "ana", "POST", Prefix+"/stacks/team-a/shop/test", `{"reason":"before the sale"}`)
	var a Asked
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 202 || a.Request == "" {
		t.Fatalf("%v %d %s", err, status, body)
	}
	s := &v1alpha1.Stack{}
	if err := h.deps.Cache.Get(t.Context(), client.ObjectKey{Namespace: "team-a", Name: "shop"}, s); err != nil || s.Annotations[v1alpha1.AnnotationTestAt] != a.Request {
		t.Errorf("the Stack is not asked for its tests: %v %v", err, s.Annotations)
	}
	if status, body, _ := h.do(t, "ana", "POST", Prefix+"/stacks/team-a/quiet/test", ""); status != 409 || !strings.Contains(body, "is paused") {
		t.Errorf("a Stack that is paused: %d %s", status, body)
	}
	if got := strings.Join(h.acts, "; "); got != "ana test team-a/shop true; ana test team-a/quiet false" {
		t.Errorf("recorded: %s", got)
	}
}

// TestDrifted: the statuses of all Stacks that have drifted, a page at a time.
func TestDrifted(t *testing.T) {
	var all []*v1alpha1.Stack
	for _, name := range []string{"a", "b", "c", "d"} {
		s := stackIn("team-a", name)
		s.Labels = map[string]string{"env": "prod"}
		if name != "b" {
			s.Status.Drift = &v1alpha1.StackDrift{Objects: 1, Fields: 12, Records: []v1alpha1.DriftRecord{{Object: "ConfigMap/x/" + name, Field: "data.x", Manager: "kubectl-edit", State: "reported"}}}
		}
		all = append(all, s)
	}
	h := newHouse(t, all...)
	var got []string
	for path := "/drift?limit=2&q=env:prod"; ; {
		status, body, _ := h.do(t, "ana", "GET", Prefix+path, "")
		var page DriftPage
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
			t.Fatalf("%v %d %s", err, status, body)
		}
		for _, x := range page.Items {
			got = append(got, fmt.Sprintf("%s %s by %s, %d more", x.Name, x.Records[0].Object, x.Records[0].Manager, x.More))
		}
		if page.Next == "" {
			break
		}
		path = "/drift?limit=2&q=env:prod&cursor=" + page.Next
	}
	want := "a ConfigMap/x/a by kubectl-edit, 11 more; c ConfigMap/x/c by kubectl-edit, 11 more; d ConfigMap/x/d by kubectl-edit, 11 more"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, body, _ := h.do(t, "ana", "GET", Prefix+"/drift?q=env:dev", ""); !strings.Contains(body, `"items":[]`) {
		t.Errorf("a filter is not heeded: %s", body)
	}
}

func TestMapETag(t *testing.T) {
	h := newHouse(t, stackIn("team-a", "shop"))
	_, body, head := h.do(t, "ana", "GET", Prefix+"/stacks/map", "")
	var m StackMap
	if err := json.Unmarshal([]byte(body), &m); err != nil || len(m.Names) != 1 || len(m.States) != 1 || m.Legend[strings.IndexByte("0123456789abcdefghijklmnopqrstuvwxyz", m.States[0])] != (MapState{"Healthy", "InStep"}) {
		t.Fatalf("%v %s", err, body)
	}
	ask := func(etag string) int {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", h.URL+Prefix+"/stacks/map", nil)
		r.Header.Set("X-Test-Person", "ana")
		r.Header.Set("If-None-Match", etag)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask(head.Get("ETag")); got != http.StatusNotModified {
		t.Errorf("what is the same is sent again: %d", got)
	}
	h.board.Put(stackIn("team-b", "unseen"))
	if got := ask(head.Get("ETag")); got != http.StatusNotModified {
		t.Errorf("a Stack that ana may not see changes her map: %d", got)
	}
	h.board.Put(stackIn("team-a", "cart"))
	if got := ask(head.Get("ETag")); got != http.StatusOK {
		t.Errorf("news are kept back: %d", got)
	}
}

// event is one of a stream.
type event struct{ name, id, data string }

// watch opens a stream and returns its events.
func (h *house) watch(t testing.TB, ctx context.Context, person, query, last string) <-chan event {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", h.URL+Prefix+"/events?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Test-Person", person)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := h.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	out := make(chan event, 64)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		var e event
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			line := s.Text()
			switch {
			case line == "" && e.name != "":
				out <- e
				e = event{}
			case strings.HasPrefix(line, "event: "):
				e.name = line[7:]
			case strings.HasPrefix(line, "id: "):
				e.id = line[4:]
			case strings.HasPrefix(line, "data: "):
				e.data = line[6:]
			}
		}
	}()
	return out
}

// next returns the next event of a name, and fails at one that must not come.
func next(t testing.TB, in <-chan event, name string, never string) event {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e, ok := <-in:
			if !ok {
				t.Fatalf("the stream ended before %q", name)
			}
			if never != "" && strings.Contains(e.data, never) {
				t.Fatalf("event %s has %q: %s", e.name, never, e.data)
			}
			if e.name == name {
				return e
			}
		case <-deadline:
			t.Fatalf("no event %q", name)
		}
	}
}

func TestEvents(t *testing.T) {
	h := newHouse(t, stackIn("team-a", "shop"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in := h.watch(t, ctx, "ana", "topics=fleet,stack:team-a/shop", "")
	if e := next(t, in, "hello", ""); !strings.Contains(e.data, `"build":"v1+abc"`) {
		t.Errorf("hello: %s", e.data)
	}
	h.board.Put(stackIn("team-b", "hidden"))
	s := stackIn("team-a", "shop")
	s.Status.Objects = 7
	h.board.Put(s)
	next(t, in, "stack", "hidden")
	rows := next(t, in, "rows", "hidden")
	if !strings.Contains(rows.data, `"objects":7`) {
		t.Errorf("rows: %s", rows.data)
	}
	if e := next(t, in, "fleet", "hidden"); !strings.Contains(e.data, `"total":1`) {
		t.Errorf("the numbers have what ana may not see: %s", e.data)
	}
	cancel()

	// What is missed comes after all, once, in its newest form.
	for i := range 5 {
		s = s.DeepCopy()
		s.Status.Objects = int32(20 + i)
		h.board.Put(s)
	}
	h.board.Remove(lockstep.Unit{Namespace: "team-b", Name: "hidden"})
	in = h.watch(t, t.Context(), "ana", "topics=fleet", rows.id)
	if e := next(t, in, "hello", ""); !strings.Contains(e.data, `"resumed":true`) {
		t.Errorf("hello: %s", e.data)
	}
	if e := next(t, in, "rows", "hidden"); strings.Count(e.data, `"name":"shop"`) != 1 || !strings.Contains(e.data, `"objects":24`) {
		t.Errorf("rows: %s", e.data)
	}

	in = h.watch(t, t.Context(), "ana", "topics=fleet", "another-7")
	next(t, in, "resync", "")
	in = h.watch(t, t.Context(), "ana", "topics=fleet", "")
	next(t, in, "hello", "")
	for range 5000 { // more than is remembered, in less time than changes gather
		h.board.Note(board.KindSource, lockstep.Unit{Namespace: "team-a", Name: "repo"})
	}
	if e := next(t, in, "resync", ""); !strings.Contains(e.data, `"behind"`) {
		t.Errorf("resync: %s", e.data)
	}
}

// TestManyStreams: a thousand clients on one server hear of a change soon, and cost
// what they cost.
func TestManyStreams(t *testing.T) {
	const clients = 1000
	h := newHouse(t, stackIn("team-a", "shop"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	streams := make([]<-chan event, clients)
	for i := range clients {
		streams[i] = h.watch(t, ctx, fmt.Sprintf("person-%d", i%50), "topics=fleet", "")
	}
	for _, in := range streams {
		next(t, in, "fleet", "")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := h.deps.Streams(); got != clients {
		t.Errorf("%d streams are open, want %d", got, clients)
	}
	s := stackIn("team-a", "shop")
	s.Status.Objects = 7
	began := time.Now()
	h.board.Put(s)
	var slowest time.Duration
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, in := range streams {
		wg.Go(func() {
			next(t, in, "rows", "")
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, time.Since(began))
		})
	}
	wg.Wait()
	each := int64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse) / clients
	t.Logf("%d clients: %d kB each with its client's half, the last heard after %v", clients, each>>10, slowest)
	if slowest > 5*time.Second {
		t.Errorf("the last of %d clients heard after %v", clients, slowest)
	}
	if each > 256<<10 {
		t.Errorf("a client costs %d kB", each>>10)
	}
}

func TestTurnstile(t *testing.T) {
	var x turnstile
	var leave func()
	for range maxOfPerson {
		var err error
		if leave, err = x.enter("ana"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.enter("ana"); !errors.Is(err, fault.KindTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := x.enter("bob"); err != nil {
		t.Errorf("bob is not ana: %v", err)
	}
	leave()
	if _, err := x.enter("ana"); err != nil {
		t.Errorf("one has left: %v", err)
	}
}
