package health

import "github.com/lockstep-dev/lockstep/internal/lockstep"

// onHold catches a custom resource that is suspended before its status is asked
// whether it has seen that. Controllers that are told to hold, such as Flux's,
// do not even note the generation that told them: it would stay on its way until
// somebody resumes it.
func (r *Rules) onHold(t tree, key lockstep.Key) (lockstep.Health, bool) {
	if !t.truth("spec", "suspend") && !t.truth("spec", "paused") {
		return lockstep.Health{}, false
	}
	gk := t.groupKind()
	if _, native := judges[gk]; native {
		return lockstep.Health{}, false // their controllers note it all the same
	}
	h, ok := r.judge(t, key)
	if !ok {
		h, ok = fromLibrary(t, gk)
	}
	if !ok {
		h = generic(t)
	}
	return h, h.Status == lockstep.Suspended
}
