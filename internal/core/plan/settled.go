package plan

import (
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Want is what is worth remembering of a desired object between two passes.
type Want struct {
	Key    lockstep.Key
	Digest string
	// Passing objects go away by themselves once they have run.
	Passing bool
	// Wave that the object is in.
	Wave int
	// Once: it has to be there, however it looks.
	Once bool
	// Alone: nothing is done to it, and it need not be there.
	Alone bool
}

// Wants returns the wants of desired, in its order. key is that of [Facts].
func Wants(desired []lockstep.Object, key []byte) []Want {
	d := diff.Digester{Key: key}
	out := make([]Want, len(desired))
	for i, o := range desired {
		role, _ := hook.Of(o) // faults were told when it was rendered
		out[i] = Want{
			Key: o.Key(), Digest: d.Object(o), Passing: passing(o),
			Wave: role.Wave, Once: role.Options.IfAbsent, Alone: role.Options.LeftAlone != "",
		}
	}
	return out
}

// Unmet is a live object that is not as it is wanted, or a wanted one that is
// not there, as far as can be told without rendering.
type Unmet struct {
	Key lockstep.Key
	// Sign stands for all that a plan's decision about the object depends on: while
	// wants, policy and sign are the same, the decision is.
	Sign string
	// Drift is that of the live object.
	Drift []lockstep.FieldChange
}

// Unmets returns what may need a step, in order of wants, other objects last. A
// plan made from the same facts has no step for any other object.
func Unmets(wants []Want, live lockstep.Live, unit lockstep.Unit, mode DriftMode) []Unmet {
	found := make(map[lockstep.Key]lockstep.LiveObject, len(live.Objects))
	for _, o := range live.Objects {
		found[o.Key] = o
	}
	var out []Unmet
	for _, w := range wants {
		o, ok := found[w.Key]
		delete(found, w.Key)
		if mode == DriftOff {
			o.Drift = nil
		}
		there := ok && o.Unit == unit && !o.Terminating && !isHook(o)
		switch {
		case w.Alone && !isHook(o), w.Once && there:
		case !ok:
			out = append(out, Unmet{Key: w.Key, Sign: "missing", Drift: Gone})
		case !there || !o.Managed || o.Digest != w.Digest || len(o.Drift) > 0 || o.Unproven:
			out = append(out, Unmet{Key: w.Key, Sign: sign(o), Drift: o.Drift})
		}
	}
	// Anything else with our mark may have to be pruned.
	var rest []Unmet
	for k, o := range found {
		if isHook(o) {
			continue
		}
		rest = append(rest, Unmet{Key: k, Sign: sign(o)})
	}
	slices.SortFunc(rest, func(a, b Unmet) int { return a.Key.Compare(b.Key) })
	return append(out, rest...)
}

// sign leaves out values: that of a field which somebody keeps changing does not
// matter to what is done about it, except that it is Git's again.
func sign(o lockstep.LiveObject) string {
	var b strings.Builder
	for _, s := range []string{o.Unit.String(), o.Digest, o.UID, flag(o.Managed), flag(o.Terminating), flag(o.Unproven)} {
		b.WriteString(s)
		b.WriteByte('\n')
	}
	for _, c := range o.Drift {
		for _, s := range []string{c.Path, c.Manager, flag(c.From == c.To)} {
			b.WriteString(s)
			b.WriteByte('\n')
		}
	}
	names := make([]string, 0, len(o.Annotations))
	for k, v := range o.Annotations {
		names = append(names, k+"="+v)
	}
	slices.Sort(names)
	b.WriteString(strings.Join(names, "\n"))
	return b.String()
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// Settled says whether a plan made from these facts would be empty, without the
// objects that making one needs. It may say no where [Make] then finds nothing
// to do; it never says yes where Make finds something.
func Settled(wants []Want, live lockstep.Live, unit lockstep.Unit) bool {
	return len(live.MissingKinds) == 0 && len(Unmets(wants, live, unit, DriftHeal)) == 0
}

// Only returns the part of a plan that is about the objects for which keep says
// so. Where it leaves steps out it is another plan, with another digest.
func (p Plan) Only(keep func(Step) bool) Plan {
	all := len(p.Steps())
	var stages []Stage
	left := 0
	for _, s := range p.Stages {
		s.Steps = slices.DeleteFunc(slices.Clone(s.Steps), func(x Step) bool { return !keep(x) })
		if left += len(s.Steps); len(s.Steps) > 0 {
			stages = append(stages, s)
		}
	}
	if left == all {
		return p
	}
	p.Stages = stages
	p.Digest = p.digest()
	return p
}
