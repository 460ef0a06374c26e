package status

import (
	"context"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// observe asks the Target itself; nothing that Lockstep remembers is trusted
// when somebody wants to see objects.
func observe(e *env.Env) func(context.Context, *api.Client, *v1alpha1.Stack) (lockstep.Live, error) {
	return func(ctx context.Context, c *api.Client, s *v1alpha1.Stack) (lockstep.Live, error) {
		l, err := lookup.New(e, c)
		if err != nil {
			return lockstep.Live{}, err
		}
		defer l.Close()
		return l.Observe(ctx, s)
	}
}
