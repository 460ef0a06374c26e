package kubernetes

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Observe answers from memory. It makes requests only for kinds that are not
// watched yet, and after a restart one for each object that somebody changed
// while nobody looked.
func (c *Cluster) Observe(ctx context.Context, q driver.Query) (lockstep.Live, error) {
	if err := c.closed(); err != nil {
		return lockstep.Live{}, err
	}
	found, missing, err := c.resolve(ctx, kindsOf(q))
	if err != nil {
		return lockstep.Live{}, err
	}
	c.expect(q, missing)
	if err := c.judgeAnew(ctx, q); err != nil {
		return lockstep.Live{}, err
	}
	if err := c.watchable(q, found); err != nil {
		return lockstep.Live{}, err
	}
	if err := c.watch(ctx, found); err != nil {
		return lockstep.Live{}, err
	}

	unseen, err := c.watchOthers(ctx, q.Others)
	if err != nil {
		return lockstep.Live{}, err
	}

	records, err := c.concerned(ctx, q)
	if err != nil {
		return lockstep.Live{}, err
	}
	live := lockstep.Live{MissingKinds: missing, Unseen: unseen, Objects: make([]lockstep.LiveObject, 0, len(records))}
	for _, r := range records {
		// Judging may have replaced it, and may have found it gone.
		if r = c.view.get(r.key); r != nil {
			live.Objects = append(live.Objects, r.live())
		}
	}
	slices.SortFunc(live.Objects, func(a, b lockstep.LiveObject) int { return a.Key.Compare(b.Key) })
	live.Objects = slices.CompactFunc(live.Objects, func(a, b lockstep.LiveObject) bool { return a.Key == b.Key })
	return live, nil
}

// concerned returns the records that q is about, once each of them has been
// judged.
func (c *Cluster) concerned(ctx context.Context, q driver.Query) ([]*record, error) {
	records := c.view.ofUnit(q.Unit)
	for _, o := range q.Desired {
		r := c.view.get(o.Key())
		switch {
		case r == nil:
		case r.unit != q.Unit:
			records = append(records, r)
		default:
			if err := c.prove(ctx, r, o); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range records {
		if !r.blind {
			continue
		}
		if err := c.lookAgain(ctx, r); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// kindsOf returns the kinds that q is about, each with the version to read it
// at: that of the first desired object, so that our fields mean the same there
// as in Git.
func kindsOf(q driver.Query) map[lockstep.GroupKind]string {
	kinds := map[lockstep.GroupKind]string{}
	for _, gk := range q.Kinds {
		kinds[gk] = ""
	}
	for _, o := range q.Desired {
		gk := o.Key().GroupKind()
		if kinds[gk] == "" {
			kinds[gk] = o.Version()
		}
	}
	return kinds
}

// watchable refuses what can never be kept live.
func (c *Cluster) watchable(q driver.Query, found []mapping) error {
	served := make(map[lockstep.GroupKind]mapping, len(found))
	for _, m := range found {
		served[m.kind] = m
	}
	for _, o := range q.Desired {
		m, ok := served[o.Key().GroupKind()]
		if !ok {
			continue
		}
		if !m.can("list") || !m.can("watch") {
			return fault.Invalid("kind %q is a question to the API, not something that can be kept there", m.kind).
				At("%s", place(o)).WithHint("remove it from the directory")
		}
		ns := o.Namespace()
		if m.namespaced && len(c.opts.Namespaces) > 0 && !slices.Contains(c.opts.Namespaces, ns) {
			return fault.Denied("namespace %q is none of the target's namespaces (%s)", ns, strings.Join(c.opts.Namespaces, ", ")).
				At("%s", place(o)).WithHint("add it to spec.kubernetes.namespaces of the Target")
		}
	}
	return nil
}

// prove judges r by what is desired, and what comes after r if it changes
// meanwhile. A verdict that came too late may not be forgotten: the change has
// woken a pass that does not render, and that would take silence for proof.
func (c *Cluster) prove(ctx context.Context, r *record, desired lockstep.Object) error {
	for r != nil && r.base == nil && r.managed {
		judged, err := c.judge(ctx, r, desired)
		if judged || err != nil {
			return err
		}
		next := c.view.get(r.key)
		if next == r { // it is gone, and the watch has not said so yet
			return nil
		}
		r = next
	}
	return nil
}

// judge finds drift in an object whose last apply this process has not seen: a
// desired field that is not among ours any more was changed by somebody, or was
// never kept by the API (re-applying tells which). It returns false when it knows
// no more than before.
func (c *Cluster) judge(ctx context.Context, r *record, desired lockstep.Object) (bool, error) {
	set, err := c.view.sets.parse(r.set)
	if err != nil {
		return false, fault.Internal(err)
	}
	lost, by := diff.Missing(desired, set), c.opts.Digester.Object(desired)
	switch {
	case len(lost) == 0 && by != r.digest:
		return true, nil // it is not what was applied: that may have had other fields
	case len(lost) == 0:
		return c.view.judge(r, func(n *record) { n.base, n.drift, n.judgedFor, n.judgedBy = n.owned, nil, "", "" }), nil
	}
	// The separator cannot occur in a path unquoted.
	why := strings.Join(lost, "\n")
	if r.judgedFor == why && r.judgedBy == by {
		return true, nil
	}
	tree, err := c.get(ctx, identity{}, r.key, r.version)
	if err != nil || tree == nil {
		return false, err
	}
	drift := diff.Drift(desired, tree, diff.Managers(tree), v1alpha1.FieldManager, c.opts.Digester)
	drift = c.keepable(ctx, r, desired, drift)
	return c.view.judge(r, func(n *record) { n.drift, n.judgedFor, n.judgedBy = drift, why, by }), nil
}

// keepable leaves out of drift the fields that the API does not keep even when
// they are applied: a definition that does not have them, a policy that takes
// them out. Nobody else removed those. A dry run tells; it is asked only about
// fields that are gone, after a restart.
func (c *Cluster) keepable(ctx context.Context, r *record, desired lockstep.Object, drift []lockstep.FieldChange) []lockstep.FieldChange {
	gone := func(x lockstep.FieldChange) bool { return x.From == "" && x.Manager == "" }
	if !slices.ContainsFunc(drift, gone) {
		return drift
	}
	step := plan.Step{Key: r.key, Verb: lockstep.Update, Desired: desired, Digest: r.digest, Unvalidated: true}
	w := write{unit: r.unit, step: step, key: r.key}
	if err := c.locate(ctx, &w); err != nil {
		return drift
	}
	var err error
	if w.body, err = w.encode(); err != nil {
		return drift
	}
	// Where the dry run is refused the apply tells.
	a, err := send(ctx, c.applyRequest(w, byForce).Param("dryRun", metav1.DryRunAll))
	if err != nil {
		return drift
	}
	after := newRecord(a.tree)
	set, err := diff.ParseFieldSet([]byte(after.set))
	if err != nil {
		return drift
	}
	never := diff.Missing(desired, set)
	return slices.DeleteFunc(drift, func(x lockstep.FieldChange) bool { return gone(x) && slices.Contains(never, x.Path) })
}

// lookAgain reads an object whose drift was found in a list.
func (c *Cluster) lookAgain(ctx context.Context, r *record) error {
	tree, err := c.get(ctx, identity{}, r.key, r.version)
	if err != nil || tree == nil {
		return err
	}
	// Whoever asked gets the answer; nobody else has to be told.
	c.view.looked(tree, r)
	return nil
}

func place(o lockstep.Object) string {
	if from := o.Origin.String(); from != "" {
		return o.Key().String() + ", " + from
	}
	return o.Key().String()
}
