package kubernetes

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Preview asks the API what a Create or Update step would change, webhooks and
// defaults included, without changing anything. It costs as much as the apply
// does, so it is for people who ask, not for every pass. It returns no changes
// for an object that is not there yet.
func (c *Cluster) Preview(ctx context.Context, as driver.Actor, step plan.Step) ([]lockstep.FieldChange, error) {
	if err := c.closed(); err != nil {
		return nil, err
	}
	w := write{unit: as.Unit, as: identityOf(as), step: step, key: step.Key}
	if err := c.locate(ctx, &w); err != nil {
		return nil, w.placed(err)
	}
	known := c.view.get(w.key)
	if w.another(known) {
		return nil, w.placed(w.ownedByOther(known.unit))
	}
	body, err := w.encode()
	if err != nil {
		return nil, w.placed(err)
	}
	w.body = body
	a, err := send(ctx, c.applyRequest(w, byForce).Param("dryRun", metav1.DryRunAll))
	if failed(err) {
		return nil, w.placed(c.misshapen(ctx, w, err))
	}
	if err != nil {
		return nil, w.placed(c.explain(ctx, err, w.attempt("patch")))
	}
	if a.created {
		return nil, nil
	}
	after := newRecord(a.tree)
	before := &record{}
	if known != nil {
		before = known
	}
	return diff.Changes(after.wanted(after.owned).Tree, after.wanted(before.owned).Tree, c.opts.Digester), nil
}
