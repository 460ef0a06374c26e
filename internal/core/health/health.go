package health

import (
	"fmt"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/health/expr"
	"github.com/lockstep-dev/lockstep/internal/core/health/rules"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// judge says how an object of one kind is doing, once it is known that it is not
// being deleted and that its controller has seen its newest spec.
type judge func(tree) lockstep.Health

var judges = map[lockstep.GroupKind]judge{
	{Group: "apps", Kind: "Deployment"}:                               deployment,
	{Group: "apps", Kind: "StatefulSet"}:                              statefulSet,
	{Group: "apps", Kind: "DaemonSet"}:                                daemonSet,
	{Group: "apps", Kind: "ReplicaSet"}:                               replicaSet,
	{Kind: "ReplicationController"}:                                   replicaSet,
	{Kind: "Pod"}:                                                     pod,
	{Group: "batch", Kind: "Job"}:                                     job,
	{Group: "batch", Kind: "CronJob"}:                                 cronJob,
	{Kind: "PersistentVolumeClaim"}:                                   claim,
	{Kind: "PersistentVolume"}:                                        volume,
	{Kind: "Service"}:                                                 service,
	{Kind: "Namespace"}:                                               namespace,
	{Group: "networking.k8s.io", Kind: "Ingress"}:                     always,
	{Group: "policy", Kind: "PodDisruptionBudget"}:                    budget,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:           autoscaler,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:             apiService,
	{Group: "certificates.k8s.io", Kind: "CertificateSigningRequest"}: request,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: definition,
}

// Of says how the object is doing. It takes any tree, also one that no API
// would serve, and never panics.
func Of(object map[string]any) lockstep.Health { return (*Rules)(nil).Of(object) }

// Of says how the object is doing where r has its say: after what holds for every
// kind, before what comes with Lockstep.
func (r *Rules) Of(object map[string]any) lockstep.Health {
	t := tree(object)
	if t.text("metadata", "deletionTimestamp") != "" {
		return terminating(t)
	}
	if h, ok := ignoredByItself(t); ok {
		return h
	}
	key := t.key()
	if h, ok := r.ignores(key); ok {
		return h
	}
	if h, ok := r.onHold(t, key); ok {
		return h
	}
	if h, ok := unobserved(t); ok {
		return h
	}
	if h, ok := declared(t); ok {
		return h
	}
	if h, ok := r.judge(t, key); ok {
		return h
	}
	gk := t.groupKind()
	if j, ok := judges[gk]; ok {
		return j(t)
	}
	if h, ok := fromLibrary(t, gk); ok {
		return h
	}
	return generic(t)
}

// fromLibrary asks the rules that come with Lockstep.
func fromLibrary(t tree, gk lockstep.GroupKind) (lockstep.Health, bool) {
	if !inLibrary(gk) {
		return lockstep.Health{}, false
	}
	s := theLibrary().find(gk)
	if s == nil {
		return lockstep.Health{}, false
	}
	set, err := s.set(rules.Files)
	if err != nil {
		return lockstep.Health{}, false // its tests do not let it come to this
	}
	return set.judge(t, expr.Bind(t))
}

func ok() lockstep.Health { return lockstep.Health{Status: lockstep.Healthy} }

func verdict(s lockstep.HealthStatus, format string, args ...any) lockstep.Health {
	return lockstep.Health{Status: s, Message: clean(fmt.Sprintf(format, args...))}
}

func progressing(format string, args ...any) lockstep.Health {
	return verdict(lockstep.Progressing, format, args...)
}

func degraded(format string, args ...any) lockstep.Health {
	return verdict(lockstep.Degraded, format, args...)
}

func suspended(format string, args ...any) lockstep.Health {
	return verdict(lockstep.Suspended, format, args...)
}

func always(tree) lockstep.Health { return ok() }

// maxMessage bounds what a status carries of a controller's words.
const maxMessage = 400

// clean makes one line of a controller's words.
func clean(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\uFFFD")
	if len(s) <= maxMessage {
		return s
	}
	cut := maxMessage
	for cut > 0 && s[cut]&0xC0 == 0x80 { // not inside a rune
		cut--
	}
	return s[:cut] + "…"
}

func terminating(t tree) lockstep.Health {
	names := make([]string, 0, 2)
	for _, f := range t.list("metadata", "finalizers") {
		if s, ok := f.(string); ok {
			names = append(names, s)
		}
	}
	if len(names) == 0 {
		return verdict(lockstep.Terminating, "is being deleted")
	}
	return verdict(lockstep.Terminating, "is being deleted, waits for %s", strings.Join(names, ", "))
}

// unobserved catches the moment after an apply in which the status still speaks
// of the spec before.
func unobserved(t tree) (lockstep.Health, bool) {
	generation, known := t.number("metadata", "generation")
	observed, reported := t.number("status", "observedGeneration")
	if !known || !reported || generation == observed {
		return lockstep.Health{}, false
	}
	return progressing("its controller has not seen the newest change yet"), true
}

// declared reads the two conditions that kstatus defines for any kind.
func declared(t tree) (lockstep.Health, bool) {
	for _, c := range t.conditions() {
		switch {
		case c.status != "True":
		case c.kind == "Reconciling":
			return progressing("%s", c.words()), true
		case c.kind == "Stalled":
			return degraded("%s", c.words()), true
		}
	}
	return lockstep.Health{}, false
}

// generic judges a kind that is not known by its conditions: Ready first, then
// the others that controllers use as their one verdict. No condition means no
// notion of health.
func generic(t tree) lockstep.Health {
	if t.truth("spec", "suspend") {
		return suspended("is suspended")
	}
	conditions := t.conditions()
	for _, kind := range [...]string{"Ready", "Available", "Succeeded"} {
		c, found := conditions.of(kind)
		if !found {
			continue
		}
		return byReadiness(kind, c)
	}
	return ok()
}

func byReadiness(kind string, c condition) lockstep.Health {
	switch {
	case c.status == "True":
		return ok()
	case c.status == "False" && (kind == "Succeeded" || c.terminal()):
		return degraded("%s", c.words())
	}
	return progressing("%s", c.words())
}
