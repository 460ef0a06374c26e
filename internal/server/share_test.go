package server

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/shard"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/member"
)

// roster is a membership as a test wants it; real ones are tested in package member.
type roster struct {
	membership
	wins     map[shard.Item]bool // by the views of all
	mine     map[shard.Item]bool // once all agree
	unbroken map[shard.Item]bool
	late     bool // its time is up
}

func (r *roster) Acts(it shard.Item) bool     { return r.wins[it] && !r.late }
func (r *roster) May(it shard.Item) bool      { return r.Acts(it) }
func (r *roster) Wins(it shard.Item) bool     { return r.wins[it] }
func (r *roster) Mine(it shard.Item) bool     { return r.mine[it] }
func (r *roster) Unbroken(it shard.Item) bool { return r.wins[it] && r.unbroken[it] }
func (r *roster) Enter(ctx context.Context, it shard.Item) (context.Context, *member.Permit, bool) {
	if r.Acts(it) {
		panic("a pass of a test has no permit")
	}
	return ctx, nil, false
}

var (
	web     = lockstep.Unit{Namespace: "shop", Name: "web"}
	webItem = itemOf(kindStack, web)
)

// newTestShare is a replica that keeps web.
func newTestShare(t *testing.T) (*share, *roster, queue) {
	t.Helper()
	r := &roster{wins: map[shard.Item]bool{webItem: true}, mine: map[shard.Item]bool{webItem: true}, unbroken: map[shard.Item]bool{webItem: true}}
	s := &server{queues: newQueues(), opts: Options{Log: slog.New(slog.DiscardHandler)}}
	s.fleet = fleet.New(s.queues.stack)
	h := &share{s: s, member: r, owned: map[shard.Item]bool{webItem: true}, late: map[shard.Item]bool{}}
	s.share = h
	q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	t.Cleanup(q.ShutDown)
	s.queues.stacks.bind(q)
	return h, r, q
}

// pass has the next that waits looked at, as a worker does. There has to be one.
func pass(t *testing.T, h *share, q queue) {
	t.Helper()
	if q.Len() == 0 {
		t.Fatal("nobody has it looked at")
	}
	req, _ := q.Get()
	defer q.Done(req)
	never := reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
		t.Error("a replica acts on what it may not act on")
		return reconcile.Result{}, nil
	})
	afar := func(context.Context, lockstep.Unit) (reconcile.Result, error) { return reconcile.Result{}, nil }
	if _, err := h.only(kindStack, never, afar).Reconcile(t.Context(), req); err != nil {
		t.Fatal(err)
	}
}

// TestNewsWhileNobodyActs: for a moment no replica may act on a Stack, and
// something happens to it on its Target. It is looked at when the moment is over;
// every replica that hears of it hears of it once.
func TestNewsWhileNobodyActs(t *testing.T) {
	cases := map[string]struct {
		why  string
		away func(*share, *roster)
		back func(*share, *roster)
	}{
		"TimeIsUp": {
			why:  "A renewal of the Lease is late, and works before anybody else takes over.",
			away: func(_ *share, r *roster) { r.late = true },
			back: func(_ *share, r *roster) { r.late = false },
		},
		"OnItsWayFromHere": {
			why: "Another replica is about to take it and ends before it does.",
			away: func(_ *share, r *roster) {
				r.wins, r.mine = nil, nil
			},
			back: func(_ *share, r *roster) {
				r.wins, r.mine = map[shard.Item]bool{webItem: true}, map[shard.Item]bool{webItem: true}
			},
		},
		"OnItsWayHere": {
			why: "The one that had it has left and is still in the view that all go by.",
			away: func(h *share, r *roster) {
				r.wins, h.owned = nil, nil
			},
			back: func(_ *share, r *roster) { r.wins = map[shard.Item]bool{webItem: true} },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h, r, q := newTestShare(t)
			tc.away(h, r)
			h.s.changed(driver.Change{Unit: web, Drift: true})
			pass(t, h, q)
			if q.Len() > 0 {
				t.Error("it is asked again and again while nobody may act")
			}
			tc.back(h, r)
			h.wake(h.arrived()) // as balance does, which a new era starts
			if q.Len() != 1 {
				t.Errorf("%s\n%d wait for a worker, want the Stack that something happened to", tc.why, q.Len())
			}
			if late := h.arrived(); len(late) > 0 {
				t.Errorf("%v is woken twice", late)
			}
		})
	}
	t.Run("Another's", func(t *testing.T) {
		h, r, q := newTestShare(t)
		r.wins, r.mine, h.owned = nil, nil, nil
		h.s.changed(driver.Change{Unit: web})
		if q.Len() != 0 {
			t.Error("what another replica keeps costs a pass here")
		}
	})
}

// TestPart sorts what there is into kept, gained and lost.
func TestPart(t *testing.T) {
	cases := map[string]struct {
		why          string
		set          func(*share, *roster)
		gained, lost []shard.Item
		broken       bool
	}{
		"Kept":  {why: "Nothing has changed.", set: func(*share, *roster) {}},
		"First": {why: "It was never here.", set: func(h *share, r *roster) { h.owned, r.unbroken = nil, nil }, gained: []shard.Item{webItem}},
		"Lost":  {why: "Another replica has it.", set: func(_ *share, r *roster) { r.wins = nil }, lost: []shard.Item{webItem}},
		"WentAndCame": {
			why: "It went and came back while nobody looked: the other replica may have acted on it, and what happened meanwhile nobody here was told.",
			set: func(_ *share, r *roster) { r.unbroken = nil }, gained: []shard.Item{webItem}, broken: true,
		},
		"Lapse": {
			why: "Its time is up, which loses nothing: to render everything anew would make a busy replica later still.",
			set: func(_ *share, r *roster) { r.late = true },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h, r, _ := newTestShare(t)
			tc.set(h, r)
			got := h.part([]shard.Item{webItem})
			want := part{owned: r.wins, gained: tc.gained, lost: tc.lost, broken: tc.broken}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(part{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestMeaningful says which changes of a Stack ask for a pass.
func TestMeaningful(t *testing.T) {
	now := metav1.Now()
	cases := map[string]struct {
		why    string
		change func(*v1alpha1.Stack)
		want   bool
	}{
		"Status":  {"Our own writes are no news.", func(s *v1alpha1.Stack) { s.Status.Revision = "1" }, false},
		"Spec":    {"Somebody wants something else.", func(s *v1alpha1.Stack) { s.Generation++ }, true},
		"Asked":   {"Somebody wants a look.", func(s *v1alpha1.Stack) { s.Annotations = map[string]string{v1alpha1.AnnotationReconcileAt: "now"} }, true},
		"Deleted": {"It has to go.", func(s *v1alpha1.Stack) { s.DeletionTimestamp = &now }, true},
		"Another": {
			"It was deleted and created anew while the watch was broken; nobody has looked at this one.",
			func(s *v1alpha1.Stack) { s.UID = types.UID("2") }, true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			old := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: web.Namespace, Name: web.Name, UID: "1", Generation: 1}}
			changed := old.DeepCopy()
			tc.change(changed)
			if got := meaningful().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: changed}); got != tc.want {
				t.Errorf("%s\ngot %t", tc.why, got)
			}
		})
	}
}
