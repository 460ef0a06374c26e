package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

var unit = lockstep.Unit{Namespace: "payments", Name: "shop"}

var zero = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// a makes a hook from "name annotation=value …".
func a(t testing.TB, kind, text string) render.Hook {
	t.Helper()
	fields := strings.Fields(text)
	annotations := map[string]any{}
	for _, f := range fields[1:] {
		k, v, _ := strings.Cut(f, "=")
		annotations[k] = v
	}
	meta := map[string]any{"name": fields[0], "namespace": "web", "annotations": annotations}
	if base, ok := strings.CutSuffix(fields[0], "*"); ok {
		delete(meta, "name")
		meta["generateName"] = base
	}
	version := map[string]string{"Job": "batch/v1"}[kind]
	if version == "" {
		version = "v1"
	}
	o := lockstep.Object{Tree: map[string]any{"apiVersion": version, "kind": kind, "metadata": meta}}
	role, err := hook.Of(o)
	if err != nil || !role.IsHook() {
		t.Fatalf("%s is no hook: %v", text, err)
	}
	return render.Hook{Object: o, Role: role}
}

const (
	own  = "lockstep.dev/hook="
	wave = " lockstep.dev/wave="
	helm = "helm.sh/hook="
)

// world carries decisions out and keeps a diary.
type world struct {
	t     *testing.T
	in    Input
	diary []string
	fails map[string]bool // hooks that fail
	slow  map[string]bool // hooks that do not end by themselves
	sick  map[int]bool    // waves that do not become healthy
	again time.Duration   // when the last decision wants to be asked anew
	hand  func(*world)    // what somebody does while all is waited for, once
	crash bool            // lose everything that is not in a kept record, at every turn
}

func newWorld(t *testing.T, action hook.Action, hooks ...render.Hook) *world {
	return &world{t: t, fails: map[string]bool{}, slow: map[string]bool{}, sick: map[int]bool{}, in: Input{
		Program: NewProgram(hooks), Action: action, Content: "key", Unit: unit, Timeout: time.Minute, RetryMax: time.Hour, Now: zero,
	}}
}

func (w *world) say(format string, args ...any) {
	w.diary = append(w.diary, fmt.Sprintf(format, args...))
}

// objects are steps for objects of waves.
func (w *world) objects(waves ...int) *world {
	for _, n := range waves {
		w.in.Waves = append(w.in.Waves, Wave{Number: n, Steps: 1, Unready: "not there"})
	}
	return w
}

// run goes on until the run ends or waits for something that does not happen.
func (w *world) run() []string {
	for range 200 {
		d := Next(w.in)
		kept := d.Record
		switch {
		case len(d.Create) > 0:
			w.in.Record = kept
			if w.crash {
				w.crashNow(d)
				continue
			}
			w.create(d.Create)
		case len(d.Delete) > 0:
			before := w.in.Record
			w.in.Record = kept
			for _, s := range d.Delete {
				w.say("delete %s", s.Key.Name)
				w.in.Live.Objects = slices.DeleteFunc(w.in.Live.Objects, func(o lockstep.LiveObject) bool { return o.Key == s.Key })
			}
			if !d.Ended && before.ID != "" {
				w.in.Record = before // nothing of it needs to be kept
			}
		case d.Apply:
			w.in.Record = kept
			w.apply(d)
		case w.hand != nil && kept.Applied():
			w.in.Record = kept
			w.hand(w)
			w.hand = nil
		default:
			w.in.Record, w.again = kept, d.Again
			if kept.State.Ended() || !w.progress() {
				w.say("%s", kept.State)
				return w.diary
			}
		}
	}
	w.t.Fatalf("no end: %v", w.diary)
	return nil
}

// crashNow ends the process right after the hooks were created, or before.
func (w *world) crashNow(d Decision) {
	w.crash = false
	w.create(d.Create)
	for i := range w.in.Record.Hooks {
		if w.in.Record.Hooks[i].State == Running {
			w.in.Record.Hooks[i].State = Intended // what was kept
		}
	}
}

func (w *world) create(list []Creation) {
	for _, c := range list {
		o := c.Step.Desired
		w.say("run %s", o.Name())
		annotations := map[string]string{hook.RunMark: o.Annotation(hook.RunMark), hook.PhaseMark: o.Annotation(hook.PhaseMark)}
		w.in.Live.Objects = append(w.in.Live.Objects, lockstep.LiveObject{
			Key: o.Key(), UID: "u", Unit: unit, Managed: true, Annotations: annotations,
			Health: lockstep.Health{Status: lockstep.Progressing, Message: "runs"},
		})
		w.in.Record.Begun(c.Index, nil, w.in.Now)
	}
}

func (w *world) apply(d Decision) {
	for i := range w.in.Waves {
		if wave := &w.in.Waves[i]; wave.Steps > 0 && (wave.Number <= d.UpTo || d.All) {
			w.say("wave %d", wave.Number)
			wave.Steps, wave.Unready = 0, "coming up"
		}
	}
	if d.All && w.in.Deletions > 0 {
		w.say("prune")
		w.in.Deletions, w.in.Left = 0, 0
	}
}

// progress lets hooks end and waves become healthy; false when nothing does.
func (w *world) progress() bool {
	moved := false
	for i := range w.in.Live.Objects {
		o := &w.in.Live.Objects[i]
		if o.Health.Message != "runs" || w.slow[o.Key.Name] {
			continue
		}
		o.Ending, o.Health, moved = lockstep.Completed, lockstep.Health{}, true
		if w.fails[o.Key.Name] {
			o.Ending, o.Health = lockstep.Broken, lockstep.Health{Status: lockstep.Degraded, Message: "exit 1"}
		}
	}
	for i := range w.in.Waves {
		if wave := &w.in.Waves[i]; wave.Unready == "coming up" && !w.sick[wave.Number] {
			w.say("healthy %d", wave.Number)
			wave.Unready, moved = "", true
		}
	}
	if !moved && w.in.Now.Equal(zero) {
		w.in.Now, moved = w.in.Now.Add(2*time.Minute), true
		w.say("late")
	}
	return moved
}

func TestNext(t *testing.T) {
	cases := map[string]struct {
		why  string
		make func(t *testing.T) *world
		want string
	}{
		"Waves": {"A wave begins when the one before is healthy.",
			func(t *testing.T) *world { return newWorld(t, hook.Install).objects(-1, 0, 3) },
			"wave -1, healthy -1, wave 0, healthy 0, wave 3, healthy 3, Succeeded"},
		"PruneLast": {"What left Git goes with the last wave.",
			func(t *testing.T) *world { w := newWorld(t, hook.Upgrade).objects(0, 1); w.in.Deletions = 1; return w },
			"wave 0, healthy 0, wave 1, prune, healthy 1, Succeeded"},
		"SickWave": {"A wave that does not become healthy in time fails the release, and later ones do not begin.",
			func(t *testing.T) *world { w := newWorld(t, hook.Install).objects(0, 1); w.sick[0] = true; return w },
			"wave 0, late, Failed"},
		"Phases": {"Hooks of our own run by phase and wave, those of one wave side by side, and after only when all is healthy.",
			func(t *testing.T) *world {
				return newWorld(t, hook.Install, a(t, "Job", "after "+own+"post-apply"), a(t, "Job", "b2 "+own+"pre-apply"+wave+"2"), a(t, "Job", "b1 "+own+"pre-apply"), a(t, "Job", "b0 "+own+"pre-apply")).objects(0)
			},
			"run b0, run b1, run b2, wave 0, healthy 0, run after, Succeeded"},
		"Kinds": {"In one wave a hook's ServiceAccount is there before its Job.",
			func(t *testing.T) *world {
				return newWorld(t, hook.Install, a(t, "Job", "j "+own+"pre-apply"), a(t, "ServiceAccount", "s "+own+"pre-apply")).objects(0)
			},
			"run s, run j, wave 0, healthy 0, Succeeded"},
		"Among": {"A hook for apply runs in its wave.",
			func(t *testing.T) *world {
				return newWorld(t, hook.Install, a(t, "Job", "m "+own+"apply"+wave+"1")).objects(0, 2)
			},
			"wave 0, healthy 0, run m, wave 2, healthy 2, Succeeded"},
		"HelmOneByOne": {"Helm's run by weight and name, one after the other, and after without waiting for health.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "z "+helm+"post-install helm.sh/hook-weight=-1"), a(t, "Job", "a "+helm+"post-install"), a(t, "Job", "u "+helm+"post-upgrade")).objects(0)
				w.sick[0] = true
				return w
			},
			"wave 0, run z, run a, late, Failed"},
		"Upgrade": {"Hooks of an install do not run in an upgrade.",
			func(t *testing.T) *world {
				return newWorld(t, hook.Upgrade, a(t, "Job", "i "+helm+"pre-install"), a(t, "Job", "u "+helm+"pre-upgrade"), a(t, "Job", "r "+helm+"pre-rollback")).objects(0)
			},
			"run u, wave 0, healthy 0, Succeeded"},
		"Failed": {"A hook that fails stops the release before anything is applied; hooks for failures run.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "m "+own+"pre-apply lockstep.dev/hook-delete-policy=failed"), a(t, "Job", "n "+own+"pre-apply"+wave+"1"), a(t, "Job", "cry "+own+"apply-failed")).objects(0)
				w.fails["m"] = true
				return w
			},
			"run m, delete m, run cry, Failed"},
		"Slow": {"A hook that does not end in time has failed.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "m "+own+"pre-apply")).objects(0)
				w.slow["m"] = true
				return w
			},
			"run m, late, Failed"},
		"DeletePolicies": {"Objects of a phase go when it is over, the last first; the others stay.",
			func(t *testing.T) *world {
				return newWorld(t, hook.Install, a(t, "Job", "a "+helm+"pre-install helm.sh/hook-delete-policy=hook-succeeded"), a(t, "Job", "b "+helm+"pre-install helm.sh/hook-delete-policy=hook-succeeded,before-hook-creation"), a(t, "Job", "c "+helm+"pre-install helm.sh/hook-delete-policy=hook-failed")).objects(0)
			},
			"run a, run b, run c, delete b, delete a, wave 0, healthy 0, Succeeded"},
		"TwicePhases": {"One object for two phases makes way for itself.",
			func(t *testing.T) *world {
				return newWorld(t, hook.Install, a(t, "Job", "m "+own+"pre-apply,post-apply")).objects(0)
			},
			"run m, wave 0, healthy 0, delete m, run m, Succeeded"},
		"Tests": {"Tests are no part of a release unless they are.",
			func(t *testing.T) *world {
				return newWorld(t, hook.Install, a(t, "Job", "try "+helm+"test")).objects(0)
			},
			"wave 0, healthy 0, Succeeded"},
		"TestsGate": {"With them the release fails where they do.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "try "+helm+"test")).objects(0)
				w.in.Tests, w.fails["try"] = true, true
				return w
			},
			"wave 0, healthy 0, run try, Failed"},
		"TestsAlone": {"On demand nothing is applied.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Testing, a(t, "Job", "try "+helm+"test"), a(t, "Job", "m "+own+"pre-apply"))
				w.in.Request = "now"
				return w
			},
			"run try, Succeeded"},
		"Delete": {"Hooks, then the objects, then hooks again.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Delete, a(t, "Job", "b "+helm+"pre-delete"), a(t, "Job", "a "+helm+"post-delete"))
				w.in.Deletions, w.in.Left = 2, 2
				return w
			},
			"run b, prune, run a, Gone"},
		"DeleteFails": {"While a hook before the deletion fails, nothing is deleted.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Delete, a(t, "Job", "b "+helm+"pre-delete"))
				w.in.Deletions, w.fails["b"] = 2, true
				return w
			},
			"run b, Failed"},
		"Crash": {"A crash right after the creation does not create it again.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "m "+own+"pre-apply")).objects(0)
				w.crash = true
				return w
			},
			"run m, wave 0, healthy 0, Succeeded"},
		"Refused": {"What the API refuses fails the release; the wave's others are applied.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "cry "+own+"apply-failed")).objects(0, 1)
				w.in.Refused = fault.Invalid("no")
				return w
			},
			"wave 0, run cry, healthy 0, Failed"},
		"UndoneByHand": {"What somebody deletes while the release waits for health is applied again, or it would never be healthy.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install).objects(0, 1)
				w.hand = func(w *world) { w.in.Waves[0].Steps, w.in.Waves[0].Unready = 1, "not there" }
				return w
			},
			"wave 0, healthy 0, wave 1, wave 0, healthy 0, healthy 1, Succeeded"},
		"UndoneBesideAHook": {"A hook that runs after all is healthy does not keep it from being applied again, and nothing is pruned meanwhile.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "after "+own+"post-apply")).objects(0)
				w.hand = func(w *world) {
					w.in.Waves[0].Steps, w.in.Waves[0].Unready, w.in.Deletions = 1, "not there", 1
				}
				return w
			},
			"wave 0, wave 0, healthy 0, run after, Succeeded"},
		"UndoneWhileTesting": {"Tests run against what was released.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "try "+helm+"test")).objects(0)
				w.in.Tests = true
				w.hand = func(w *world) { w.in.Waves[0].Steps = 1 }
				return w
			},
			"wave 0, wave 0, healthy 0, run try, Succeeded"},
		"RefusedLate": {"What is refused then is waited for no longer than health, and not tried in a circle.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install).objects(0)
				w.sick[0] = true
				w.hand = func(w *world) { w.in.Waves[0].Steps, w.in.Refused = 1, fault.Invalid("no") }
				return w
			},
			"wave 0, late, Failed"},
		"RefusedBefore": {"Where hooks would run first, they do not run for what cannot be carried out.",
			func(t *testing.T) *world {
				w := newWorld(t, hook.Install, a(t, "Job", "m "+own+"pre-apply")).objects(0)
				w.in.Refused = fault.Invalid("no")
				return w
			},
			""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, strings.Join(tc.make(t).run(), ", ")); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestOlderObjects: what earlier runs left makes way, also under generated names.
func TestOlderObjects(t *testing.T) {
	w := newWorld(t, hook.Upgrade, a(t, "Job", "gen-* "+own+"pre-apply"), a(t, "Job", "fixed "+own+"post-apply")).objects(0)
	left := func(name string) lockstep.LiveObject {
		return lockstep.LiveObject{Key: lockstep.Key{Group: "batch", Kind: "Job", Namespace: "web", Name: name}, UID: "old", Unit: unit, Managed: true,
			Annotations: map[string]string{hook.RunMark: "old.pre-apply.0"}, Ending: lockstep.Completed}
	}
	w.in.Live.Objects = []lockstep.LiveObject{left("gen-old"), left("fixed"), left("other")}
	id := newID(zero)
	want := "delete gen-old, run gen-" + id + ", wave 0, healthy 0, delete fixed, run fixed, Succeeded"
	if diff := cmp.Diff(want, strings.Join(w.run(), ", ")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSuperseded: the hook that runs is let end, the next does not start.
func TestSuperseded(t *testing.T) {
	w := newWorld(t, hook.Install, a(t, "Job", "one "+own+"pre-apply"), a(t, "Job", "two "+own+"pre-apply"+wave+"1")).objects(0)
	d := Next(w.in)
	w.in.Record = d.Record
	w.create(d.Create)
	w.in.Program, w.in.Content = NewProgram([]render.Hook{a(t, "Job", "new "+own+"pre-apply")}), "newer"
	if d = Next(w.in); !strings.Contains(d.Waits, "superseded") || len(d.Create) > 0 {
		t.Fatalf("while a hook runs: %+v", d)
	}
	if diff := cmp.Diff("run one, run new, wave 0, healthy 0, Succeeded", strings.Join(w.run(), ", ")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAttempts: a failed run is tried again later, at once when somebody asks,
// and never when only a change can help.
func TestAttempts(t *testing.T) {
	w := newWorld(t, hook.Install, a(t, "Job", "m "+own+"pre-apply")).objects(0)
	w.fails["m"] = true
	w.in.Nudged = true // which is no reason to try this one again at once
	if w.run(); w.again != firstPause {
		t.Errorf("the pass that failed comes back after %s", w.again)
	}
	w.in.Nudged = false
	if d := Next(w.in); d.Again != firstPause || len(d.Create)+len(d.Delete) > 0 {
		t.Errorf("at once: %+v", d)
	}
	breaks := w.in
	breaks.Record.State = Failing
	if d := Next(breaks); d.Record.State != Failed || d.Again != firstPause {
		t.Errorf("the pass in which it fails has to come back as well: %+v", d)
	}
	asked := w.in
	asked.Nudged = true
	if d := Next(asked); d.Record.Attempt != 2 || len(d.Delete) != 1 {
		t.Errorf("when asked: %+v", d)
	}
	w.in.Now = w.in.Now.Add(firstPause)
	if d := Next(w.in); d.Record.Attempt != 2 {
		t.Errorf("later: %+v", d)
	}
	w.in.Record.Final = true
	if d := Next(w.in); d.Record.Attempt != 1 || d.Again != 0 {
		t.Errorf("when it is final: %+v", d)
	}
	w.in.Content = "newer"
	if d := Next(w.in); d.Record.Attempt != 1 || d.Record.Content != "newer" {
		t.Errorf("a newer commit: %+v", d)
	}
}

// TestDeletedByHand: a hook that is gone before its end was seen has failed; to
// start it again might do things twice.
func TestDeletedByHand(t *testing.T) {
	w := newWorld(t, hook.Install, a(t, "Job", "m "+own+"pre-apply")).objects(0)
	d := Next(w.in)
	w.in.Record = d.Record
	w.create(d.Create)
	w.in.Live.Objects = nil
	d = Next(w.in)
	if d.Record.State != Failed || !strings.Contains(d.Record.Message, "deleted before") {
		t.Errorf("got %+v", d.Record)
	}
}

func TestBegun(t *testing.T) {
	cases := map[string]struct {
		why  string
		err  error
		want HookState
	}{
		"Created":     {"It runs.", nil, Running},
		"Refused":     {"It will be refused again.", fault.Invalid("no"), HookBroke},
		"Unavailable": {"That it was created is not known; what is live will tell.", fault.Unavailable("down"), Intended},
		"Unforeseen":  {"The same.", errors.New("?"), Intended},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := Record{Hooks: []HookRecord{{State: Intended}}}
			if r.Begun(0, tc.err, zero); r.Hooks[0].State != tc.want {
				t.Errorf("%s\ngot %s, want %s", tc.why, r.Hooks[0].State, tc.want)
			}
		})
	}
}

// TestTable walks the states: each can be reached, each that has not ended can
// end, and a crash leads nowhere.
func TestTable(t *testing.T) {
	reached := map[State]bool{None: true}
	queue := []State{None}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for e, to := range Table[s] {
			if e == Crashed && to != s {
				t.Errorf("a crash leads from %s to %s", s, to)
			}
			if _, ok := Table[to]; !ok {
				t.Errorf("%s leads to %q, which is no state", s, to)
			}
			if !reached[to] {
				reached[to], queue = true, append(queue, to)
			}
		}
	}
	for s, edges := range Table {
		if !reached[s] {
			t.Errorf("nothing leads to %s", s)
		}
		for _, e := range []Event{Passed, Broke, Crashed} {
			if _, ok := edges[e]; !ok && !s.Ended() {
				t.Errorf("%s knows nothing of %s", s, e)
			}
		}
		if _, ok := edges[Passed]; ok && s.Ended() {
			t.Errorf("%s has ended and goes on", s)
		}
	}
	for s := range phases {
		if _, ok := Table[s]; !ok {
			t.Errorf("hooks belong to %q, which is no state", s)
		}
	}
}

// TestPlanned: what a plan shows is what runs.
func TestPlanned(t *testing.T) {
	p := NewProgram([]render.Hook{
		a(t, "Job", "after "+own+"post-apply"), a(t, "Job", "x "+helm+"pre-install,pre-upgrade"), a(t, "Job", "try "+helm+"test"), a(t, "Job", "d "+helm+"pre-delete"), a(t, "Job", "cry "+own+"apply-failed"),
	})
	names := func(list []plan.Hook) string {
		var out []string
		for _, h := range list {
			out = append(out, h.Phase+" "+h.Key.Name+" "+h.Event)
		}
		return strings.Join(out, ", ")
	}
	for action, want := range map[hook.Action]string{
		hook.Install: "pre-apply x pre-install, post-apply after post-apply, test try test", hook.Upgrade: "pre-apply x pre-upgrade, post-apply after post-apply, test try test",
		hook.Rollback: "post-apply after post-apply, test try test", hook.Delete: "pre-delete d pre-delete", hook.Testing: "test try test",
	} {
		if got := names(p.Planned(action, true, nil)); got != want {
			t.Errorf("%s: got %s, want %s", action, got, want)
		}
	}
	if p.Deletes() != 1 || !p.Any(hook.Rollback, false) {
		t.Error("what runs at all is not known")
	}
}
