package stack

import (
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// KindsOf reads the kinds that a Stack has, or was about to have, objects of:
// the intent that was recorded before the first write.
func KindsOf(s *v1alpha1.Stack) []lockstep.GroupKind {
	var out []lockstep.GroupKind
	for f := range strings.FieldsFuncSeq(s.Annotations[v1alpha1.AnnotationKinds], isComma) {
		kind, group, _ := strings.Cut(f, ".")
		out = append(out, lockstep.GroupKind{Group: group, Kind: kind})
	}
	return out
}

// WithKinds returns the annotation's value for the kinds of s and those of
// objs, and whether that says more than s does now.
func WithKinds(s *v1alpha1.Stack, objs []lockstep.Object) (value string, more bool) {
	kinds := KindsOf(s)
	known := len(kinds)
	for _, o := range objs {
		gk := o.Key().GroupKind()
		if !slices.Contains(kinds, gk) {
			kinds = append(kinds, gk)
		}
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.String()
	}
	slices.Sort(names)
	return strings.Join(names, ","), len(kinds) > known
}

func isComma(r rune) bool { return r == ',' }
