package run

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Program is all that a release may run, in order.
type Program struct {
	hooks []render.Hook
}

// NewProgram takes the hooks of a render.
//
// Inside a phase they are in order of their waves, then of kind and name, except
// Helm's, which are in order of weight and name as Helm has them.
func NewProgram(hooks []render.Hook) Program {
	sorted := slices.Clone(hooks)
	slices.SortStableFunc(sorted, func(a, b render.Hook) int {
		return cmp.Or(
			cmp.Compare(a.Wave, b.Wave),
			cmp.Compare(helmLast(a), helmLast(b)),
			byKind(a, b),
		)
	})
	return Program{hooks: sorted}
}

func helmLast(h render.Hook) int {
	if h.System == hook.Helm {
		return 1
	}
	return 0
}

func byKind(a, b render.Hook) int {
	if a.System == hook.Helm {
		return cmp.Or(cmp.Compare(a.Object.Name(), b.Object.Name()), a.Object.Key().Compare(b.Object.Key()))
	}
	rank := func(h render.Hook) int { r, _ := stage(h.Object); return r }
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Object.Key().Compare(b.Object.Key()))
}

// due returns the hooks of a phase of an action, in order.
func (p Program) due(phase hook.Phase, on hook.Action) []render.Hook {
	var out []render.Hook
	for _, h := range p.hooks {
		if h.At(phase, on) {
			out = append(out, h)
		}
	}
	return out
}

// applying are the phases of a release of objects, in order.
var applying = []hook.Phase{hook.PreApply, hook.Apply, hook.PostApply}

// Any says whether the program has hooks for an action, those of failures left
// out: a release without any is carried out in one pass.
func (p Program) Any(on hook.Action, tests bool) bool {
	return len(p.Planned(on, tests, nil)) > 0 || len(p.due(hook.ApplyFailed, on)) > 0
}

// Planned returns the hooks that an action would run if all goes well.
func (p Program) Planned(on hook.Action, tests bool, key []byte) []plan.Hook {
	var list []hook.Phase
	switch on {
	case hook.Delete:
		list = []hook.Phase{hook.PreDelete, hook.PostDelete}
	case hook.Testing:
		list = []hook.Phase{hook.Test}
	default:
		list = applying
		if tests {
			list = append(slices.Clone(list), hook.Test)
		}
	}
	d := diff.Digester{Key: key}
	var out []plan.Hook
	for _, phase := range list {
		for _, h := range p.due(phase, on) {
			out = append(out, plan.Hook{
				Key: h.Object.Key(), Phase: string(phase), Event: event(h, phase, on), Wave: h.Wave,
				Origin: h.Object.Origin, Digest: d.Object(h.Object),
			})
		}
	}
	return out
}

func event(h render.Hook, phase hook.Phase, on hook.Action) string {
	for _, m := range h.Moments {
		if m.Phase == phase && m.On&on != 0 {
			return m.Event
		}
	}
	return string(phase)
}

// Deletes says how many hooks the deletion of the Stack would run.
func (p Program) Deletes() int {
	return len(p.due(hook.PreDelete, hook.Delete)) + len(p.due(hook.PostDelete, hook.Delete))
}

// Kinds returns the kinds of all hooks, so that they are watched.
func (p Program) Kinds() []lockstep.GroupKind {
	var out []lockstep.GroupKind
	for _, h := range p.hooks {
		if k := h.Object.Key().GroupKind(); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// Objects returns the objects of all hooks.
func (p Program) Objects() []lockstep.Object {
	out := make([]lockstep.Object, len(p.hooks))
	for i, h := range p.hooks {
		out[i] = h.Object
	}
	return out
}

// groups cuts hooks into those that run side by side: all of a wave, but Helm's
// one after the other. It returns indexes.
func groups(hooks []render.Hook) [][]int {
	var out [][]int
	for i, h := range hooks {
		last := len(out) - 1
		joins := last >= 0 && h.System != hook.Helm && hooks[i-1].System != hook.Helm && hooks[i-1].Wave == h.Wave
		if joins {
			out[last] = append(out[last], i)
			continue
		}
		out = append(out, []int{i})
	}
	return out
}

// minTTL is the least time in seconds that a hook's Job stays after it ended, so
// that its end is seen even when nobody looked at once.
const minTTL = 600

// prepared is the object of a hook as it is created for one run.
func prepared(h render.Hook, phase hook.Phase, token, id string) lockstep.Object {
	o := h.Object.Clone()
	meta, _ := o.Tree["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	annotations = maps.Clone(annotations)
	annotations[hook.RunMark], annotations[hook.PhaseMark] = token, string(phase)
	meta["annotations"] = annotations
	if base, _ := meta["generateName"].(string); base != "" && o.Name() == "" {
		delete(meta, "generateName")
		meta["name"] = generated(base, id)
	}
	spec, _ := o.Tree["spec"].(map[string]any)
	if ttl, ok := spec["ttlSecondsAfterFinished"].(int64); ok && ttl < minTTL && o.Kind() == "Job" {
		spec["ttlSecondsAfterFinished"] = int64(minTTL)
	}
	return o
}

// generated is the name of a hook's object in one run.
func generated(base, id string) string {
	const longest = 63 // a Job's name ends up in a label of its pods
	return base[:min(len(base), longest-len(id))] + id
}

func token(id string, phase hook.Phase, wave, i int) string {
	t := id + "." + string(phase)
	if phase == hook.Apply {
		t += "." + strconv.Itoa(wave)
	}
	return t + "." + strconv.Itoa(i)
}
