package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// phase runs the hooks of a phase, group after group, and cleans up behind them.
func (d *decider) phase(phase hook.Phase, hooks []render.Hook) (Decision, Event) {
	r := &d.Record
	if len(r.Hooks) != len(hooks) || r.Hooks == nil {
		r.Hooks = make([]HookRecord, 0, len(hooks))
		for _, h := range hooks {
			r.Hooks = append(r.Hooks, HookRecord{Key: d.object(phase, h, len(r.Hooks)).Key(), State: Due, Policies: h.Policies})
		}
	}
	failed := false
	for _, g := range groups(hooks) {
		if phase == hook.PostApply && hooks[g[0]].System != hook.Helm && r.Hooks[g[0]].State == Due {
			// Helm's run at once, because what they do may be what the others wait for.
			if out, event := d.healthy(); event != Passed {
				return out, event
			}
		}
		out, done := d.group(phase, hooks, g)
		if !done {
			return out, ""
		}
		if failed = slices.ContainsFunc(g, func(i int) bool { return r.Hooks[i].State == HookBroke }); failed {
			break
		}
	}
	if steps := d.leftovers(phase); len(steps) > 0 {
		return Decision{Delete: steps, Ended: true}, ""
	}
	if !failed {
		return Decision{}, Passed
	}
	if d.Record.State != Failing { // what broke first is what matters
		d.Record.Message = d.why()
	}
	return Decision{}, Broke
}

func (d *decider) why() string {
	for _, h := range d.Record.Hooks {
		if h.State == HookBroke {
			return fmt.Sprintf("hook %s: %s", h.Key.Short(), h.Message)
		}
	}
	return ""
}

// group brings one group of hooks further; done when all of it ended.
func (d *decider) group(phase hook.Phase, hooks []render.Hook, g []int) (out Decision, done bool) {
	r := &d.Record
	var waits []string
	done = true
	for _, i := range g {
		d.look(phase, i)
		h := r.Hooks[i]
		if h.State == Due || h.State == Intended {
			d.prepare(phase, hooks[i], i, &out, &waits)
			h = r.Hooks[i]
		}
		if h.State == Running {
			waits = append(waits, d.running(h))
		}
		done = done && h.State.ended()
	}
	if len(out.Delete) > 0 {
		out.Create = nil // one thing at a time
	}
	if done || len(out.Create)+len(out.Delete) > 0 {
		return out, done
	}
	slices.Sort(waits)
	wait, event := d.waitFor(strings.Join(waits, "; "), "")
	if event == "" {
		return wait, false
	}
	for _, i := range g {
		if h := &r.Hooks[i]; !h.State.ended() {
			h.State, h.Message = HookBroke, fmt.Sprintf("did not end within %s", d.Timeout)
		}
	}
	return Decision{}, true
}

func (d *decider) running(h HookRecord) string {
	what := "hook " + h.Key.Short()
	if o, ok := d.live(h.Key); ok && o.Health.Message != "" {
		what += ": " + o.Health.Message
	}
	return what
}

func (d *decider) live(k lockstep.Key) (lockstep.LiveObject, bool) {
	for _, o := range d.Live.Objects {
		if o.Key == k {
			return o, true
		}
	}
	return lockstep.LiveObject{}, false
}

func (d *decider) token(phase hook.Phase, i int) string {
	return token(d.Record.ID, phase, d.Record.Wave, i)
}

func (d *decider) object(phase hook.Phase, h render.Hook, i int) lockstep.Object {
	return prepared(h, phase, d.token(phase, i), d.Record.ID)
}

// look learns from what is live how far a hook is.
func (d *decider) look(phase hook.Phase, i int) {
	h := &d.Record.Hooks[i]
	if h.State.ended() {
		return
	}
	o, there := d.live(h.Key)
	run, _ := hook.Running(o)
	if !there || run != d.token(phase, i) {
		if h.State == Running {
			h.State, h.Message = HookBroke, "was deleted before it was seen to end"
		}
		return
	}
	h.State = Running
	verdict(h, o)
}

// verdict judges a hook by its live object.
func verdict(h *HookRecord, o lockstep.LiveObject) {
	ends := health.Ends(o.Key.GroupKind())
	switch {
	case o.Ending == lockstep.Broken:
		h.State, h.Message = HookBroke, o.Health.Message
		if h.Message == "" {
			h.Message = "failed"
		}
	case o.Ending == lockstep.Completed:
		h.State = Done
	case !ends && o.Health.Status == lockstep.Healthy && !o.Terminating:
		h.State = Done
	}
}

// kept are kinds whose deletion takes more with it than a hook is worth. An
// older object of theirs is changed in place.
func kept(k lockstep.GroupKind) bool {
	switch k {
	case lockstep.GroupKind{Kind: "Namespace"}, lockstep.GroupKind{Kind: "PersistentVolumeClaim"}, lockstep.GroupKind{Kind: "PersistentVolume"},
		lockstep.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return true
	}
	return false
}

// prepare makes room for a hook's object, and then has it created.
func (d *decider) prepare(phase hook.Phase, h render.Hook, i int, out *Decision, waits *[]string) {
	rec := &d.Record.Hooks[i]
	o := d.object(phase, h, i)
	keep := kept(o.Key().GroupKind())
	for _, old := range d.older(h, o.Key()) {
		switch {
		case keep:
		case old.Unit != d.Unit:
			rec.State, rec.Message = HookBroke, fmt.Sprintf("it belongs to Stack %q", old.Unit)
			return
		case old.Terminating:
			*waits = append(*waits, old.Key.Short()+" of the run before to be gone")
			return
		default:
			out.Delete = append(out.Delete, plan.Step{Key: old.Key, Verb: lockstep.Delete, UID: old.UID, Reason: "makes way for the next run of the hook"})
		}
	}
	if len(out.Delete) > 0 {
		return
	}
	rec.State = Intended
	out.Create = append(out.Create, Creation{Index: i, Step: plan.Step{
		Key: o.Key(), Verb: lockstep.Create, Desired: o, Fresh: !keep, Wave: h.Wave,
		Reason: "runs as " + string(phase) + " hook",
	}})
}

// older are the objects that earlier runs of the hook left.
func (d *decider) older(h render.Hook, key lockstep.Key) []lockstep.LiveObject {
	meta, _ := h.Object.Tree["metadata"].(map[string]any)
	base, _ := meta["generateName"].(string)
	var out []lockstep.LiveObject
	for _, o := range d.Live.Objects {
		if o.Key == key {
			out = append(out, o)
			continue
		}
		run, _ := hook.Running(o)
		sameKind := o.Key.GroupKind() == key.GroupKind() && o.Key.Namespace == key.Namespace
		if base != "" && h.Object.Name() == "" && run != "" && !strings.HasPrefix(run, d.Record.ID+".") && sameKind &&
			strings.HasPrefix(o.Key.Name, base) && h.Policies&hook.BeforeCreation != 0 {
			out = append(out, o)
		}
	}
	return out
}

// leftovers are the objects that the delete policies take away at the end of a
// phase, last first.
func (d *decider) leftovers(phase hook.Phase) []plan.Step {
	var out []plan.Step
	for i, h := range slices.Backward(d.Record.Hooks) {
		goes := h.State == Done && h.Policies&hook.OnSuccess != 0 || h.State == HookBroke && h.Policies&hook.OnFailure != 0
		o, there := d.live(h.Key)
		run, _ := hook.Running(o)
		if !goes || !there || o.Terminating || run != d.token(phase, i) || o.Key.Kind == "CustomResourceDefinition" {
			continue
		}
		out = append(out, plan.Step{Key: h.Key, Verb: lockstep.Delete, UID: o.UID, Reason: "its hook is done"})
	}
	return out
}

// overtake ends a run that is about something else than what is wanted now, once
// no hook of it runs.
func (d *decider) overtake() (done bool, out Decision) {
	r := &d.Record
	phase := phases[r.State]
	var waits []string
	for i := range r.Hooks {
		d.look(phase, i)
		if r.Hooks[i].State == Running {
			waits = append(waits, d.running(r.Hooks[i]))
		}
	}
	if len(waits) > 0 {
		if out, event := d.waitFor(strings.Join(waits, "; ")+", of the release that is superseded", ""); event == "" {
			out.Record = *r
			return false, out
		}
	}
	if steps := d.leftovers(phase); len(steps) > 0 {
		return false, Decision{Record: *r, Delete: steps, Ended: true}
	}
	d.fire(Overtaken)
	return true, Decision{}
}
