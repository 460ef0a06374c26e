package stack

import (
	"context"
	"errors"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/member"
)

// errOvertaken ends a render whose result nobody would want any more.
var errOvertaken = errors.New("a newer commit takes over")

// passLimit bounds one pass, so that a Target that answers slowly, or a Stack of
// very many objects, gives its worker back. What was applied by then is whole, and
// the next pass goes on from there.
const passLimit = 5 * time.Minute

// bounded limits a pass to passLimit, or to less if the Stack asks for that.
func bounded(ctx context.Context, s *v1alpha1.Stack) (context.Context, context.CancelFunc) {
	limit := passLimit
	if d := s.Spec.Sync.Timeout.Duration; d > 0 {
		limit = min(limit, max(d, 30*time.Second))
	}
	return context.WithTimeout(ctx, limit)
}

// stageHooks is the stage of hooks, which run to their ends.
const stageHooks = "hooks"

// reportTime is what a pass that ran out of time has for saying so.
const reportTime = 10 * time.Second

// last returns a context to report with: that of the pass, unless its time is up.
// One that was cancelled for another reason stays so; the Stack is another
// replica's, or the server ends.
func last(ctx context.Context) (context.Context, context.CancelFunc) {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), reportTime)
}

// yields says whether the pass should end at this safe point: a newer commit has
// come that touches the Stack, or another replica waits for it. No commit matters to
// a Stack that is being deleted.
func (r *Reconciler) yields(ctx context.Context, p *pass) bool {
	return member.Stopping(ctx) || p.stack.DeletionTimestamp.IsZero() && r.Fleet.Stale(p.unit)
}

// follow ends a render when what it has read is no longer what Git says. The
// result would be thrown away, and a render may take long.
func (r *Reconciler) follow(u lockstep.Unit, commit string) func(context.Context, *render.Recorder) (context.Context, func()) {
	return func(ctx context.Context, rec *render.Recorder) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		done := make(chan struct{})
		go func() {
			for {
				news := r.Fleet.News()
				if r.Fleet.Overtaken(u, commit, rec.Reads()) {
					cancel(errOvertaken)
					return
				}
				select {
				case <-news:
				case <-done:
					return
				}
			}
		}()
		return ctx, func() { close(done); cancel(nil) }
	}
}
