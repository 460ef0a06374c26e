package kubernetes

import (
	"context"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// watchOthers makes sure that kinds are watched which nobody asks for by name: it
// waits until the view knows them, and goes on without those that cannot be had.
// Their watches keep trying, and tell when they succeed.
func (c *Cluster) watchOthers(ctx context.Context, kinds []lockstep.GroupKind) (unseen, err error) {
	if len(kinds) == 0 {
		return nil, nil
	}
	found, unseen, err := c.served(ctx, kinds)
	if err != nil {
		return nil, err
	}
	if len(found) < len(kinds) {
		// A kind that is not served has no objects; should its definition come back,
		// the catalog has to be read again.
		c.mu.Lock()
		c.watchDefinitions()
		c.mu.Unlock()
	}
	// All are begun before the first is waited for: after a restart each brings a
	// whole list.
	var wanted []*watcher
	for _, m := range found {
		if !m.can("list") || !m.can("watch") {
			continue
		}
		for _, ns := range c.scopes(m) {
			wanted = append(wanted, c.watcher(watchKey{kind: m.kind, namespace: ns}, m))
		}
	}
	for _, w := range wanted {
		if why := c.settle(ctx, w); why != nil && unseen == nil {
			// Not explained by more questions: this comes by at every pass of every unit.
			unseen = fault.Unavailable("kind %q cannot be watched at %s: %s", w.at.kind, c.host, why).Because(why)
		}
	}
	if ctx.Err() != nil {
		return nil, c.interrupted(ctx)
	}
	return unseen, c.closed()
}

// served finds kinds without asking the API anew about those that it did not
// serve a moment ago.
func (c *Cluster) served(ctx context.Context, kinds []lockstep.GroupKind) (found []mapping, unseen, err error) {
	err = c.use(ctx, func(k *catalog) bool {
		found, unseen = make([]mapping, 0, len(kinds)), nil
		for _, gk := range kinds {
			m, ok := k.find(gk, "")
			if ok {
				found = append(found, m)
				continue
			}
			if k.broken[gk.Group] {
				unseen = fault.Unavailable("the server of API group %q does not answer at %s", gk.Group, c.host).
					WithHint("kubectl get apiservices names the service behind it")
			}
		}
		return true
	})
	return found, unseen, err
}

// settle waits until a watch stands or has failed, and says why it failed.
func (c *Cluster) settle(ctx context.Context, w *watcher) error {
	select {
	case <-w.synced:
		return nil
	default:
	}
	select {
	case <-w.synced:
		return nil
	case <-w.failed:
		return w.lastError()
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
	return nil
}
