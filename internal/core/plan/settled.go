package plan

import (
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

// Settled says whether a plan made from these facts would be empty, without the
// objects that making one needs. It may say no where [Make] then finds nothing
// to do; it never says yes where Make finds something.
func Settled(wants []Want, live lockstep.Live, unit lockstep.Unit) bool {
	if len(live.MissingKinds) > 0 {
		return false
	}
	found := make(map[lockstep.Key]lockstep.LiveObject, len(live.Objects))
	hooks := 0
	for _, o := range live.Objects {
		found[o.Key] = o
		if isHook(o) {
			hooks++
		}
	}
	asked := 0
	for _, w := range wants {
		o, ok := found[w.Key]
		if ok && isHook(o) {
			return false
		}
		if w.Alone || w.Once && ok && o.Unit == unit && !o.Terminating {
			if ok {
				asked++
			}
			continue
		}
		if !ok || o.Unit != unit || !o.Managed || o.Digest != w.Digest || len(o.Drift) > 0 || o.Unproven || o.Terminating {
			return false
		}
		asked++
	}
	// Anything else with our mark may have to be pruned.
	return asked+hooks == len(found)
}
