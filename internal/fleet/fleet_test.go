package fleet

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

// snapshot is a commit of a tree that is made up.
type snapshot struct {
	lockstep.Tree
	commit string
}

func (s snapshot) Revision() lockstep.Revision { return lockstep.Revision{Commit: s.commit} }

func commit(name string, files map[string]string) source.Snapshot {
	return snapshot{Tree: memory.NewTree(files), commit: name}
}

func at(string) (source.Snapshot, error) { return nil, errors.New("no older commit is asked for") }

func stackNamed(name string) lockstep.Unit { return lockstep.Unit{Namespace: "web", Name: name} }

var src = lockstep.Unit{Namespace: "web", Name: "git"}

// scene is a Fleet that notes whom it wakes.
type scene struct {
	*Fleet
	t     *testing.T
	woken []string
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t}
	s.Fleet = New(func(u lockstep.Unit) { s.woken = append(s.woken, u.Name) })
	return s
}

// rendered makes u remember a render that read every file of its directory.
func (s *scene) rendered(u lockstep.Unit) {
	s.t.Helper()
	snap, err := s.Snapshot(src, "")
	if err != nil {
		s.t.Fatal(err)
	}
	req, rec := render.Record(render.Request{Path: u.Name, Tree: snap})
	entries, err := req.Tree.ReadDir(u.Name)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := req.Tree.ReadFile(u.Name + "/" + e.Name); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Remember(u, Memo{Generation: 1, Commit: snap.Revision().Commit, Reads: rec.Reads()})
}

func (s *scene) takeWoken() []string {
	out := s.woken
	s.woken = nil
	slices.Sort(out)
	return out
}

func TestPublishWakesOnlyTheTouched(t *testing.T) {
	s := newScene(t)
	files := map[string]string{"README.md": "1"}
	for i := range 50 {
		files[fmt.Sprintf("app-%d/config.yaml", i)] = "rev: 1"
	}
	s.Publish(src, commit("c1", files), at)
	for i := range 50 {
		u := stackNamed(fmt.Sprintf("app-%d", i))
		s.Link(u, Links{Sources: []lockstep.Unit{src}})
		s.rendered(u)
		s.Set(u, State{Ready: true})
	}
	s.takeWoken()

	files["README.md"] = "2"
	users, touched := s.Publish(src, commit("c2", files), at)
	if diff := cmp.Diff([]string(nil), s.takeWoken()); diff != "" || users != 50 || touched != 0 {
		t.Errorf("a commit that no Stack reads must wake none; users %d, touched %d (-want +got):\n%s", users, touched, diff)
	}
	if m, ok := s.Memo(stackNamed("app-7"), 1); !ok || m.Commit != "c2" {
		t.Errorf("an untouched Stack is up to date at the newest commit by its key alone; got %v at %q", ok, m.Commit)
	}

	files["app-7/config.yaml"] = "rev: 3"
	s.Publish(src, commit("c3", files), at)
	if diff := cmp.Diff([]string{"app-7"}, s.takeWoken()); diff != "" {
		t.Errorf("only the Stack whose file changed is woken (-want +got):\n%s", diff)
	}
	if _, ok := s.Memo(stackNamed("app-7"), 1); ok {
		t.Error("a touched Stack must render anew")
	}
	if !s.Stale(stackNamed("app-7")) || s.Stale(stackNamed("app-8")) {
		t.Error("a pass under way must see that its Stack, and no other, is superseded")
	}

	files["app-7/config.yaml"] = "rev: 1"
	s.Publish(src, commit("c4", files), at)
	if _, ok := s.Memo(stackNamed("app-7"), 1); !ok {
		t.Error("content that is back to what was rendered needs no render")
	}
}

// TestASourceThatIsBackWakesAll: while nothing was known of the Source, passes ended
// without a snapshot, whatever they had to look at, and wait for the next one.
func TestASourceThatIsBackWakesAll(t *testing.T) {
	cases := map[string]func(*scene){
		"Distrusted": func(s *scene) { s.Distrust(src, errors.New("no answer")) },
		"Recreated":  func(s *scene) { s.Remove(src) },
	}
	for name, lose := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			u := stackNamed("app")
			c1 := commit("c1", map[string]string{"app/config.yaml": "rev: 1"})
			s.Publish(src, c1, at)
			s.Link(u, Links{Sources: []lockstep.Unit{src}})
			s.rendered(u)
			lose(s)
			if _, ok := s.Memo(u, 1); ok {
				t.Fatal("what was rendered counts although nothing is known of the Source")
			}
			s.takeWoken()
			s.Publish(src, c1, at)
			if diff := cmp.Diff([]string{"app"}, s.takeWoken()); diff != "" {
				t.Errorf("a Stack that the commit does not touch waits for ever (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMemoHoldsForItsSpecOnly(t *testing.T) {
	s := newScene(t)
	s.Publish(src, commit("c1", map[string]string{"a/x.yaml": "1"}), at)
	s.Link(stackNamed("a"), Links{Sources: []lockstep.Unit{src}})
	s.rendered(stackNamed("a"))
	if _, ok := s.Memo(stackNamed("a"), 2); ok {
		t.Error("a new spec may render differently")
	}
	s.Invalidate(stackNamed("a"))
	if _, ok := s.Memo(stackNamed("a"), 1); ok {
		t.Error("a changed Secret may render differently")
	}
	if diff := cmp.Diff([]string{"a"}, s.takeWoken()); diff != "" {
		t.Errorf("whoever is invalidated has to look (-want +got):\n%s", diff)
	}
}

func TestDependantsWaitAndWake(t *testing.T) {
	s := newScene(t)
	files := map[string]string{"db/x.yaml": "1", "app/x.yaml": "1"}
	s.Publish(src, commit("c1", files), at)
	s.Link(stackNamed("app"), Links{Sources: []lockstep.Unit{src}, Dependencies: []lockstep.Unit{stackNamed("db")}})
	if dep, why, blocked := s.Blocker(stackNamed("app")); !blocked || dep != stackNamed("db") || why != "which does not exist" {
		t.Errorf("a dependency that does not exist must block: %v %q %v", dep, why, blocked)
	}
	s.Link(stackNamed("db"), Links{Sources: []lockstep.Unit{src}})
	s.rendered(stackNamed("db"))
	if _, _, blocked := s.Blocker(stackNamed("app")); !blocked {
		t.Error("a dependency that was not looked at yet must block")
	}
	s.takeWoken()
	s.Set(stackNamed("db"), State{Ready: true})
	if diff := cmp.Diff([]string{"app"}, s.takeWoken()); diff != "" {
		t.Errorf("readiness wakes who waits, and nobody polls (-want +got):\n%s", diff)
	}
	if _, _, blocked := s.Blocker(stackNamed("app")); blocked {
		t.Error("a ready dependency must not block")
	}
	s.Set(stackNamed("db"), State{Ready: true})
	if woken := s.takeWoken(); woken != nil {
		t.Errorf("what did not change wakes nobody: %v", woken)
	}

	files["db/x.yaml"] = "2"
	s.Publish(src, commit("c2", files), at)
	if _, _, blocked := s.Blocker(stackNamed("app")); !blocked {
		t.Error("from the moment a commit touches the dependency, its readiness is that of the past")
	}
}

func TestCycleIsFound(t *testing.T) {
	s := newScene(t)
	for from, to := range map[string]string{"a": "b", "b": "c", "c": "a", "d": "a"} {
		s.Link(stackNamed(from), Links{Sources: []lockstep.Unit{src}, Dependencies: []lockstep.Unit{stackNamed(to)}})
	}
	want := []lockstep.Unit{stackNamed("a"), stackNamed("b"), stackNamed("c")}
	if diff := cmp.Diff(want, s.Cycle(stackNamed("b"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.Link(stackNamed("c"), Links{Sources: []lockstep.Unit{src}})
	if ring := s.Cycle(stackNamed("b")); ring != nil {
		t.Errorf("a cycle that was broken is no cycle: %v", ring)
	}
}

func TestSourcesThatFail(t *testing.T) {
	s := newScene(t)
	s.Link(stackNamed("a"), Links{Sources: []lockstep.Unit{src}})
	if _, err := s.Snapshot(src, ""); !errors.Is(err, fault.KindWaiting) {
		t.Errorf("a Source that nobody has looked at is waited for, not reported: %v", err)
	}
	s.Fail(src, fault.Denied("password refused").WithHint("check it"))
	if diff := cmp.Diff([]string{"a"}, s.takeWoken()); diff != "" {
		t.Errorf("a Stack without any snapshot says why (-want +got):\n%s", diff)
	}
	s.Fail(src, fault.Denied("password refused").WithHint("check it"))
	if woken := s.takeWoken(); woken != nil {
		t.Errorf("the same failure is no news: %v", woken)
	}
	_, err := s.Snapshot(src, "")
	if !errors.Is(err, fault.KindDenied) || fault.As(err).Hint != "check it" {
		t.Errorf("the Stack shows the Source's fault and hint: %v", err)
	}

	s.Publish(src, commit("c1", map[string]string{"a/x.yaml": "1"}), at)
	if diff := cmp.Diff([]string{"a"}, s.takeWoken()); diff != "" {
		t.Errorf("recovery wakes (-want +got):\n%s", diff)
	}
	s.rendered(stackNamed("a"))
	s.Fail(src, fault.Unavailable("down"))
	if _, err := s.Snapshot(src, ""); err != nil {
		t.Errorf("what is known stays in use while the remote is down: %v", err)
	}
	if woken := s.takeWoken(); woken != nil {
		t.Errorf("a Stack that has its snapshot is not bothered: %v", woken)
	}
}

func TestForgetWakesDependants(t *testing.T) {
	s := newScene(t)
	s.Link(stackNamed("db"), Links{Sources: []lockstep.Unit{src}})
	s.Link(stackNamed("app"), Links{Sources: []lockstep.Unit{src}, Dependencies: []lockstep.Unit{stackNamed("db")}})
	s.Forget(stackNamed("db"))
	if diff := cmp.Diff([]string{"app"}, s.takeWoken()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, why, _ := s.Blocker(stackNamed("app")); why != "which does not exist" {
		t.Errorf("got %q", why)
	}
}

func TestMemosExpire(t *testing.T) {
	now := time.Now()
	cases := map[string]struct {
		why   string
		until time.Time
		want  bool
	}{
		"Never": {why: "A mistake in Git is there until Git changes."},
		"Later": {why: "What took too long would take as long again.", until: now.Add(time.Second)},
		"Now":   {why: "The machine may have been busy.", until: now, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := (Memo{Until: tc.until}).Expired(now); got != tc.want {
				t.Errorf("%s\nexpired = %t", tc.why, got)
			}
		})
	}
}
