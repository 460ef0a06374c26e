package stack

import (
	"cmp"
	"context"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/core/helmrecord"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// recorder is a driver of Targets that Helm's own records can be kept on.
type recorder interface {
	HelmRecords(ctx context.Context, as driver.Actor, namespace, release string) ([]map[string]any, error)
	PutHelmRecord(ctx context.Context, as driver.Actor, namespace string, tree map[string]any) error
	DeleteHelmRecord(ctx context.Context, as driver.Actor, namespace, name string) error
}

// recordAgain is how soon a record is tried again that could not be written.
const recordAgain = time.Minute

// wantsRecord says whether Helm's own record is to be kept of s's releases.
func wantsRecord(s *v1alpha1.Stack) bool {
	return s.Spec.Helm != nil && s.Spec.Helm.ReleaseRecord
}

// keepRecord writes Helm's record of the newest release once that has ended. That
// it is written is in the status, so that it costs nothing later. A record that
// cannot be written is told, and does not hold up the release: the objects are
// what Git asks for.
func (r *Reconciler) keepRecord(ctx context.Context, p *pass) {
	d, able := p.driver.(recorder)
	if !wantsRecord(p.stack) || !able || !p.stack.DeletionTimestamp.IsZero() {
		return
	}
	e, due := recordDue(p)
	if !due {
		return
	}
	var err error
	if e.Draft, err = r.draft(ctx, p); err != nil || e.Draft == nil {
		return // the pass that finds out why tells it; that it is due stays known
	}
	now := v1alpha1.HelmRecord{Release: e.Release, Status: string(e.Status)}
	version, err := writeRecord(ctx, d, p, e)
	if err != nil {
		before := p.stack.Status.HelmRecord
		if before != nil {
			now = *before
		}
		now.Message = "Helm's record of release " + strconv.FormatInt(e.Release, 10) + " was not written: " + report.Line(fault.As(err))
		if before == nil || before.Message != now.Message {
			r.Report.Warn(ctx, p.stack, "HelmRecordFailed", now.Message)
		}
		if p.again == 0 || p.again > recordAgain {
			p.again = recordAgain
		}
		p.stack.Status.HelmRecord = &now
		return
	}
	now.Version = int32(version)
	p.stack.Status.HelmRecord = &now
}

// recordDue returns the release that Helm's record is still to be written of.
// Healing drift is no release to Helm: it would be the same again.
func recordDue(p *pass) (e helmrecord.Ended, due bool) {
	s := &p.stack.Status
	for _, h := range s.Releases() {
		if h.Cause == causeDrift {
			continue
		}
		outcome, message := h.Outcome, h.Message
		if outcome == outcomeSuperseded && h.ID != s.History[0].ID {
			// Drift was healed before it was ready; what Git asks for is the same.
			outcome = s.History[0].Outcome
		}
		switch {
		case outcome == outcomeSucceeded && s.Key == p.memo.Key:
			e.Status, e.Note = helmrecord.Deployed, "commit "+short(h.Revision)+", by Lockstep"
		case outcome == outcomeFailed && h.Revision == p.memo.Revision.Commit:
			e.Status, e.Note = helmrecord.Failed, cmp.Or(message, "commit "+short(h.Revision))
		default:
			return e, false
		}
		e.Owner, e.Release, e.At = ownerOf(p), h.ID, finished(h)
		was := s.HelmRecord
		return e, was == nil || was.Release != e.Release || was.Status != string(e.Status)
	}
	return e, false
}

func ownerOf(p *pass) helmrecord.Owner {
	return helmrecord.Owner{Namespace: p.unit.Namespace, Name: p.unit.Name, UID: string(p.stack.UID)}
}

func finished(h v1alpha1.Release) time.Time {
	if h.FinishedAt != nil {
		return h.FinishedAt.Time
	}
	return metav1.Now().Time
}

func short(commit string) string { return commit[:min(len(commit), 12)] }

// draft is the record of what the Stack comes to. A pass that found the release
// healthy has not rendered: then it is rendered for this, once for each release.
func (r *Reconciler) draft(ctx context.Context, p *pass) ([]byte, error) {
	if p.draft != nil {
		return p.draft, nil
	}
	session := r.Refs.Begin(userOf(p.unit))
	lookup := r.lookup(session)
	in, err := r.resolve(ctx, lookup, p)
	session.End()
	if err != nil {
		return nil, err
	}
	engine := stack.Engine{Lookup: lookup, Render: r.Render, Key: r.Key, AllowRemote: r.AllowRemote}
	rendered, err := r.desired(ctx, engine, in)
	if err != nil || rendered.Key != p.memo.Key {
		return nil, err // a newer commit is on its way
	}
	return rendered.Record, nil
}

func writeRecord(ctx context.Context, d recorder, p *pass, e helmrecord.Ended) (version int, err error) {
	actor, namespace := stack.ActorOf(p.stack), stack.NamespaceOf(p.stack)
	have, err := d.HelmRecords(ctx, actor, namespace, stack.ReleaseName(p.stack))
	if err != nil {
		return 0, err
	}
	w, err := helmrecord.Record(have, namespace, e)
	if err != nil {
		return 0, err
	}
	return w.Version, carryRecord(ctx, d, p, w)
}

func carryRecord(ctx context.Context, d recorder, p *pass, w helmrecord.Writes) error {
	actor, namespace := stack.ActorOf(p.stack), stack.NamespaceOf(p.stack)
	for _, tree := range w.Put {
		if err := d.PutHelmRecord(ctx, actor, namespace, tree); err != nil {
			return err
		}
	}
	for _, name := range w.Delete {
		if err := d.DeleteHelmRecord(ctx, actor, namespace, name); err != nil {
			return err
		}
	}
	return nil
}

// endsRecords says whether p's Stack takes records with it as it is deleted. One
// that leaves its objects leaves the records as well: Helm can go on with them.
func endsRecords(p *pass) (recorder, bool) {
	d, able := p.driver.(recorder)
	kept := wantsRecord(p.stack) || p.stack.Status.HelmRecord != nil
	s := p.stack.Spec
	return d, able && kept && s.Helm != nil && s.Pause == nil && s.Sync.Deletion != v1alpha1.DeletionOrphan
}

// uninstalling says in Helm's record that the objects are about to go. The record
// goes after them, so nothing depends on it.
func (r *Reconciler) uninstalling(ctx context.Context, p *pass) {
	d, ok := endsRecords(p)
	if !ok || p.plan.Empty() {
		return
	}
	have, err := d.HelmRecords(ctx, stack.ActorOf(p.stack), stack.NamespaceOf(p.stack), stack.ReleaseName(p.stack))
	if err != nil {
		return
	}
	if w, err := helmrecord.Uninstall(have, ownerOf(p), time.Now()); err == nil {
		_ = carryRecord(ctx, d, p, w)
	}
}

// dropRecords deletes Helm's records, once the objects are gone.
func (r *Reconciler) dropRecords(ctx context.Context, p *pass) error {
	d, ok := endsRecords(p)
	if !ok {
		return nil
	}
	have, err := d.HelmRecords(ctx, stack.ActorOf(p.stack), stack.NamespaceOf(p.stack), stack.ReleaseName(p.stack))
	if err != nil {
		return err
	}
	return carryRecord(ctx, d, p, helmrecord.Writes{Delete: helmrecord.Gone(have, ownerOf(p))})
}
