package member

import (
	"context"
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/internal/core/shard"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// How a Lease of ours is known, and what it carries.
const (
	// Label marks the Leases of members.
	Label = "lockstep.dev/member"
	// AnnotationView is the set of members that one goes by.
	AnnotationView = "lockstep.dev/view"
)

// Selector finds the Leases of members.
const Selector = Label + "=true"

// LeaseOf reads what a member has published.
func LeaseOf(l *coordinationv1.Lease) shard.Lease {
	held := shard.Shared.Lease
	if s := l.Spec.LeaseDurationSeconds; s != nil && *s > 0 {
		held = time.Duration(*s) * time.Second
	}
	return shard.Lease{
		ID:      shard.ID(l.Name),
		Version: string(l.UID) + "/" + l.ResourceVersion,
		View:    shard.ParseView(l.Annotations[AnnotationView]),
		For:     held,
	}
}

// lease is what the own Lease has to say.
func (m *Member) lease(rec shard.Record, now time.Time) *coordinationv1.Lease {
	stamp := metav1.NewMicroTime(now)
	acquired := metav1.NewMicroTime(m.started)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: string(m.o.Identity.ID), Namespace: m.o.Namespace,
			Labels:      map[string]string{Label: "true", "app.kubernetes.io/name": "lockstep"},
			Annotations: map[string]string{AnnotationView: rec.View.String()},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       new(m.holder()),
			LeaseDurationSeconds: new(int32(rec.Timing.Lease / time.Second)),
			AcquireTime:          &acquired,
			RenewTime:            &stamp,
		},
	}
}

// holder tells this process from others with the same name.
func (m *Member) holder() string { return string(m.o.Identity.ID) + "_" + m.o.Identity.run }

// put writes the own Lease, if it is still in the state in which this process
// knows it.
func (m *Member) put(ctx context.Context, l *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	leases := m.o.Client.Leases(m.o.Namespace)
	if m.held == nil {
		return leases.Create(ctx, l, metav1.CreateOptions{})
	}
	l.UID, l.ResourceVersion = m.held.UID, m.held.ResourceVersion
	return leases.Update(ctx, l, metav1.UpdateOptions{})
}

// requestTime bounds one request about Leases: there has to be time for another
// try before the deadline.
const requestTime = 2500 * time.Millisecond

// reread finds out why a write of the own Lease was refused. An earlier write of
// this process, whose answer was lost, is no trouble.
func (m *Member) reread(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	l, err := m.o.Client.Leases(m.o.Namespace).Get(ctx, string(m.o.Identity.ID), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return errEvicted()
	case err != nil:
		return nil // the next try will tell
	case l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity != m.holder():
		return fault.Conflict("another process is replica %q", m.o.Identity.ID).
			WithHint("was the data directory copied or shared? each replica needs one of its own")
	}
	m.held = l
	return nil
}

func errEvicted() error {
	return fault.Unavailable("the other replicas took over while this one did not renew its lease").
		WithHint("it is safe to start it again; if this happens often, look for a slow Kubernetes API or too little CPU")
}

// evict deletes a Lease that ran out, unless it was renewed meanwhile.
func (m *Member) evict(ctx context.Context, uid types.UID, version string, id shard.ID) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	err := m.o.Client.Leases(m.o.Namespace).Delete(ctx, string(id), metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // somebody was faster, or it is back
	}
	return err
}

// newer compares resource versions, which Kubernetes promises to be ordered.
func newer(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	return errX == nil && errY == nil && x > y
}
