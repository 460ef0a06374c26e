package drift

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const (
	// Truce: a fight is over when nothing had to be done again for so long.
	Truce = 10 * time.Minute
	// Rounds is how often a field is healed before it is left alone for a while.
	Rounds = 5
	// longest a field is left alone.
	longest = time.Hour
)

// pause is how long to wait since the last heal after n of them. The first time
// somebody changes a field it is healed at once; then each answer waits twice as
// long as the one before; from Rounds on the field is left alone for limit, and
// for twice as long whenever one more try shows that the fight goes on.
func pause(n int, limit time.Duration) time.Duration {
	switch {
	case n == 0:
		return 0
	case n < Rounds:
		return min(time.Second<<(n-1), limit)
	}
	return min(limit<<min(n-Rounds, 12), max(limit, longest))
}

// recordOf is a record without what time decides.
func recordOf(k lockstep.Key, c lockstep.FieldChange) lockstep.Drift {
	return lockstep.Drift{
		Object: k, Field: c.Path, Git: c.To, Live: c.From,
		Manager: c.Manager, Operation: c.Operation, Subresource: c.Subresource,
	}
}

// sentence says what happens next to a field that two managers fight over, and
// how to end that.
func sentence(r lockstep.Drift, s plan.Step) string {
	until := r.Until.UTC().Format(time.TimeOnly) + " UTC"
	fight := fight(r, s)
	if r.State == lockstep.DriftWaiting {
		return fmt.Sprintf("healing waits until %s: %s", until, fight)
	}
	return fmt.Sprintf("left alone until %s: %s, %d times so far; %s", until, fight, r.Healed, remedy(r))
}

func fight(r lockstep.Drift, s plan.Step) string {
	switch {
	case r.Field == "" && r.Operation == "Delete":
		return "somebody keeps deleting it and lockstep creating it"
	case r.Field == "":
		return "it " + s.Reason + " again and again"
	case r.Manager == "":
		return "somebody keeps removing it and lockstep setting it"
	}
	return r.Manager + " and lockstep keep changing it"
}

func remedy(r lockstep.Drift) string {
	who := r.Manager
	if who == "" {
		who = "whoever does that"
	}
	if r.Field == "" {
		return "take it out of Git or stop " + who
	}
	return "take the field out of Git, name it under spec.ignoreDifferences or stop " + who
}

// Class is what kind of manager one is, for metrics: names of managers are as
// many as programs.
func Class(manager string) string {
	m := strings.ToLower(manager)
	for _, c := range classes {
		if strings.HasPrefix(m, c.prefix) {
			return c.class
		}
	}
	if m == "" {
		return "unknown"
	}
	return "other"
}

// Classes are all answers of Class.
var Classes = []string{"argocd", "autoscaler", "controller", "flux", "helm", "kubectl", "other", "terraform", "unknown"}

var classes = []struct{ prefix, class string }{
	{"kubectl", "kubectl"},
	{"k9s", "kubectl"},
	{"lens", "kubectl"},
	{"node-fetch", "kubectl"}, // what Lens calls itself
	{"helm-controller", "flux"},
	{"kustomize-controller", "flux"},
	{"helm", "helm"},
	{"argocd", "argocd"},
	{"terraform", "terraform"},
	{"hashicorp", "terraform"},
	{"pulumi", "terraform"},
	{"horizontal-pod-autoscaler", "autoscaler"},
	{"vpa", "autoscaler"},
	{"keda", "autoscaler"},
	{"kube-controller-manager", "controller"},
	{"kube-scheduler", "controller"},
	{"kubelet", "controller"},
	{"cloud-controller-manager", "controller"},
}
