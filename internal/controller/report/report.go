// Package report is the one place where what a pass came to becomes a status, an
// event and a requeue.
//
// A status is written when it changed, once per pass. An event is sent when the
// Ready condition changed, never because a pass ran. What an error leads to is
// in the table of package fault and nowhere else.
package report

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/flowcontrol"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Reporter writes what passes came to. It is safe for concurrent use.
type Reporter struct {
	client client.Client
	events events.EventRecorder
	log    *slog.Logger
	// Metrics counts what is told; may be nil.
	Metrics *Metrics
	// news bounds events that say that all is well: a fleet that comes up would
	// otherwise send one for each Stack, and the record is in the status anyway.
	news flowcontrol.RateLimiter

	mu       sync.Mutex
	failures map[types.UID]failure
	written  map[types.UID]client.Object
	warned   map[types.UID]bool // whose last event was a warning

	outbox *outbox
}

// failure counts tries of one object that ended in the same fault.
type failure struct {
	text  string
	tries int
}

// Events that are no failure: so many at once, and so many a second after that.
const (
	newsBurst     = 10
	newsPerSecond = 1
)

// New returns a Reporter.
func New(c client.Client, rec events.EventRecorder, log *slog.Logger) *Reporter {
	return &Reporter{
		client:   c,
		events:   rec,
		log:      log,
		news:     flowcontrol.NewTokenBucketRateLimiter(newsPerSecond, newsBurst),
		failures: map[types.UID]failure{},
		written:  map[types.UID]client.Object{},
		warned:   map[types.UID]bool{},
		outbox:   newOutbox(),
	}
}

// Latest returns o, or what was written of it last if the cache has not caught
// up with that. A patch that is made against an older state leaves out what it
// believes to be there already.
//
// A Stack comes with the status that is still on its way to the API. The answer
// is shared and must not be changed.
func (r *Reporter) Latest(o client.Object) client.Object {
	// Asked in this order: a status that is written meanwhile is in both places,
	// not in none.
	pending := r.outbox.status(o.GetUID())
	o = r.newest(o)
	s, ok := o.(*v1alpha1.Stack)
	if pending == nil || !ok {
		return o
	}
	out := *s // shallow: nobody changes what is shared
	out.Status = *pending
	return &out
}

func (r *Reporter) newest(o client.Object) client.Object {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.written[o.GetUID()]
	if own == nil {
		return o
	}
	if !newer(own, o) {
		delete(r.written, o.GetUID())
		return o
	}
	return own
}

// Wrote remembers the API's answer to a write.
func (r *Reporter) Wrote(o client.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[o.GetUID()] = o
}

// newer compares resource versions, which Kubernetes promises to be ordered for
// its own and custom resources (KEP-5504).
func newer(a, b client.Object) bool {
	x, errX := strconv.ParseUint(a.GetResourceVersion(), 10, 64)
	y, errY := strconv.ParseUint(b.GetResourceVersion(), 10, 64)
	return errX == nil && errY == nil && x > y
}

// Written is one pass's report. Before and After are the same object with its
// status as read and as it should be.
type Written struct {
	Before, After client.Object
	Verdict       v1alpha1.Verdict
	Err           error // why the pass failed, nil if it did not
	RetryMax      time.Duration
	// Again asks for another pass after so long, when nothing failed.
	Again time.Duration
	// News is the event text when something was done that a person did not ask
	// for; "" for none.
	News string
}

// Fault is the verdict of an error.
func Fault(err error) v1alpha1.Verdict {
	faults := fault.All(err)
	lines := make([]string, 0, len(faults))
	for _, f := range faults {
		lines = append(lines, Line(f))
	}
	c := faults[0].Kind.Consequence()
	return v1alpha1.Failing(c.Reason, strings.Join(lines, "\n"), c.Retry == fault.OnEvent && faults[0].Kind != fault.KindWaiting)
}

// Line is a fault as one line for a condition or event.
func Line(f *fault.Fault) string {
	if f.Hint == "" {
		return f.Error()
	}
	return f.Error() + " (" + f.Hint + ")"
}

// Write has the status written if it changed, sends an event if the verdict did,
// and says when to come again. The status of a Stack is written on the side, soon
// (see outbox); one that is lost in a crash is found again by the next pass.
func (r *Reporter) Write(ctx context.Context, w Written) (reconcile.Result, error) {
	r.event(ctx, w)
	if s, ok := w.After.(*v1alpha1.Stack); ok {
		before := w.Before.(*v1alpha1.Stack)
		if !equality.Semantic.DeepEqual(before.Status, s.Status) {
			r.outbox.put(ctx, before, s, before.Status.LastHandledReconcileAt != s.Status.LastHandledReconcileAt)
		}
		return reconcile.Result{RequeueAfter: r.again(w)}, nil
	}
	if !equality.Semantic.DeepEqual(w.Before, w.After) {
		err := client.IgnoreNotFound(r.client.Status().Patch(ctx, w.After, client.MergeFrom(w.Before)))
		r.Metrics.status(w.After, err)
		if err != nil {
			return reconcile.Result{}, err
		}
		r.Wrote(w.After)
	}
	return reconcile.Result{RequeueAfter: r.again(w)}, nil
}

// Forget drops what is remembered of a deleted object.
func (r *Reporter) Forget(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.failures, uid)
	delete(r.written, uid)
	delete(r.warned, uid)
	r.outbox.drop(uid)
}

func (r *Reporter) event(ctx context.Context, w Written) {
	switch {
	case trouble(w):
		r.log.WarnContext(ctx, "pass failed", "kind", kindOf(w.After), "object", w.After.GetNamespace()+"/"+w.After.GetName(), "reason", w.Verdict.Ready.Reason,
			"message", short(w.Verdict.Ready.Message), "cause", causes(w.Err))
		r.Metrics.event(corev1.EventTypeWarning, true)
		r.mu.Lock()
		r.warned[w.After.GetUID()] = true
		r.mu.Unlock()
		r.events.Eventf(w.After, nil, corev1.EventTypeWarning, w.Verdict.Ready.Reason, "Reconcile", "%s", short(w.Verdict.Ready.Message))
	case r.recovered(w) || w.Err == nil && w.News != "":
		sent := r.news.TryAccept()
		r.Metrics.event(corev1.EventTypeNormal, sent)
		if !sent {
			return
		}
		r.events.Eventf(w.After, nil, corev1.EventTypeNormal, w.Verdict.Ready.Reason, "Reconcile", "%s", short(cmp.Or(w.News, w.Verdict.Ready.Message)))
	}
}

// recovered says whether all is well again with an object that the last event
// warned of. What went well all along is in the status and in nobody's way: an
// event would be one more write for each change.
func (r *Reporter) recovered(w Written) bool {
	uid := w.After.GetUID()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.warned[uid] || w.Err != nil || w.Verdict.Ready.Status != metav1.ConditionTrue {
		return false
	}
	delete(r.warned, uid)
	return true
}

// trouble says whether the pass ended in something that a person should hear of
// and has not heard yet: another fault, or a state that will not pass by itself.
// The words of such a state may change as things move; its reason makes it new.
func trouble(w Written) bool {
	before, after := readyOf(w.Before), readyOf(w.After)
	if w.Err != nil {
		return before != after
	}
	switch after.Reason {
	case v1alpha1.ReasonHeld, v1alpha1.ReasonDegraded, v1alpha1.ReasonTimeout, v1alpha1.ReasonRelease, v1alpha1.ReasonDrifted:
		return before.Reason != after.Reason
	}
	return false
}

// again turns the error into a delay: the table in package fault says which
// kinds are tried again, each try waits twice as long as the one before, up to
// RetryMax, and a fifth of it at random keeps a crowd from moving in step.
func (r *Reporter) again(w Written) time.Duration {
	uid := w.After.GetUID()
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.Err == nil {
		delete(r.failures, uid)
		return w.Again
	}
	f := r.failures[uid]
	if text := w.Err.Error(); f.text != text {
		f = failure{text: text}
	}
	delay := retry(w.Err, f.tries, w.RetryMax)
	f.tries++
	r.failures[uid] = f
	if delay == 0 {
		return w.Again
	}
	return delay
}

// retry is the soonest retry among all faults, 0 if only an event can help.
func retry(err error, tries int, limit time.Duration) time.Duration {
	var soonest time.Duration
	for _, f := range fault.All(err) {
		c := f.Kind.Consequence()
		if c.Retry != fault.Backoff {
			continue
		}
		d := min(c.First<<min(tries, 16), limit)
		if soonest == 0 || d < soonest {
			soonest = d
		}
	}
	return soonest + time.Duration(rand.Int64N(int64(soonest)/5+1))
}

// causes is for the log only: what was wrapped and is not shown to users.
func causes(err error) []string {
	var out []string
	for _, f := range fault.All(err) {
		if c := f.Unwrap(); c != nil {
			out = append(out, c.Error())
		}
	}
	return out
}

// maxEvent is what the events API takes in a note.
const maxEvent = 1024

func short(s string) string {
	if len(s) <= maxEvent {
		return s
	}
	return strings.ToValidUTF8(s[:maxEvent-3], "") + "…"
}

func readyOf(o runtime.Object) metav1.Condition {
	var conditions []metav1.Condition
	switch o := o.(type) {
	case *v1alpha1.Source:
		conditions = o.Status.Conditions
	case *v1alpha1.Stack:
		conditions = o.Status.Conditions
	case *v1alpha1.Target:
		conditions = o.Status.Conditions
	}
	for _, c := range conditions {
		if c.Type == v1alpha1.ConditionReady {
			return metav1.Condition{Status: c.Status, Reason: c.Reason, Message: c.Message}
		}
	}
	return metav1.Condition{}
}
