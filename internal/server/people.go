package server

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/observe/kubeapi"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

type checker = access.Checker

// newChecker makes what asks the cluster what people may do. It sends nothing
// until somebody wants something.
func (s *server) newChecker(ctx context.Context) (*access.Checker, error) {
	c, err := access.New(access.Options{
		Config:     s.meters.counted(quick(s.opts.Config), kubeapi.Local),
		Namespaces: s.inhabited,
		Metrics:    access.NewMetrics(s.meters),
	})
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, c.Close)
	return c, nil
}

// inhabited returns the namespaces that hold Stacks. The list is read where it
// lies in memory: nothing of it is kept or changed.
func (s *server) inhabited(ctx context.Context) ([]string, error) {
	var list v1alpha1.StackList
	if err := s.mgr.GetClient().List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []string
	for i := range list.Items {
		if ns := list.Items[i].Namespace; !seen[ns] {
			seen[ns] = true
			out = append(out, ns)
		}
	}
	return out, nil
}
