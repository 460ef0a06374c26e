package stack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/observe"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// settled reports a pass that did all it could: what is left is how the objects
// are doing.
func (r *Reconciler) settled(ctx context.Context, p *pass) (reconcile.Result, error) {
	if p.broken != nil {
		return r.report(ctx, p, report.Fault(p.broken), p.broken)
	}
	if p.superseded {
		return r.report(ctx, p, v1alpha1.Progressing("a newer commit takes over"), nil)
	}
	h := healthOf(p)
	return r.report(ctx, p, drifted(p, h, r.verdict(p, h)), nil)
}

func (r *Reconciler) verdict(p *pass, h lockstep.Health) v1alpha1.Verdict {
	switch h.Status {
	case lockstep.Healthy, lockstep.Suspended:
		return onHold(p, v1alpha1.InSync(revisionOf(p).Short(), len(p.memo.Wants)))
	case lockstep.Degraded:
		return v1alpha1.Degraded(h.Message)
	default:
		if left, running := deadline(p); running && left <= 0 {
			return v1alpha1.TimedOut(fmt.Sprintf("not healthy within %s: %s", p.stack.Spec.Sync.Timeout.Duration, h.Message))
		}
		return v1alpha1.Progressing(h.Message)
	}
}

// onHold says with v that Git may be ahead of what is live, and why.
func onHold(p *pass, v v1alpha1.Verdict) v1alpha1.Verdict {
	if h := p.stack.Spec.Hold; h != nil {
		v.Ready.Message += "; " + h.String()
	}
	return v
}

// report turns what the pass came to into the status, one event at the most, and
// the time of the next look.
func (r *Reconciler) report(ctx context.Context, p *pass, v v1alpha1.Verdict, err error) (res reconcile.Result, failed error) {
	describe(observe.Current(ctx), p, v.Ready.Reason, err)
	ctx, b := r.begin(ctx, beatReport)
	defer func() { r.end(b, failed) }()
	s := &p.stack.Status
	s.ObservedGeneration = p.stack.Generation
	if v.Ready.Reason != v1alpha1.ReasonWaiting {
		// A request that has to wait for a dependency is still to be handled.
		s.LastHandledReconcileAt = p.stack.Annotations[v1alpha1.AnnotationReconcileAt]
	}
	s.Plan = nil
	if !p.plan.Empty() && p.outcomes == nil && !p.underWay() {
		s.Plan = &v1alpha1.PlanSummary{Digest: p.plan.Digest, Summary: p.plan.Sentence()}
		if gate, held := p.held(); held {
			s.Plan.Held = gate.Name
		}
	}
	if p.memo.Key != "" && p.memo.Err == nil {
		h := healthOf(p)
		s.Health = &v1alpha1.StackHealth{Status: h.Status.String(), Message: h.Message}
		s.Renderer = string(p.memo.Renderer)
		s.Objects = int32(p.objects())
		s.DeleteHooks = int32(p.memo.DeleteHooks)
	}
	if p.looked {
		s.Kinds = stack.KindsLive(p.unit, p.live)
	}
	live := (p.plan.Empty() || p.outcomes != nil) && !p.pending
	if p.rolls() {
		live = p.run.action == hook.Testing || p.run.record.State == run.Succeeded
	}
	if live && p.memo.Key != "" && err == nil && !p.superseded {
		advance(p)
	}
	if p.judged {
		s.Drift = driftStatus(p.drift, p.alone)
		r.Metrics.drift.now(p.unit, p.drift)
	}
	if p.outcomes != nil && p.broken == nil && p.consumed == "" {
		p.consumed = p.consent
	}
	if p.consumed != "" && !slices.Contains(s.Consumed, p.consumed) {
		s.Consumed = append([]string{p.consumed}, s.Consumed...)
		s.Consumed = s.Consumed[:min(len(s.Consumed), maxConsumed)]
	}
	news := r.release(p, v, err)
	r.keepHistory(p)
	v1alpha1.SetVerdict(&s.Conditions, v, p.stack.Generation, metav1.Now())

	r.Fleet.Set(p.unit, fleet.State{Ready: v.Ready.Status == metav1.ConditionTrue, Why: firstLine(v.Ready.Message)})
	r.Metrics.passes.WithLabelValues(v.Ready.Reason).Observe(time.Since(p.start).Seconds())
	r.Metrics.stands(p.unit, s.Conditions)
	r.tell(ctx, p, v)
	ctx, cancel := last(ctx)
	defer cancel()
	r.keepRecord(ctx, p)
	return r.Report.Write(ctx, report.Written{
		Before: p.before, After: p.stack, Verdict: v, Err: err, News: news,
		Again:    again(p, v),
		RetryMax: max(p.stack.Spec.Sync.RetryMax.Duration, time.Second),
	})
}

// objects is how many Git asks for; of a module, how many resources its state knows.
func (p *pass) objects() int {
	if p.desk != nil {
		return p.resources()
	}
	return len(p.memo.Wants)
}

// maxConsumed bounds how many approvals are remembered to be used up.
const maxConsumed = 20

// advance moves status to what is live now. A commit that leaves the key as it
// is leaves the revision as well.
func advance(p *pass) {
	if p.stack.Status.Key == p.memo.Key {
		return
	}
	p.stack.Status.Key = p.memo.Key
	p.stack.Status.Revision = p.memo.Revision.Commit
}

// release keeps the record of plans that were carried out, and returns what a
// person has to be told of one: that it undid what somebody did.
func (r *Reconciler) release(p *pass, v v1alpha1.Verdict, err error) (news string) {
	if p.rolls() {
		p.chronicle()
		return ""
	}
	s := &p.stack.Status
	now := metav1.Now()
	if p.outcomes != nil && p.stack.DeletionTimestamp.IsZero() {
		news = begin(s, p, now)
	}
	if len(s.History) == 0 {
		return news
	}
	head := &s.History[0]
	if head.Outcome != outcomeProgressing && p.outcomes == nil {
		return news
	}
	next := outcomeOf(p, v, err)
	if next == head.Outcome && head.Message == messageOf(v, next) {
		return news
	}
	head.Outcome, head.Message, head.FinishedAt = next, messageOf(v, next), nil
	if next != outcomeProgressing {
		head.FinishedAt = &now
	}
	return news
}

// The outcomes of a release.
const (
	outcomeProgressing = "Progressing"
	outcomeSucceeded   = "Succeeded"
	outcomeFailed      = "Failed"
	outcomeSuperseded  = "Superseded"
)

// begin adds a release, or takes up the one at the head again when the same plan
// is only tried once more.
func begin(s *v1alpha1.StackStatus, p *pass, now metav1.Time) (news string) {
	summary := done(p.outcomes)
	if len(s.History) > 0 {
		head := &s.History[0]
		if head.Digest == p.plan.Digest && head.Outcome == outcomeFailed {
			head.Summary = summary
			return ""
		}
		if head.Digest == p.plan.Digest && head.Cause == causeDrift && p.cause() == causeDrift {
			// Somebody does the same again and again: one line says it, and the
			// releases of commits stay in the history.
			head.Times = max(head.Times, 1) + 1
			head.Summary, head.Outcome = summary, outcomeProgressing
			return healNews(p.healed)
		}
		if head.Outcome == outcomeProgressing {
			head.Outcome, head.FinishedAt = outcomeSuperseded, &now
		}
	}
	s.Release++
	rev := p.memo.Revision
	entry := v1alpha1.Release{
		ID: s.Release, Revision: rev.Commit, Subject: rev.Subject, Author: rev.Author,
		Digest: p.plan.Digest, Summary: summary, Cause: p.cause(),
		Outcome: outcomeProgressing, StartedAt: metav1.NewTime(p.start),
	}
	s.Begin(entry)
	if entry.Cause == causeDrift {
		return healNews(p.healed)
	}
	return ""
}

func outcomeOf(p *pass, v v1alpha1.Verdict, err error) string {
	switch {
	case p.superseded:
		return outcomeSuperseded
	case err != nil:
		return outcomeFailed
	case v.Ready.Status == metav1.ConditionTrue:
		return outcomeSucceeded
	case v.Ready.Reason == v1alpha1.ReasonTimeout, v.Ready.Reason == v1alpha1.ReasonDegraded && !inTime(p):
		return outcomeFailed
	}
	// What is degraded may still come right: a crash loop until the database is
	// up is how many an application starts.
	return outcomeProgressing
}

func messageOf(v v1alpha1.Verdict, outcome string) string {
	if outcome == outcomeFailed {
		return firstLine(v.Ready.Message)
	}
	return ""
}

// The causes of a release.
const (
	causeCommit  = "commit"
	causeSpec    = "spec"
	causeRequest = "request"
	causeRetry   = "retry"
	causeDrift   = "drift"
	causeHold    = "rollback"
)

// cause says why there is something to do.
func (p *pass) cause() string {
	s := p.before.Status
	switch {
	case s.Key != p.memo.Key && p.stack.Spec.Hold != nil && stack.ActionOf(p.before) == hook.Rollback:
		return causeHold
	case s.Key != p.memo.Key && p.onlyHeals():
		// What Git asks for came out the same: a kind that the cluster has since
		// learned changes the key of every chart.
		return causeDrift
	case s.Key != p.memo.Key && s.Revision != p.memo.Revision.Commit:
		return causeCommit
	case s.ObservedGeneration != p.stack.Generation || s.Key != p.memo.Key:
		return causeSpec
	case p.requested():
		return causeRequest
	case len(s.History) > 0 && s.History[0].Outcome == outcomeFailed:
		return causeRetry
	}
	return causeDrift
}

// onlyHeals says whether everything that is to be done undoes drift.
func (p *pass) onlyHeals() bool {
	steps := p.plan.Steps()
	return len(steps) > 0 && !slices.ContainsFunc(steps, func(s plan.Step) bool { return !s.Heals })
}

// done counts what was really changed.
func done(outcomes []lockstep.Outcome) string {
	verbs := []struct {
		verb lockstep.Verb
		word string
	}{{lockstep.Create, "created"}, {lockstep.Update, "changed"}, {lockstep.Replace, "replaced"}, {lockstep.Delete, "deleted"}, {lockstep.Orphan, "orphaned"}}
	counts := map[lockstep.Verb]int{}
	failed, skipped := 0, 0
	for _, o := range outcomes {
		switch o.Result {
		case lockstep.Done:
			counts[o.Verb]++
		case lockstep.Failed:
			failed++
		case lockstep.Skipped:
			skipped++
		}
	}
	var parts []string
	for _, v := range verbs {
		if n := counts[v.verb]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.word))
		}
	}
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	if skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", skipped))
	}
	if len(parts) == 0 {
		return "nothing to change"
	}
	return strings.Join(parts, ", ")
}

// healthOf is the health of everything that Git asks for.
func healthOf(p *pass) lockstep.Health {
	live := make(map[lockstep.Key]lockstep.Health, len(p.live.Objects))
	for _, o := range p.live.Objects {
		if o.Unit == p.unit {
			live[o.Key] = o.Health
		}
	}
	wants := p.wants()
	items := make([]health.Part, 0, len(wants))
	for _, w := range wants {
		if w.Alone {
			continue
		}
		h, ok := live[w.Key]
		if !ok {
			h = lockstep.Health{Status: lockstep.Missing, Message: "is not on the target"}
		}
		items = append(items, health.Part{Key: w.Key, Health: h})
	}
	return health.Aggregate(items)
}

// revisionOf is the commit to name when all is well: the one that last changed
// this Stack, so that the words stay as they are while commits pass it by.
func revisionOf(p *pass) lockstep.Revision {
	rev := p.memo.Revision
	if p.stack.Status.Key == p.memo.Key && p.stack.Status.Revision != "" {
		rev.Commit = p.stack.Status.Revision
	}
	return rev
}

// deadline returns the time left for the newest release to become healthy, and
// whether it is still judged by that: objects that fall ill later are not late.
func deadline(p *pass) (left time.Duration, running bool) {
	timeout := p.stack.Spec.Sync.Timeout.Duration
	if p.outcomes != nil {
		return timeout, true
	}
	h := p.stack.Status.History
	if len(h) == 0 {
		return 0, false
	}
	late := h[0].Outcome == outcomeFailed && reasonOf(p.before) == v1alpha1.ReasonTimeout
	if h[0].Outcome != outcomeProgressing && !late {
		return 0, false
	}
	return timeout - time.Since(h[0].StartedAt.Time), true
}

func inTime(p *pass) bool {
	left, running := deadline(p)
	return running && left > 0
}

func reasonOf(s *v1alpha1.Stack) string {
	for _, c := range s.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason
		}
	}
	return ""
}

// again is when to look although no event asks for it.
func again(p *pass, v v1alpha1.Verdict) time.Duration {
	d := p.stack.Spec.Interval.Duration
	if d <= 0 {
		d = 10 * time.Minute
	}
	d += rand.N(d/10 + 1)
	if left, running := deadline(p); running && left > 0 && v.Ready.Status == metav1.ConditionFalse {
		d = min(d, left+time.Second)
	}
	if p.again > 0 {
		d = min(d, p.again)
	}
	if !p.lapse.IsZero() {
		d = min(d, max(time.Until(p.lapse), 0)+time.Millisecond)
	}
	return d
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
