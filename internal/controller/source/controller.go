// Package source keeps the newest Snapshot of every Source.
//
// One fetch serves all Stacks of a URL. The Snapshot is published inside the
// process first, so that touched Stacks start at once; the Source's status then
// carries the commit, once, for all of them.
package source

import (
	"context"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/observe"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Reconciler fetches Sources.
type Reconciler struct {
	Client  client.Client
	Refs    *refs.Store
	Fleet   *fleet.Fleet
	Mirrors source.Opener
	Report  *report.Reporter
	Metrics *Metrics
	Tracer  *observe.Tracer
	Causes  *observe.Causes
	// Keeps says whether this replica polls the Source and writes its status; nil
	// for always.
	Keeps func(context.Context) bool

	hints hints
}

// reconcile looks at the remote once.
func (r *Reconciler) reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	name := lockstep.Unit{Namespace: req.Namespace, Name: req.Name}
	src := &v1alpha1.Source{}
	if err := r.Client.Get(ctx, req.NamespacedName, src); err != nil {
		if !apierrors.IsNotFound(err) {
			return reconcile.Result{}, err
		}
		r.Refs.Release(userOf(name))
		r.Refs.Release(refs.User{Kind: refs.Webhook, Namespace: name.Namespace, Name: name.Name})
		r.Fleet.Remove(name)
		r.Causes.Forget(name)
		return reconcile.Result{}, nil
	}
	src = r.Report.Latest(src).(*v1alpha1.Source).DeepCopy()
	if hinted := r.hints.take(name); r.Keeps != nil && !r.Keeps(ctx) {
		return r.follow(ctx, name, src, hinted)
	}
	if src.Spec.Suspend {
		r.keep(ctx, name, src)
		return r.report(ctx, src, nil, v1alpha1.Suspended(), nil)
	}
	snap, err := r.fetch(ctx, name, src)
	if err != nil {
		err = located(fault.As(err).At("source %s", name), src)
		r.Fleet.Fail(name, err)
		return r.report(ctx, src, nil, report.Fault(err), err)
	}
	return r.report(ctx, src, snap, v1alpha1.Fetched(snap.Revision().Short()), nil)
}

// located names the Secret that a refused credential came from: the mirror knows
// values only.
func located(f *fault.Fault, src *v1alpha1.Source) *fault.Fault {
	if f.Kind != fault.KindDenied || src.Spec.Git == nil {
		return f
	}
	ref := src.Spec.Git.SecretRef
	if ref == nil {
		return f.WithHint("name a Secret in spec.git.secretRef; %s", f.Hint)
	}
	return f.WithHint("Secret %q: %s", src.Namespace+"/"+ref.Name, f.Hint)
}

// fetch brings the newest snapshot and publishes it.
func (r *Reconciler) fetch(ctx context.Context, name lockstep.Unit, src *v1alpha1.Source) (source.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, max(src.Spec.Timeout.Duration, time.Second))
	defer cancel()
	started := time.Now()
	mirror, ref, err := r.open(ctx, name, src)
	if err != nil {
		return nil, err
	}
	snap, err := mirror.Fetch(ctx, ref)
	r.Metrics.fetched(time.Since(started), err)
	if err != nil {
		return nil, err
	}
	r.Fleet.Arrived(name, snap.Revision().Commit, src.Status.Revision, time.Now())
	r.publish(ctx, name, snap, mirror)
	return snap, nil
}

// keep publishes, for a suspended Source, the commit that its status names: after
// a restart its Stacks go on from there, without the network.
func (r *Reconciler) keep(ctx context.Context, name lockstep.Unit, src *v1alpha1.Source) {
	if _, err := r.Fleet.Snapshot(name, ""); err == nil {
		return
	}
	unknown := fault.Blocked("it is suspended, and its last commit is not in the local mirror").
		WithHint("resume the source: spec.suspend")
	mirror, _, err := r.open(ctx, name, src)
	if err != nil || src.Status.Revision == "" {
		r.Fleet.Fail(name, unknown.Because(err))
		return
	}
	snap, err := mirror.At(ctx, src.Status.Revision)
	if err != nil {
		r.Fleet.Fail(name, unknown.Because(err))
		return
	}
	r.publish(ctx, name, snap, mirror)
}

func (r *Reconciler) publish(ctx context.Context, name lockstep.Unit, snap source.Snapshot, mirror source.Mirror) {
	r.brought(ctx, name, snap)
	users, touched := r.Fleet.Publish(name, snap, func(commit string) (source.Snapshot, error) {
		// Pinned commits are read from the mirror long after this pass is over.
		return mirror.At(context.WithoutCancel(ctx), commit)
	})
	r.Metrics.published(users, touched)
}

func (r *Reconciler) open(ctx context.Context, name lockstep.Unit, src *v1alpha1.Source) (source.Mirror, source.Ref, error) {
	secrets := r.Refs.Begin(userOf(name))
	spec, ref, err := stack.SourceSpec(ctx, secrets, src)
	secrets.End()
	if err != nil {
		return nil, ref, err
	}
	mirror, err := r.Mirrors.Open(ctx, spec)
	return mirror, ref, err
}

func (r *Reconciler) report(ctx context.Context, src *v1alpha1.Source, snap source.Snapshot, v v1alpha1.Verdict, err error) (reconcile.Result, error) {
	before := src.DeepCopy()
	s := &src.Status
	s.ObservedGeneration = src.Generation
	s.LastHandledReconcileAt = src.Annotations[v1alpha1.AnnotationReconcileAt]
	if snap != nil {
		rev := snap.Revision()
		s.Revision, s.ShortRevision, s.Ref, s.Subject, s.Author = rev.Commit, rev.Short(), rev.Ref, rev.Subject, rev.Author
	}
	v1alpha1.SetVerdict(&s.Conditions, v, src.Generation, metav1.Now())
	interval := src.Spec.Interval.Duration
	return r.Report.Write(ctx, report.Written{
		Before: before, After: src, Verdict: v, Err: err,
		Again:    jitter(interval),
		RetryMax: max(interval, 10*time.Second),
	})
}

func userOf(name lockstep.Unit) refs.User {
	return refs.User{Kind: "Source", Namespace: name.Namespace, Name: name.Name}
}

// jitter adds up to a tenth, so that Sources made together do not stay together.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		d = time.Minute
	}
	return d + rand.N(d/10+1)
}
