package stack

import (
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// InForce returns s as it is to be read at now, and when that changes by itself;
// zero if it does not. A pause or hold that has run out is not there; the commit of
// a hold is the one that the Stack is pinned to.
//
// Without pause and hold it is s itself, and otherwise a copy: s may be shared.
func InForce(s *v1alpha1.Stack, now time.Time) (*v1alpha1.Stack, time.Time) {
	if s.Spec.Pause == nil && s.Spec.Hold == nil {
		return s, time.Time{}
	}
	s = s.DeepCopy()
	s.Spec.Pause, s.Spec.Hold = s.Spec.Pause.At(now), s.Spec.Hold.At(now)
	var lapse time.Time
	if p := s.Spec.Pause; p != nil && p.Until != nil {
		lapse = p.Until.Time
	}
	if h := s.Spec.Hold; h != nil {
		s.Spec.Source.Revision = h.Revision
		if lapse.IsZero() || h.Until.Time.Before(lapse) {
			lapse = h.Until.Time
		}
	}
	return s, lapse
}
