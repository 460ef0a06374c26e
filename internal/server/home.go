package server

import (
	"os"
	"strings"
)

// podNamespace is where Kubernetes tells a pod its namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// home returns the namespace of what the server keeps for itself: the pod's own,
// or what deploy/install makes.
func (o Options) home() string {
	if o.LeaderElectionNamespace != "" {
		return o.LeaderElectionNamespace
	}
	if raw, err := os.ReadFile(podNamespace); err == nil {
		return strings.TrimSpace(string(raw))
	}
	return "lockstep-system"
}
