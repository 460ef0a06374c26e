// Package crash kills the server at every change that it makes in the life of a
// Stack, and looks at what a new server makes of the rest.
package crash

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/inventory"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// within is how long a life may stand still, a restart included.
const within = 30 * time.Second

// most bounds the requests of one life: more would mean that it goes in circles.
const most = 60

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, annotations: {lockstep.dev/replace: \"true\"}}\nimmutable: %v\ndata: {key: %s}\n"

// chapters are the commits of a Stack's life. Between them they create objects of
// several stages, change one, prune one and replace one that cannot change.
var chapters = []struct {
	files map[string]string
	want  map[string]string
}{
	{
		files: map[string]string{
			"account.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n",
			"changed.yaml": fmt.Sprintf(configMap, "changed", false, "one"),
			"fixed.yaml":   fmt.Sprintf(configMap, "fixed", true, "one"),
			"pruned.yaml":  fmt.Sprintf(configMap, "pruned", false, "one"),
			"service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n",
		},
		want: map[string]string{"ServiceAccount/robot": "", "Service/web": "", "ConfigMap/changed": "one", "ConfigMap/fixed": "one", "ConfigMap/pruned": "one"},
	},
	{
		files: map[string]string{
			"account.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n",
			"changed.yaml": fmt.Sprintf(configMap, "changed", false, "two"),
			"fixed.yaml":   fmt.Sprintf(configMap, "fixed", true, "two"),
		},
		want: map[string]string{"ServiceAccount/robot": "", "ConfigMap/changed": "two", "ConfigMap/fixed": "two"},
	},
}

// TestKilledAtEveryChange lives one life for each request that changes something
// in it, and kills the server there: before the API hears of it, and after it
// was carried out but before the answer is known.
func TestKilledAtEveryChange(t *testing.T) {
	w := world.New(t)
	api := faulty.New(t, w.Cluster.Config(t))
	options := world.ServeOptions{Kubeconfig: api.Kubeconfig, DataDir: t.TempDir()}
	s := w.Serve(options)
	killed := make(chan struct{})
	p := &strike{kill: func() {
		s.Kill()
		close(killed)
	}}
	api.Decide(p.decide)
	for _, when := range []moment{beforeIt, afterIt} {
		for k := 1; ; k++ {
			if k > most {
				t.Fatalf("%s: a life took more than %d requests", when, most)
			}
			killed = make(chan struct{})
			over := make(chan struct{})
			restarted := make(chan struct{})
			go func() {
				defer close(restarted)
				select {
				case <-killed:
					var err error
					if s, err = w.TryServe(options); err != nil {
						t.Error(err)
					}
				case <-over:
				}
			}()
			l := newLife(t, w, fmt.Sprintf("%s-%d", when, k))
			p.arm(when, k)
			l.live()
			at := p.disarm()
			close(over)
			<-restarted
			t.Logf("%s %d: %s", when, k, at)
			if at == "" {
				break
			}
		}
	}
}

// TestCommitWhileDead kills the server after it applied an object of a kind that
// no other Stack has, and before any status says so. Git drops the object before
// the next server starts: only the record of kinds leads to it.
func TestCommitWhileDead(t *testing.T) {
	w := world.New(t)
	api := faulty.New(t, w.Cluster.Config(t))
	options := world.ServeOptions{Kubeconfig: api.Kubeconfig, DataDir: t.TempDir()}
	s := w.Serve(options)
	killed := make(chan struct{})
	var once sync.Once
	api.Decide(func(r *http.Request) faulty.Act {
		if r.Method != http.MethodPatch || !strings.Contains(r.URL.Path, "/services/") {
			return faulty.Act{}
		}
		act := faulty.Act{}
		once.Do(func() {
			act = faulty.Act{After: func() { s.Kill(); close(killed) }, LoseAnswer: true}
		})
		return act
	})
	l := newLife(t, w, "while-dead")
	l.create()
	<-killed
	if _, ok := l.objects()["Service/web"]; !ok {
		t.Fatalf("the Service was not applied, so this shows nothing: %v", l.objects())
	}
	stack := &v1alpha1.Stack{}
	if err := w.Client.Get(t.Context(), l.key(), stack); err != nil || len(stack.Status.Kinds) > 0 {
		t.Fatalf("%v; the status has kinds %v, so this shows nothing", err, stack.Status.Kinds)
	}
	l.commit(1)
	if _, err := w.TryServe(options); err != nil {
		t.Fatal(err)
	}
	l.eventually("live is what Git says", func() (bool, string) {
		diff := cmp.Diff(chapters[1].want, l.objects())
		return diff == "", diff
	})
}

// forgetKinds deletes the record of kinds, so that each life has to make it anew.
func forgetKinds(t *testing.T, w *world.World) {
	t.Helper()
	err := w.Client.DeleteAllOf(t.Context(), &corev1.ConfigMap{}, client.InNamespace("lockstep-system"), client.HasLabels{inventory.Label})
	if err != nil {
		t.Fatal(err)
	}
}

// life is one Stack from its creation to its end.
type life struct {
	t    *testing.T
	w    *world.World
	repo *httpserver.Repo
	name string
	head string // the newest commit
}

func newLife(t *testing.T, w *world.World, name string) *life {
	l := newLifeWithoutServer(t, w, name)
	l.awaitSource()
	return l
}

// newLifeWithoutServer is a life before anybody looks at it.
func newLifeWithoutServer(t *testing.T, w *world.World, name string) *life {
	forgetKinds(t, w)
	repo, url := w.Repo(name)
	l := &life{t: t, w: w, repo: repo, name: name}
	l.commit(0)
	w.Source(name, url)
	return l
}

func (l *life) awaitSource() {
	l.t.Helper()
	l.eventually("source ready", func() (bool, string) {
		src := &v1alpha1.Source{}
		err := l.w.Client.Get(l.t.Context(), l.key(), src)
		return err == nil && meta.IsStatusConditionTrue(src.Status.Conditions, v1alpha1.ConditionReady), fmt.Sprint(err, src.Status)
	})
}

func (l *life) create() {
	l.w.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: l.w.Namespace, Name: l.name},
		Spec: v1alpha1.StackSpec{
			Source: v1alpha1.StackSource{Name: l.name},
			// Waits between tries are not what is tested.
			Sync: v1alpha1.Sync{Deletion: v1alpha1.DeletionWait, RetryMax: metav1.Duration{Duration: time.Second}},
		},
	})
}

func (l *life) live() {
	l.create()
	for i := range chapters {
		if i > 0 {
			l.commit(i)
			l.w.Poke(&v1alpha1.Source{ObjectMeta: l.meta()})
		}
		l.eventually(fmt.Sprintf("chapter %d ready", i), func() (bool, string) {
			s := &v1alpha1.Stack{}
			err := l.w.Client.Get(l.t.Context(), l.key(), s)
			return err == nil && s.Status.Revision == l.head && meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady), fmt.Sprintf("%v %+v", err, s.Status)
		})
		if diff := cmp.Diff(chapters[i].want, l.objects()); diff != "" {
			l.t.Fatalf("%s: ready in chapter %d, and live is not what Git says (-want +got):\n%s", l.name, i, diff)
		}
	}
	if err := l.w.Client.Delete(l.t.Context(), &v1alpha1.Stack{ObjectMeta: l.meta()}); err != nil {
		l.t.Fatal(err)
	}
	l.eventually("stack gone", func() (bool, string) {
		s := &v1alpha1.Stack{}
		err := l.w.Client.Get(l.t.Context(), l.key(), s)
		return apierrors.IsNotFound(err), fmt.Sprintf("%v %+v", err, s.Status)
	})
	if diff := cmp.Diff(map[string]string{}, l.objects()); diff != "" {
		l.t.Fatalf("%s: the Stack is gone and left these (-want +got):\n%s", l.name, diff)
	}
	if err := l.w.Client.Delete(context.WithoutCancel(l.t.Context()), &v1alpha1.Source{ObjectMeta: l.meta()}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) commit(chapter int) {
	l.t.Helper()
	var err error
	l.head, err = l.repo.Commit("main", fmt.Sprintf("chapter %d", chapter), chapters[chapter].files)
	if err != nil {
		l.t.Fatal(err)
	}
}

// objects returns everything that carries the Stack's mark, and what is in it.
func (l *life) objects() map[string]string {
	l.t.Helper()
	out := map[string]string{}
	mine := client.MatchingLabels{v1alpha1.LabelStack: v1alpha1.StackLabelValue(lockstep.Unit{Namespace: l.w.Namespace, Name: l.name})}
	var maps corev1.ConfigMapList
	var services corev1.ServiceList
	var accounts corev1.ServiceAccountList
	for _, list := range []client.ObjectList{&maps, &services, &accounts} {
		if err := l.w.Client.List(l.t.Context(), list, mine); err != nil {
			l.t.Fatal(err)
		}
	}
	for _, o := range maps.Items {
		out["ConfigMap/"+o.Name] = o.Data["key"]
	}
	for _, o := range services.Items {
		out["Service/"+o.Name] = ""
	}
	for _, o := range accounts.Items {
		out["ServiceAccount/"+o.Name] = ""
	}
	return out
}

func (l *life) eventually(what string, ok func() (bool, string)) {
	l.t.Helper()
	l.w.Eventually(l.name+": "+what, within, ok)
}

func (l *life) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: l.w.Namespace, Name: l.name}
}

func (l *life) key() client.ObjectKey {
	return client.ObjectKey{Namespace: l.w.Namespace, Name: l.name}
}
