package report

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Warn tells of something that went wrong beside what o is about. The caller sees
// to it that it is told once.
func (r *Reporter) Warn(ctx context.Context, o client.Object, reason, message string) {
	r.log.WarnContext(ctx, "warning", "kind", kindOf(o), "object", o.GetNamespace()+"/"+o.GetName(), "reason", reason, "message", short(message))
	r.Metrics.event(corev1.EventTypeWarning, true)
	r.events.Eventf(o, nil, corev1.EventTypeWarning, reason, "Reconcile", "%s", short(message))
}
