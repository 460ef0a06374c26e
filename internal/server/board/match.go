package board

import (
	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/filter"
)

// Matches says whether a filter of lists lets s through, for who has no Board.
func Matches(s *v1alpha1.Stack, f filter.Filter, c filter.Context) bool {
	return f.Match(entryOf(s), c)
}
