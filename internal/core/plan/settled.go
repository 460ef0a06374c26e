package plan

import (
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Want is what is worth remembering of a desired object between two passes.
type Want struct {
	Key    lockstep.Key
	Digest string
	// Passing objects go away by themselves once they have run.
	Passing bool
}

// Wants returns the wants of desired, in its order. key is that of [Facts].
func Wants(desired []lockstep.Object, key []byte) []Want {
	d := diff.Digester{Key: key}
	out := make([]Want, len(desired))
	for i, o := range desired {
		out[i] = Want{Key: o.Key(), Digest: d.Object(o), Passing: passing(o)}
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
	for _, o := range live.Objects {
		found[o.Key] = o
	}
	asked := 0
	for _, w := range wants {
		o, ok := found[w.Key]
		if !ok || o.Unit != unit || !o.Managed || o.Digest != w.Digest || len(o.Drift) > 0 || o.Terminating {
			return false
		}
		asked++
	}
	// Anything else with our mark may have to be pruned.
	return asked == len(found)
}
