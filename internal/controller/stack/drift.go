package stack

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/drift"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// ledgers holds the drift ledger of each unit. A ledger is used by one pass at a
// time, since there is one pass of a unit at a time.
type ledgers struct {
	mu sync.Mutex
	of map[lockstep.Unit]*drift.Ledger
}

func (l *ledgers) get(u lockstep.Unit) *drift.Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[lockstep.Unit]*drift.Ledger{}
	}
	if l.of[u] == nil {
		l.of[u] = &drift.Ledger{}
	}
	return l.of[u]
}

func (l *ledgers) forget(u lockstep.Unit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, u)
}

// ledger returns the unit's ledger, told what this pass is about.
func (r *Reconciler) ledger(p *pass) *drift.Ledger {
	l := r.drift.get(p.unit)
	l.Begin(drift.Wish{
		Key:        p.memo.Key,
		Request:    p.stack.Annotations[v1alpha1.AnnotationReconcileAt],
		Generation: p.stack.Generation,
	})
	if p.before.Status.Drift != nil && stack.Carried(p.before, p.memo.Key) {
		l.Restore(stack.DriftRecorded(p.before.Status.Drift))
	}
	return l
}

// unmets are the objects that are not as they are wanted.
func (p *pass) unmets() []plan.Unmet {
	return plan.Unmets(p.wants(), p.live, p.unit, stack.PolicyOf(p.stack).Drift)
}

// asleep says whether all that is not as it is wanted was decided to be left so:
// nothing has to be rendered to know that it still is.
func (r *Reconciler) asleep(p *pass) bool {
	if len(p.live.MissingKinds) > 0 {
		return false
	}
	l := r.ledger(p)
	again, ok := l.Asleep(p.unmets(), time.Now())
	if !ok {
		return false
	}
	p.again, p.drift, p.alone = again, l.Records(), len(l.Alone())
	p.judged = true
	return true
}

// due leaves out of the plan what has to wait, because it was done before and
// came back. It notes what was decided about everything else.
func (r *Reconciler) due(p *pass) {
	l := r.ledger(p)
	limit := max(p.stack.Spec.Sync.RetryMax.Duration, time.Second)
	d := l.Decide(p.plan, p.unmets(), limit, time.Now())
	if p.broken != nil {
		l.Undecided()
	}
	p.plan, p.again = d.Due, d.Again
	p.drift, p.alone = l.Records(), len(l.Alone())
	p.judged = true
	r.Metrics.drift.detected(d.Detected)
}

// holds notes the drift that would be healed if the plan were not held.
func (r *Reconciler) holds(p *pass, gate plan.Gate) {
	l := r.ledger(p)
	r.Metrics.drift.detected(l.Held(p.plan, p.unmets(), gate.Name, time.Now()))
	p.drift, p.alone = l.Records(), len(l.Alone())
	p.judged = true
}

// carried notes what was done, and says so: heals are on record.
func (r *Reconciler) carried(p *pass, seen map[lockstep.Key]time.Time) {
	l := r.drift.get(p.unit)
	l.Carried(p.plan, p.outcomes, time.Now())
	done := map[lockstep.Key]bool{}
	for _, o := range p.outcomes {
		done[o.Key] = o.Result == lockstep.Done || o.Result == lockstep.Unchanged
	}
	for _, s := range p.plan.Steps() {
		if !s.Heals || !done[s.Key] {
			continue
		}
		p.healed = append(p.healed, s)
		var took time.Duration
		if at, ok := seen[s.Key]; ok {
			took = time.Since(at)
		}
		r.Metrics.drift.healed(s, took)
		if r.Log != nil {
			r.Log.Info("healed drift", "stack", p.unit.String(), "object", s.Key.String(), "fields", pathsOf(s.Changes),
				"managers", managersOf(s.Changes), "seconds", took.Seconds())
		}
	}
}

// driftSeen is when the driver saw the drift that the plan heals.
func driftSeen(p *pass) map[lockstep.Key]time.Time {
	var out map[lockstep.Key]time.Time
	for _, o := range p.live.Objects {
		if len(o.Drift) == 0 || o.DriftSeen.IsZero() {
			continue
		}
		if out == nil {
			out = map[lockstep.Key]time.Time{}
		}
		out[o.Key] = o.DriftSeen
	}
	return out
}

// maxPaths bounds what a log line or event says of one object.
const maxPaths = 10

func pathsOf(changes []lockstep.FieldChange) []string {
	var out []string
	for _, c := range changes[:min(len(changes), maxPaths)] {
		out = append(out, c.Path)
	}
	return out
}

func managersOf(changes []lockstep.FieldChange) []string {
	var out []string
	for _, c := range changes {
		if c.Manager != "" && !slices.Contains(out, c.Manager) {
			out = append(out, c.Manager)
		}
	}
	slices.Sort(out)
	return out
}

// healNews is the text of the one event about all that a pass has healed.
func healNews(healed []plan.Step) string {
	if len(healed) == 0 {
		return ""
	}
	first := healed[0]
	text := "healed " + first.Key.Short() + ": " + first.Reason
	if paths := pathsOf(first.Changes); len(paths) > 0 {
		text += " in " + strings.Join(paths, ", ")
	}
	if n := len(healed) - 1; n > 0 {
		text += fmt.Sprintf("; and %s", counted(n, "more object"))
	}
	return text
}

// maxRecords bounds what the status holds of drift.
const maxRecords = 10

// driftStatus is the bounded part of drift that the status holds; nil for none.
func driftStatus(records []lockstep.Drift, alone int) *v1alpha1.StackDrift {
	if len(records) == 0 && alone == 0 {
		return nil
	}
	out := &v1alpha1.StackDrift{Fields: int32(len(records)), LeftAlone: int32(alone)}
	var last lockstep.Key
	for i, r := range records {
		if i == 0 || r.Object != last {
			out.Objects, last = out.Objects+1, r.Object
		}
		if first := metav1.NewTime(r.FirstSeen.Truncate(time.Second)); out.Since == nil || first.Before(out.Since) {
			out.Since = &first
		}
		if i < maxRecords {
			out.Records = append(out.Records, stack.DriftRecord(r))
		}
	}
	return out
}

// drifted is the verdict where there is drift, given that of health alone.
//
// Drift never hides that something is ill. Where Git's word is to be kept and is
// not, the Stack is not ready; where drift is only reported that is as its owner
// wants it, and those that depend on the Stack do not have to wait.
func drifted(p *pass, h lockstep.Health, v v1alpha1.Verdict) v1alpha1.Verdict {
	if len(p.drift) == 0 || h.Status == lockstep.Degraded || v.Ready.Reason == v1alpha1.ReasonTimeout {
		return v
	}
	lacking := slices.ContainsFunc(p.drift, func(d lockstep.Drift) bool { return d.State != lockstep.DriftReported || d.Field == "" })
	if lacking {
		return v1alpha1.Drifted(driftWords(p.drift))
	}
	if v.Ready.Status != metav1.ConditionTrue {
		return v
	}
	return v1alpha1.DriftedAndHealthy(revisionOf(p).Short(), len(p.memo.Wants), driftWords(p.drift))
}

// driftWords puts what waits first: it is what somebody has to end. Values are
// left out, so that the words stay while values change.
func driftWords(records []lockstep.Drift) string {
	sorted := slices.Clone(records)
	slices.SortStableFunc(sorted, func(a, b lockstep.Drift) int { return urgency(a.State) - urgency(b.State) })
	var lines []string
	for _, r := range sorted[:min(len(sorted), maxRecords)] {
		lines = append(lines, driftLine(r))
	}
	if n := len(sorted) - len(lines); n > 0 {
		lines = append(lines, fmt.Sprintf("and %s", counted(n, "more field")))
	}
	return strings.Join(lines, "\n")
}

func urgency(s lockstep.DriftState) int {
	return slices.Index([]lockstep.DriftState{lockstep.DriftResting, lockstep.DriftWaiting, lockstep.DriftHeld, lockstep.DriftReported}, s)
}

func driftLine(r lockstep.Drift) string {
	by := r.Manager
	if by == "" {
		by = "somebody"
	}
	what := r.Field + " was changed by " + by
	switch {
	case r.Field == "" && r.Operation == "Delete":
		what = "was deleted"
	case r.Field == "":
		what = "is not as Git asks"
	}
	return fmt.Sprintf("%s: %s; %s", r.Object, what, r.Next)
}
