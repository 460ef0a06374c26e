package server

import (
	"os"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// podNamespace is where Kubernetes tells a pod its namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// home returns the namespace of what the server keeps for itself: as asked for,
// the pod's own, or what deploy/install makes.
func (o Options) home() string {
	if o.SystemNamespace != "" {
		return o.SystemNamespace
	}
	if raw, err := os.ReadFile(podNamespace); err == nil {
		return strings.TrimSpace(string(raw))
	}
	return v1alpha1.SystemNamespace
}
