package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// lifecycle is the strip of the newest release, with the times that the record has
// of it.
func (d *Deps) lifecycle(ctx context.Context, s *v1alpha1.Stack, st standing.Standing) *Lifecycle {
	l := lifecycleOf(s, st)
	if l == nil || d.Times == nil {
		return l
	}
	if t, ok := d.Times(ctx, stack.UnitOf(s), string(s.UID), l.Release); ok {
		l.timed(t)
	}
	return l
}

// lifecycleOf is the strip as far as the status knows it. Times that it does not keep
// are left out rather than made up.
func lifecycleOf(s *v1alpha1.Stack, st standing.Standing) *Lifecycle {
	if len(s.Status.History) == 0 {
		return nil
	}
	r := s.Status.History[0]
	l := &Lifecycle{
		Release: r.ID, Revision: r.Revision, Subject: r.Subject, Author: board.Author(r.Author), Cause: r.Cause, Outcome: r.Outcome,
		Started: board.Moment(r.StartedAt.Time), Finished: moment(r.FinishedAt),
	}
	step := func(name, state, note string) LifecycleStep {
		return LifecycleStep{Name: name, State: state, Note: note}
	}
	rendered := step("rendered", "done", fmt.Sprintf("%d objects", s.Status.Objects))
	applied := step("applied", "done", r.Summary)
	applied.At = l.Started
	healthy := step("healthy", "done", "")
	switch {
	case r.Outcome == "Progressing" && s.Status.Run != nil && slices.Contains([]string{"PreApply", "Applying"}, s.Status.Run.State):
		applied.State, healthy.State = "running", "todo"
	case r.Outcome == "Progressing":
		healthy.State, healthy.Note = "running", st.Message
	case r.Outcome == "Superseded":
		healthy.State, healthy.Note = "skipped", "a newer commit took over"
	case r.Outcome == "Failed" && s.Status.Run != nil && s.Status.Run.FailedIn != "":
		applied.State, applied.Note, healthy.State = "failed", r.Message, "todo"
	case r.Outcome == "Failed":
		healthy.State, healthy.Note = "failed", r.Message
	}
	if r.FinishedAt != nil && healthy.State == "done" {
		healthy.At = l.Finished
		took := r.FinishedAt.Sub(r.StartedAt.Time).Seconds()
		healthy.Took = &took
	}
	l.Steps = []LifecycleStep{
		step("commit", "done", r.Subject), step("fetched", "done", ""), rendered, step("planned", "done", ""), step("gates", "done", ""), applied, healthy,
	}
	return l
}

// causeCommit is of a release that was made for a commit: only of such is the time
// since the commit one that delivery took.
const causeCommit = "commit"

// timed fills in when each step was done and how long it took since the one before.
// What gates held back is in the time of the step after them.
func (l *Lifecycle) timed(t store.Times) {
	since := t.Started
	if l.Cause == causeCommit {
		since = t.Committed
	}
	at := map[string]time.Time{"commit": t.Committed, "fetched": t.Fetched, "rendered": t.Rendered, "planned": t.Planned, "applied": t.Applied, "healthy": t.Healthy}
	for i := range l.Steps {
		step := &l.Steps[i]
		then := at[step.Name]
		switch {
		case step.Name == "healthy" && step.State == "running" && !t.Applied.IsZero():
			step.At = known(t.Applied)
		case step.State == "done" && !then.IsZero():
			step.At = known(then)
			if l.leads(step.Name) {
				step.Took, since = between(since, then), then
			}
		}
	}
	if l.Cause == causeCommit {
		l.Lead = between(t.Committed, t.Healthy)
	}
}

// leads says whether a step is part of this release's own way. A commit is fetched
// once, and may be released again much later.
func (l *Lifecycle) leads(step string) bool {
	return step != "commit" && (step != "fetched" || l.Cause == causeCommit)
}

// between is the seconds from one time to another, where both are known. A commit has
// the clock of whoever made it, so it may seem to lie ahead.
func between(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	d := max(0, to.Sub(from).Seconds())
	return &d
}
