package replicas

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestEditsWhileNobodyActs: a replica cannot renew its Lease until its time is up,
// and can before the others take over. What somebody edits in between is nobody's to
// heal at that moment; it is healed as soon as the moment is over.
func TestEditsWhileNobodyActs(t *testing.T) {
	s := newScene(t, 20)
	proxy := faulty.New(t, s.Cluster.Config(t))
	a := s.Serve(world.ServeOptions{Kubeconfig: proxy.Kubeconfig})
	b := s.serve("b", t.TempDir())
	s.create()
	s.live("one", 60*time.Second)
	s.kept(a, b)
	if stacks(a) == 0 {
		t.Fatal("the one that is to be late keeps nothing")
	}

	var late atomic.Bool
	late.Store(true)
	proxy.Decide(func(r *http.Request) faulty.Act {
		if late.Load() && r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/leases/") {
			return faulty.Act{Status: http.StatusServiceUnavailable}
		}
		return faulty.Act{}
	})
	s.Eventually("its time is up", 12*time.Second, func() (bool, string) { return stacks(a) == 0, fmt.Sprint(stacks(a)) })
	for i := range s.n {
		cm := &corev1.ConfigMap{}
		cm.Namespace, cm.Name = s.Namespace, name(i)
		edit := client.RawPatch("application/merge-patch+json", []byte(`{"data":{"value":"edited"}}`))
		if err := s.Client.Patch(t.Context(), cm, edit, client.FieldOwner("kubectl-edit")); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(300 * time.Millisecond) // its watch brings them
	late.Store(false)
	if a.Ended() {
		t.Fatal("the others took over: the machine is too slow for this test")
	}
	t.Logf("all are healed after %s", s.live("one", 20*time.Second))
	s.kept(a, b)
}
