package plan

import "github.com/lockstep-dev/lockstep/internal/lockstep"

// passing says whether o asks to be removed once it has run: a Job with
// ttlSecondsAfterFinished. That it is gone then is what Git wants, and creating
// it again would run it again, for ever.
func passing(o lockstep.Object) bool {
	if k := o.Key(); k.Group != "batch" || k.Kind != "Job" {
		return false
	}
	spec, _ := o.Tree["spec"].(map[string]any)
	return spec["ttlSecondsAfterFinished"] != nil
}

// Remaining leaves out of wants what ran and went away by itself, and what Git
// keeps out of our hands and nobody else has made. It is for
// wants that were carried out before; of others nothing can have run.
func Remaining(wants []Want, live lockstep.Live) []Want {
	return RemainingOf(wants, live, func(lockstep.Key) bool { return true })
}

// RemainingOf is Remaining for wants of which only some were carried out.
func RemainingOf(wants []Want, live lockstep.Live, carried func(lockstep.Key) bool) []Want {
	there := make(map[lockstep.Key]bool, len(live.Objects))
	for _, o := range live.Objects {
		there[o.Key] = !o.Terminating
	}
	out := make([]Want, 0, len(wants))
	for _, w := range wants {
		if !there[w.Key] && (w.Alone || w.Passing && carried(w.Key)) {
			continue
		}
		out = append(out, w)
	}
	return out
}
