package soak

import (
	"net/http"
	"sync"
	"time"

	"math/rand/v2"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/faulty"
	"github.com/lockstep-dev/lockstep/test/world"
)

// operations are what may happen, and how often compared with the others.
var operations = []struct {
	name   string
	weight int
	do     func(*scene)
}{
	{"commit", 30, (*scene).commitSome},
	{"break", 3, (*scene).breakOne},
	{"edit", 20, (*scene).editOne},
	{"replace", 6, (*scene).putOne},
	{"delete", 8, (*scene).deleteOne},
	{"label", 8, (*scene).labelOne},
	{"pause", 3, (*scene).pauseOne},
	{"remove stack", 3, (*scene).removeStack},
	{"kill", 2, (*scene).kill},
	{"stop", 1, (*scene).stop},
	{"lose data", 1, (*scene).loseData},
	{"api fault", 5, (*scene).apiFault},
	{"cut watches", 3, (*scene).cutWatches},
	{"git fault", 4, (*scene).gitFault},
}

// trouble lets operations happen until end.
func (s *scene) trouble(end time.Time) {
	sum := 0
	for _, o := range operations {
		sum += o.weight
	}
	for time.Now().Before(end) {
		n := s.rand.IntN(sum)
		for _, o := range operations {
			if n -= o.weight; n < 0 {
				s.done[o.name]++
				o.do(s)
				break
			}
		}
		time.Sleep(s.between(0, 150*time.Millisecond))
	}
}

// commitSome changes what Git says of one to three units, and most times tells.
func (s *scene) commitSome() {
	for range 1 + s.rand.IntN(3) {
		u := s.model.any()
		o, ok := s.model.object(u)
		switch n := s.rand.IntN(10); {
		case n < 6 && ok:
			u.objects[o] = s.model.value()
		case n < 8 && ok:
			delete(u.objects, o)
		default:
			s.model.addObject(u)
		}
	}
	s.commit("some")
	s.tell()
}

// tell asks for a look at the Source now, as a webhook would.
func (s *scene) tell() {
	if s.rand.IntN(5) > 0 {
		s.Poke(s.source)
	}
}

func (s *scene) breakOne() {
	u := s.model.any()
	u.broken = !u.broken
	s.commit("break or mend")
	s.tell()
}

// target returns a live object at random, nil if it is not there yet.
func (s *scene) target() (kind, client.Object) {
	u := s.model.any()
	o, ok := s.model.object(u)
	if !ok {
		return kind{}, nil
	}
	k := kindOf(o.kind)
	obj := k.new()
	if err := s.Client.Get(s.ctx(), s.key(u.live(o)), obj); err != nil {
		s.tolerate(err)
		return k, nil
	}
	return k, obj
}

// tolerate fails on everything that is not a race with Lockstep itself.
func (s *scene) tolerate(err error) {
	s.t.Helper()
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		s.t.Fatal(err)
	}
}

func (s *scene) editOne() {
	k, obj := s.target()
	if obj == nil {
		return
	}
	s.tolerate(s.Client.Patch(s.ctx(), obj, client.RawPatch("application/strategic-merge-patch+json", []byte(k.edit)), client.FieldOwner("kubectl-edit")))
}

// putOne writes an object back as a whole under another name, as naive
// controllers do: with it they take over every field.
func (s *scene) putOne() {
	_, obj := s.target()
	if obj == nil {
		return
	}
	labels := obj.GetLabels()
	delete(labels, v1alpha1.LabelStack)
	obj.SetLabels(labels)
	obj.SetManagedFields(nil)
	s.tolerate(s.Client.Update(s.ctx(), obj, client.FieldOwner("naive")))
}

func (s *scene) deleteOne() {
	if _, obj := s.target(); obj != nil {
		s.tolerate(s.Client.Delete(s.ctx(), obj))
	}
}

const foreign = "soak.example/foreign"

// labelOne puts a label of somebody else's on an object: it has to stay.
func (s *scene) labelOne() {
	_, obj := s.target()
	if obj == nil {
		return
	}
	value := s.model.value()
	err := s.Client.Patch(s.ctx(), obj, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"`+foreign+`":"`+value+`"}}}`)), client.FieldOwner("labeller"))
	s.tolerate(err)
	if err == nil {
		s.strange[string(obj.GetUID())] = value
	}
}

func (s *scene) pauseOne() {
	u := s.model.any()
	if !u.exists {
		return
	}
	u.paused = !u.paused
	s.suspend(u)
}

func (s *scene) suspend(u *unit) {
	patch := `{"spec":{"pause":null}}`
	if u.paused {
		patch = `{"spec":{"pause":{}}}`
	}
	stack := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: u.name}}
	s.tolerate(s.Client.Patch(s.ctx(), stack, client.RawPatch("application/merge-patch+json", []byte(patch))))
}

// removeStack deletes a Stack. A paused one would leave its objects, which is
// right and not what is looked at here.
func (s *scene) removeStack() {
	u := s.model.any()
	if !u.exists || u.paused {
		return
	}
	u.exists = false
	s.tolerate(s.Client.Delete(s.ctx(), &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: u.name}}))
}

func (s *scene) kill() { s.restart(pick(s.rand, s.replicas), (*world.Server).Kill) }
func (s *scene) stop() { s.restart(pick(s.rand, s.replicas), (*world.Server).Stop) }

func (s *scene) loseData() {
	r := pick(s.rand, s.replicas)
	r.options.DataDir = s.t.TempDir()
	s.restart(r, (*world.Server).Kill)
}

// restart ends a server, lets things happen without it, and starts it. An API
// that fails would keep it from starting, so that is over by then.
func (s *scene) restart(r *replica, end func(*world.Server)) {
	s.calm()
	end(r.server)
	for range s.rand.IntN(3) {
		s.editOne()
		s.commitSome()
	}
	r.server = s.Serve(r.options)
}

// apiFault makes a part of all requests fail for a while.
func (s *scene) apiFault() {
	acts := []faulty.Act{
		{Status: http.StatusConflict},
		{Status: http.StatusGone},
		{Status: http.StatusTooManyRequests, RetryAfter: 1},
		{Status: http.StatusInternalServerError},
		{Status: http.StatusServiceUnavailable},
		{LoseRequest: true},
		{LoseAnswer: true},
		{Hang: true},
	}
	act := pick(s.rand, acts)
	share := []float64{0.05, 0.3, 1}[s.rand.IntN(3)]
	var mu sync.Mutex // the proxy asks from many goroutines
	dice := rand.New(rand.NewPCG(s.rand.Uint64(), 2))
	s.api.Decide(func(r *http.Request) faulty.Act {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/readyz" || dice.Float64() >= share {
			return faulty.Act{}
		}
		return act
	})
	time.Sleep(s.between(200*time.Millisecond, 3*time.Second))
	if s.rand.IntN(2) == 0 {
		s.calm()
	}
}

// calm ends the faults of the API and of the Git host.
func (s *scene) calm() {
	s.api.Decide(nil)
	s.api.Release()
	s.git.fail(nil)
}

func (s *scene) cutWatches() { s.api.CutWatches() }

// gitFault makes the Git host fail until the next calm.
func (s *scene) gitFault() {
	hang := s.rand.IntN(2) == 0
	s.git.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if hang {
			select {
			case <-r.Context().Done():
			case <-time.After(2 * time.Second):
			}
			panic(http.ErrAbortHandler)
		}
		http.Error(w, "injected", http.StatusBadGateway)
		return true
	})
}
