package crash

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestEveryRequestFailsOnce lives a life for each way in which an API fails. In
// it, the first request of every verb to every object fails in that way: reads,
// lists and watches as well as changes.
func TestEveryRequestFailsOnce(t *testing.T) {
	tests := map[string]faulty.Act{
		"409":            {Status: http.StatusConflict},
		"410":            {Status: http.StatusGone},
		"429":            {Status: http.StatusTooManyRequests, RetryAfter: 1},
		"500":            {Status: http.StatusInternalServerError},
		"503":            {Status: http.StatusServiceUnavailable},
		"request-lost":   {LoseRequest: true},
		"answer-lost":    {LoseAnswer: true},
		"never-answered": {Hang: true},
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			w := world.New(t)
			api := faulty.New(t, w.Cluster.Config(t))
			// The definitions are installed without faults: a server that cannot reach
			// its API at all says so and ends, and whoever started it starts it again.
			w.Serve(world.ServeOptions{Kubeconfig: api.Kubeconfig}).Stop()
			l := newLifeWithoutServer(t, w, "life")
			once := &once{act: act, seen: map[string]bool{}, release: api.Release}
			api.Decide(once.decide)
			w.Serve(world.ServeOptions{Kubeconfig: api.Kubeconfig, Args: []string{"--skip-crds"}})
			l.awaitSource()
			l.live()
			if n := len(once.faults()); n < 10 {
				t.Errorf("only %d requests failed; the life must have more: %v", n, once.faults())
			}
		})
	}
}

// once fails the first of each kind of request.
type once struct {
	act     faulty.Act
	release func()

	mu   sync.Mutex
	seen map[string]bool
	list []string
}

func (o *once) decide(r *http.Request) faulty.Act {
	call := faulty.CallOf(r)
	if strings.HasPrefix(call.Resource, "/") && call.Resource != "/apis" && !strings.HasPrefix(call.Resource, "/api") {
		return faulty.Act{}
	}
	// A list and the watch after it are the same for everybody; what changes an
	// object is told apart by the object.
	id := call.Verb + " " + call.Resource
	if faulty.Changes(r) {
		id += " " + r.URL.Path
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[id] {
		return faulty.Act{}
	}
	o.seen[id] = true
	o.list = append(o.list, id)
	if o.act.Hang {
		// Nobody has half an hour for each. What is tested is that work goes on
		// beside a request that hangs, and that its loss in the end is borne.
		time.AfterFunc(time.Second, o.release)
	}
	return o.act
}

func (o *once) faults() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.list
}

// TestWatchesAreLost cuts all watches again and again while a life goes on. What
// happened meanwhile has to be found by listing.
func TestWatchesAreLost(t *testing.T) {
	w := world.New(t)
	api := faulty.New(t, w.Cluster.Config(t))
	w.Serve(world.ServeOptions{Kubeconfig: api.Kubeconfig})
	l := newLife(t, w, "life")
	stop := make(chan struct{})
	over := make(chan int)
	go func() {
		cuts := 0
		for {
			select {
			case <-stop:
				over <- cuts
				return
			case <-time.After(150 * time.Millisecond):
				cuts += api.CutWatches()
			}
		}
	}()
	l.live()
	close(stop)
	if cuts := <-over; cuts == 0 {
		t.Error("no watch was cut")
	}
}

// TestFullDisk gives the server a disk for its data that is full before the
// repository is on it. It has to say so, keep what it has live, and go on by
// itself when there is room.
func TestFullDisk(t *testing.T) {
	w := world.New(t)
	disk := smallDisk(t)
	w.Serve(world.ServeOptions{}).Stop() // installs the definitions
	l := newLifeWithoutServer(t, w, "life")
	large := map[string]string{}
	for i := range 64 {
		large[fmt.Sprintf("large/%02d.bin", i)] = noise(i)
	}
	s := w.Serve(world.ServeOptions{DataDir: filepath.Join(disk, "data")})
	l.awaitSource()
	if _, err := l.repo.Change("main", "more than the disk holds", large); err != nil {
		t.Fatal(err)
	}
	src := &v1alpha1.Source{ObjectMeta: l.meta()}
	l.w.Poke(src)
	l.eventually("the source says that its disk is full", func() (bool, string) {
		err := w.Client.Get(t.Context(), l.key(), src)
		text := fmt.Sprint(src.Status.Conditions)
		return err == nil && strings.Contains(text, "disk") && strings.Contains(text, string(metav1.ConditionFalse)), text
	})
	resp, err := http.Get("http://" + s.Addr + "/healthz")
	if err != nil {
		t.Fatalf("the server does not answer with a full disk: %s", err)
	}
	_ = resp.Body.Close()
	grow(t, disk)
	l.w.Poke(src)
	l.live()
}

// noise is text that does not compress.
func noise(seed int) string {
	var b strings.Builder
	x := uint64(seed)*2654435761 + 1
	for b.Len() < 256<<10 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		fmt.Fprintf(&b, "%016x", x)
	}
	return b.String()
}

// smallDisk mounts a file system of a few MiB. That needs root, which the machines
// that run the full lane have; elsewhere the test says what it lacks.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("a small file system cannot be mounted, which takes root: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func grow(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,size=64m", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v\n%s", err, out)
	}
}

// TestDiscoveryChanges takes a kind away under a server that keeps objects of
// it, brings it back in another version, and looks that the Stack says so and
// goes on by itself each time.
func TestDiscoveryChanges(t *testing.T) {
	w := world.New(t)
	w.Serve(world.ServeOptions{})
	repo, url := w.Repo("kinds")
	l := &life{t: t, w: w, repo: repo, name: "kinds"}
	widget := func(version, size string) map[string]string {
		return map[string]string{
			"widget.yaml": "apiVersion: faults.example/" + version + "\nkind: Widget\nmetadata: {name: one}\nspec: {size: " + size + "}\n",
			"plain.yaml":  fmt.Sprintf(configMap, "plain", false, size),
		}
	}
	commit := func(version, size string) {
		t.Helper()
		var err error
		if l.head, err = repo.Commit("main", "widget "+version+" "+size, widget(version, size)); err != nil {
			t.Fatal(err)
		}
	}
	commit("v1", "small")
	w.Source("kinds", url)
	l.awaitSource()
	w.Create(&v1alpha1.Stack{ObjectMeta: l.meta(), Spec: v1alpha1.StackSpec{
		Source: v1alpha1.StackSource{Name: "kinds"},
		Sync:   v1alpha1.Sync{RetryMax: metav1.Duration{Duration: time.Hour}}, // only an event can help in time
	}})
	ready := func() (bool, string) {
		s := &v1alpha1.Stack{}
		err := w.Client.Get(t.Context(), l.key(), s)
		return err == nil && s.Status.Revision == l.head && meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady), fmt.Sprintf("%v %+v", err, s.Status.Conditions)
	}
	unknown := func() (bool, string) {
		s := &v1alpha1.Stack{}
		err := w.Client.Get(t.Context(), l.key(), s)
		text := fmt.Sprintf("%v %+v", err, s.Status.Conditions)
		return strings.Contains(text, `does not know kind \"Widget\"`) || strings.Contains(text, `does not know kind "Widget"`), text
	}
	size := func() string {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(schema.GroupVersionKind{Group: "faults.example", Version: "v1", Kind: "Widget"})
		if err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: w.Namespace, Name: "one"}, o); err != nil {
			return err.Error()
		}
		s, _, _ := unstructured.NestedString(o.Object, "spec", "size")
		return s
	}

	l.eventually("the kind is not there yet, and the Stack says so", unknown)
	w.Create(definition("v1"))
	l.eventually("ready once the kind is there", ready)
	if got := size(); got != "small" {
		t.Fatalf("the widget is %q", got)
	}

	if err := w.Client.Delete(t.Context(), definition("v1")); err != nil {
		t.Fatal(err)
	}
	l.eventually("the kind was taken away, and the Stack says so", unknown)
	w.Create(definition("v1"))
	l.eventually("ready once the kind is back", ready)
	if got := size(); got != "small" {
		t.Fatalf("the widget that went with its kind is not back: %q", got)
	}

	crd := definition("v1", "v2")
	if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(crd), crd); err != nil {
		t.Fatal(err)
	}
	crd.Spec.Versions = definition("v1", "v2").Spec.Versions
	if err := w.Client.Update(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	commit("v2", "large")
	w.Poke(&v1alpha1.Source{ObjectMeta: l.meta()})
	l.eventually("ready at the new version", ready)
	if got := size(); got != "large" {
		t.Fatalf("the widget is %q", got)
	}
}

// definition is a kind that is served in versions, the last of which is stored.
func definition(versions ...string) *apiextensionsv1.CustomResourceDefinition {
	crd := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.faults.example"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "faults.example", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Singular: "widget", Kind: "Widget", ListKind: "WidgetList"},
		},
	}
	for i, v := range versions {
		crd.Spec.Versions = append(crd.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{
			Name: v, Served: true, Storage: i == len(versions)-1,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
				Type: "object", XPreserveUnknownFields: new(true),
			}},
		})
	}
	return crd
}

// TestGitHangs lets a Git host stop in the middle of its answer, for ever. The
// Source has to say so, Stacks of other Sources go on, and it goes on by itself
// when the host does.
func TestGitHangs(t *testing.T) {
	w := world.New(t)
	w.Serve(world.ServeOptions{})
	handler, dir := w.GitHandler()
	stuck := newStuck(t, handler)
	repo, err := httpserver.Create(filepath.Join(dir, "stuck.git"))
	if err != nil {
		t.Fatal(err)
	}
	hung := &life{t: t, w: w, repo: repo, name: "stuck"}
	hung.commit(0)
	src := &v1alpha1.Source{
		ObjectMeta: hung.meta(),
		Spec: v1alpha1.SourceSpec{
			Interval: metav1.Duration{Duration: 10 * time.Second},
			Timeout:  metav1.Duration{Duration: 5 * time.Second},
			Git:      &v1alpha1.GitSource{URL: stuck.url + "/stuck.git", Ref: &v1alpha1.GitRef{Branch: "main"}},
		},
	}
	stuck.hang(true)
	w.Create(src)
	other := newLife(t, w, "other")
	other.live()
	hung.eventually("the source says that its host does not answer", func() (bool, string) {
		err := w.Client.Get(t.Context(), hung.key(), src)
		c := meta.FindStatusCondition(src.Status.Conditions, v1alpha1.ConditionReady)
		return err == nil && c != nil && c.Status == metav1.ConditionFalse && stuck.held() > 0, fmt.Sprintf("%v %+v, %d held", err, c, stuck.held())
	})
	stuck.hang(false)
	hung.awaitSource()
	hung.live()
}

// stuck is a Git host that can stop in the middle of an answer.
type stuck struct {
	url string

	mu      sync.Mutex
	hanging bool
	holding int
}

func newStuck(t *testing.T, next http.Handler) *stuck {
	s := &stuck{}
	end := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		hanging := s.hanging
		if hanging {
			s.holding++
		}
		s.mu.Unlock()
		if !hanging {
			next.ServeHTTP(w, r)
			return
		}
		// The beginning of a real answer, and then nothing.
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = w.Write([]byte("001e# service=git-upload-pack\n00"))
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-end:
		}
	}))
	t.Cleanup(func() {
		close(end)
		srv.CloseClientConnections()
		srv.Close()
	})
	s.url = srv.URL
	return s
}

func (s *stuck) hang(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hanging = on
}

func (s *stuck) held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holding
}
