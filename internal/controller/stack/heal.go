package stack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// heals slows down a fight. Whoever else keeps writing a field is answered at
// once, and once more; then each answer waits twice as long as the one before,
// so that two programs that disagree do not keep the API server busy.
type heals struct {
	mu sync.Mutex
	of map[lockstep.Unit]fight
}

// fight counts how often the same wish was carried out.
type fight struct {
	wish   wish
	rounds int
	last   time.Time
}

// wish is what Git and people ask for; a new one is no fight.
type wish struct {
	key, request string
	generation   int64
}

// A fight is over when nothing had to be done again for so long.
const truce = 10 * time.Minute

// free is how many rounds are not slowed down: the first brings the commit, two
// more undo what somebody did.
const free = 3

// wait returns how long p has to wait before it acts, and counts a round when it
// need not.
func (h *heals) wait(p *pass, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of == nil {
		h.of = map[lockstep.Unit]fight{}
	}
	f := h.of[p.unit]
	w := wish{key: p.memo.Key, request: p.stack.Annotations[v1alpha1.AnnotationReconcileAt], generation: p.stack.Generation}
	if f.wish != w || now.Sub(f.last) > truce {
		f = fight{wish: w}
	}
	if f.rounds >= free {
		limit := max(p.stack.Spec.Sync.RetryMax.Duration, time.Second)
		pause := min(time.Second<<min(f.rounds-free, 16), limit)
		if left := pause - now.Sub(f.last); left > 0 {
			return left
		}
	}
	f.rounds, f.last = f.rounds+1, now
	h.of[p.unit] = f
	return 0
}

func (h *heals) forget(u lockstep.Unit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, u)
}

// rest reports drift that is not healed yet, and comes back when it may be.
func (r *Reconciler) rest(ctx context.Context, p *pass, left time.Duration) (reconcile.Result, error) {
	reason := "somebody keeps changing what Git decides"
	if steps := p.plan.Steps(); len(steps) > 0 {
		reason = fmt.Sprintf("%s: %s", steps[0].Key, steps[0].Reason)
	}
	res, err := r.report(ctx, p, v1alpha1.Drifted(reason+"; it keeps coming back, so healing waits between tries"), nil)
	if err == nil && (res.RequeueAfter == 0 || res.RequeueAfter > left) {
		res.RequeueAfter = left
	}
	return res, err
}
