package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

// job is a hook. Its pod's annotations say how it fares.
func job(name, phase, fate string) string {
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata: {name: %s, annotations: {lockstep.dev/hook: %s}}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {%s}}
    spec: {restartPolicy: Never, containers: [{name: c, image: example.com/%s}]}
`, name, phase, fate, name)
}

const (
	fails = `devcluster/fail: Error`
	slow  = `devcluster/complete-after: 3s`
)

// release is a commit with hooks of all phases and objects of two waves. what is
// the fate of one hook, by name.
func release(value string, what map[string]string) map[string]string {
	files := map[string]string{
		"a.yaml": fmt.Sprintf(configMap, "a", false, value),
		"b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, annotations: {lockstep.dev/wave: \"1\"}}\ndata: {key: " + value + "}\n",
		// Cannot change in place and may not be replaced.
		"fixed.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fixed}\nimmutable: true\ndata: {key: " + or(what["fixed"], "same") + "}\n",
	}
	for name, phase := range map[string]string{
		"pre": "pre-apply", "mid": "apply", "post": "post-apply", "try": "test", "cry": "apply-failed", "bye": "pre-delete", "late": "post-delete",
	} {
		files["hook-"+name+".yaml"] = job(name, phase, what[name])
	}
	return files
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// TestKilledOnEveryEdge drives a Stack through every state of the machine that
// carries releases out, and kills the server once at each kind of request that it
// makes on the way. No hook may run twice, and each chapter has to end as it would
// have without.
func TestKilledOnEveryEdge(t *testing.T) {
	w := world.New(t)
	api := faulty.New(t, w.Cluster.Config(t))
	s := w.Serve(world.ServeOptions{Kubeconfig: api.Kubeconfig})
	options := world.ServeOptions{Kubeconfig: api.Kubeconfig, DataDir: t.TempDir()}
	s.Stop()
	s = w.Serve(options)

	l := newLife(t, w, "edges")
	k := newKiller(t, func() { s.Kill() }, func() {
		var err error
		if s, err = w.TryServe(options); err != nil {
			t.Error(err)
		}
	})
	jobs := follow(t, w, l)
	api.Decide(k.decide)

	commit := func(value string, what map[string]string) {
		t.Helper()
		var err error
		if l.head, err = l.repo.Commit("main", value, release(value, what)); err != nil {
			t.Fatal(err)
		}
		l.w.Poke(&v1alpha1.Source{ObjectMeta: l.meta()})
	}
	reaches := func(state run.State, ok func(*v1alpha1.Stack) bool) {
		t.Helper()
		l.w.Eventually(k.chapter+": "+string(state), time.Minute, func() (bool, string) {
			st := &v1alpha1.Stack{}
			if err := w.Client.Get(t.Context(), l.key(), st); err != nil {
				return false, err.Error()
			}
			r := st.Status.Run
			return r != nil && r.State == string(state) && len(st.Status.History) > 0 && st.Status.History[0].Revision == l.head && (ok == nil || ok(st)),
				fmt.Sprintf("%+v %+v", r, st.Status.Conditions)
		})
	}
	failedIn := func(state run.State) func(*v1alpha1.Stack) bool {
		return func(st *v1alpha1.Stack) bool { return st.Status.Run.FailedIn == string(state) }
	}
	live := func(want string) {
		t.Helper()
		got := l.objects()
		if got["ConfigMap/a"] != want || got["ConfigMap/b"] != want {
			t.Fatalf("%s: want %q live, got %v", k.chapter, want, got)
		}
	}

	k.begin("install")
	commit("one", nil)
	l.eventually("install: the commit is known", func() (bool, string) {
		src := &v1alpha1.Source{}
		err := w.Client.Get(t.Context(), l.key(), src)
		return err == nil && src.Status.Revision == l.head, fmt.Sprintf("%v %+v", err, src.Status)
	})
	w.Create(&v1alpha1.Stack{ObjectMeta: l.meta(), Spec: v1alpha1.StackSpec{
		Source: v1alpha1.StackSource{Name: l.name},
		Sync: v1alpha1.Sync{
			Deletion: v1alpha1.DeletionWait, Tests: true,
			RetryMax: metav1.Duration{Duration: time.Hour}, // a failed release waits for the next commit
		},
	}})
	reaches(run.Succeeded, nil)
	live("one")

	k.begin("hook before fails")
	commit("two", map[string]string{"pre": fails})
	reaches(run.Failed, failedIn(run.PreApply))
	live("one")

	k.begin("object is refused")
	commit("three", map[string]string{"fixed": "other"})
	l.eventually("object is refused: said", func() (bool, string) {
		st := &v1alpha1.Stack{}
		err := w.Client.Get(t.Context(), l.key(), st)
		text := fmt.Sprintf("%v %+v", err, st.Status.Conditions)
		return strings.Contains(text, "immutable"), text
	})

	k.begin("hook after fails")
	commit("four", map[string]string{"post": fails})
	reaches(run.Failed, failedIn(run.PostApply))
	live("four")

	k.begin("test fails")
	commit("five", map[string]string{"try": fails})
	reaches(run.Failed, failedIn(run.Testing))
	live("five")

	k.begin("overtaken")
	commit("six", map[string]string{"pre": slow})
	l.eventually("overtaken: the slow hook runs", func() (bool, string) {
		j := &batchv1.Job{}
		err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: w.Namespace, Name: "pre"}, j)
		return err == nil && strings.HasPrefix(j.Annotations[hook.RunMark], "") && j.Status.Active > 0, fmt.Sprint(err, j.Status)
	})
	commit("seven", nil)
	reaches(run.Succeeded, nil)
	live("seven")

	k.begin("tests on demand")
	stack := &v1alpha1.Stack{ObjectMeta: l.meta()}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"now"}}}`, v1alpha1.AnnotationTestAt)
	if err := w.Client.Patch(t.Context(), stack, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
	reaches(run.Succeeded, func(st *v1alpha1.Stack) bool { return st.Status.Run.Request == "now" })

	k.begin("deletion")
	if err := w.Client.Delete(t.Context(), stack); err != nil {
		t.Fatal(err)
	}
	l.eventually("stack gone", func() (bool, string) {
		st := &v1alpha1.Stack{}
		err := w.Client.Get(t.Context(), l.key(), st)
		return apierrors.IsNotFound(err), fmt.Sprintf("%v %+v %+v", err, st.Status.Run, st.Status.Conditions)
	})
	api.Decide(nil)
	k.settle()

	if left := l.objects(); len(left) > 0 {
		t.Errorf("the Stack is gone and left %v", left)
	}
	for token, uids := range jobs.seen() {
		if len(uids) > 1 {
			t.Errorf("hook %s ran %d times", token, len(uids))
		}
	}
	k.covered()
}

// killer kills the server once at each kind of request that changes something,
// every other time before the API hears of it and else after it was carried out.
type killer struct {
	t             *testing.T
	kill, restart func()
	chapter       string

	mu    sync.Mutex
	idle  sync.WaitGroup
	down  bool   // until the next server says that it is ready, there is none to kill
	state string // of the run, as last written
	seen  map[string]bool
	kills map[string]int // by the state that the run was in
	walks map[string]bool
}

func newKiller(t *testing.T, kill, restart func()) *killer {
	return &killer{t: t, kill: kill, restart: restart, seen: map[string]bool{}, kills: map[string]int{}, walks: map[string]bool{}}
}

func (k *killer) begin(chapter string) {
	k.settle()
	k.chapter = chapter
}

// settle waits until no kill and no restart is under way.
func (k *killer) settle() { k.idle.Wait() }

func (k *killer) decide(r *http.Request) faulty.Act {
	if !faulty.Changes(r) {
		return faulty.Act{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next := k.state
	if strings.HasSuffix(r.URL.Path, "/status") {
		next = stateIn(r, k.state)
	}
	id := fmt.Sprintf("%s: %s %s, %s to %s", k.chapter, r.Method, r.URL.Path[strings.LastIndex(r.URL.Path, "/v"):], or(k.state, "none"), next)
	walk := fmt.Sprintf("%s to %s", or(k.state, "none"), next)
	if k.seen[id] || k.down {
		k.state = next
		k.walks[walk] = true
		return faulty.Act{}
	}
	k.seen[id] = true
	k.kills[k.state]++
	k.down = true
	k.idle.Add(1) // from the decision on: nobody may think that all is quiet until it was carried out
	die := func() {
		k.kill()
		go func() {
			defer k.idle.Done()
			k.restart()
			k.mu.Lock()
			defer k.mu.Unlock()
			k.down = false
		}()
	}
	if len(k.seen)%2 == 0 {
		return faulty.Act{Before: die, LoseRequest: true}
	}
	k.state = next
	k.walks[walk] = true
	return faulty.Act{After: die, LoseAnswer: true}
}

// stateIn reads the state of the run from a patch of the status.
func stateIn(r *http.Request, otherwise string) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return otherwise
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var patch []struct {
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal(body, &patch) != nil {
		return otherwise
	}
	type record struct {
		State string `json:"state"`
	}
	for _, op := range patch {
		var whole struct {
			Run record `json:"run"`
		}
		switch op.Path {
		case "/status":
			_ = json.Unmarshal(op.Value, &whole) // one without a run says nothing of it
		case "/status/run":
			_ = json.Unmarshal(op.Value, &whole.Run)
		}
		if whole.Run.State != "" {
			return whole.Run.State
		}
	}
	return otherwise
}

// covered fails when the story does not come by a state in which something can
// be lost.
func (k *killer) covered() {
	for state := range run.Table {
		if !state.Ended() && k.kills[string(state)] == 0 {
			k.t.Errorf("the server was never killed in the state %s", state)
		}
	}
	k.t.Logf("%d kills, by state %v", len(k.seen), k.kills)
	k.t.Logf("ways that were written: %s", strings.Join(slices.Sorted(maps.Keys(k.walks)), "; "))
}

// runs notes which Jobs there ever were.
type runs struct {
	mu   sync.Mutex
	uids map[string]map[string]bool // by the mark of the run
}

func follow(t *testing.T, w *world.World, l *life) *runs {
	out := &runs{uids: map[string]map[string]bool{}}
	watcher, err := w.Client.Watch(context.WithoutCancel(t.Context()), &batchv1.JobList{}, client.InNamespace(w.Namespace))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	go func() {
		for e := range watcher.ResultChan() {
			j, ok := e.Object.(*batchv1.Job)
			if !ok || e.Type != watch.Added {
				continue
			}
			out.mu.Lock()
			token := j.Annotations[hook.RunMark]
			if out.uids[token] == nil {
				out.uids[token] = map[string]bool{}
			}
			out.uids[token][string(j.UID)] = true
			out.mu.Unlock()
		}
	}()
	return out
}

func (r *runs) seen() map[string]map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.uids
}
